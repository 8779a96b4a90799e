// Requests about the committed offsets of consumer groups: each group is asked for at its
// coordinator, and many groups of one broker in one request. If a group's coordinator has moved,
// the new one is looked up once a call.
import { errorTable } from '../errors/error-table.ts'
import { ReplicatorError, type NativeFailure } from '../errors/replicator-error.ts'
import { chunks } from './chunks.ts'
import type {
  CommittedPartition, GroupListing, GroupListings, GroupOffset, GroupOffsets
} from './cluster-admin.ts'
import { itemError } from './cluster-error.ts'

export interface GroupCoordinatorsOptions {
  readonly cluster: string
  /** A call of the data plane; rejects with a ReplicatorError. */
  readonly call: (name: string, args: object) => Promise<unknown>
  /** The ids of the brokers that are alive. */
  readonly brokers: () => Promise<readonly number[]>
}

// The answer for a group of a thousand partitions has some 40 KiB.
const groupsPerRequest = 50
// A partition adds some 30 bytes to the request; no group coordinator refuses this size.
const offsetsPerCommit = 2_000
// Deleted groups stay in the map up to this number; looking up all groups again is cheap.
const coordinatorsMax = 100_000

type NativeOffsets = NativeFailure & Pick<GroupOffsets, 'name' | 'offsets'>
type NativePartition = NativeFailure & Pick<CommittedPartition, 'topic' | 'partition'>
type NativeCoordinator = NativeFailure & { readonly name: string, readonly node: number }

export class GroupCoordinators {
  readonly #options: GroupCoordinatorsOptions
  /** By group; removed if the broker reports that it is not the coordinator. */
  readonly #coordinators = new Map<string, number>()

  constructor (options: GroupCoordinatorsOptions) {
    this.#options = options
  }

  async list (): Promise<GroupListings> {
    const { brokers, call } = this.#options
    const answers = await Promise.allSettled((await brokers()).map(async node =>
      await call('listGroups', { node }) as readonly GroupListing[]))
    const groups = answers.flatMap(each => each.status === 'fulfilled' ? each.value : [])
    const failed = answers.find(each => each.status === 'rejected')
    const error = failed === undefined ? undefined : ReplicatorError.from(failed.reason)
    // While a coordinator moves, two brokers list its groups: either answer may be used.
    return { groups: [...new Map(groups.map(group => [group.name, group])).values()], error }
  }

  /** In the order of the names. */
  async offsetsOf (names: readonly string[]): Promise<readonly GroupOffsets[]> {
    const found = new Map<string, GroupOffsets>()
    const moved = await this.#fetch(names, found)
    if (moved.length > 0) await this.#fetch(moved, found)
    return names.map(name => found.get(name) ?? this.#unanswered(name, unknownCoordinator))
  }

  async commit (
    group: string, offsets: readonly GroupOffset[]
  ): Promise<readonly CommittedPartition[]> {
    const byTopic = offsets.toSorted((a, b) => a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0)
    const results: CommittedPartition[] = []
    for (const piece of chunks(byTopic, offsetsPerCommit)) {
      results.push(...await this.#commitOnce(group, piece))
    }
    return results
  }

  async #commitOnce (
    group: string, offsets: readonly GroupOffset[]
  ): Promise<readonly CommittedPartition[]> {
    for (let isLast = false; ; isLast = true) {
      const [coordinator] = await this.#coordinatorsOf([group])
      if (coordinator === undefined || coordinator.code !== 0) {
        const failure = coordinator ?? unknownCoordinator
        return offsets.map(({ partition, topic }) =>
          ({ topic, partition, error: this.#errorOf(group, failure, 'READ') }))
      }
      const { node } = coordinator
      const results = await this.#call(node, 'commitGroupOffsets',
        { node, group, offsets }) as readonly NativePartition[]
      const moved = results.find(({ code }) => this.#hasMoved(group, code))
      if (moved === undefined || isLast) {
        return results.map(({ partition, topic, ...failure }) =>
          ({ topic, partition, error: this.#errorOf(group, failure, 'READ') }))
      }
    }
  }

  /** Adds to `found`; returns the groups whose coordinator has moved. */
  async #fetch (
    names: readonly string[], found: Map<string, GroupOffsets>
  ): Promise<readonly string[]> {
    const byNode = new Map<number, string[]>()
    for (const { name, node, ...failure } of await this.#coordinatorsOf(names)) {
      if (failure.code !== 0) found.set(name, this.#unanswered(name, failure))
      else byNode.set(node, [...byNode.get(node) ?? [], name])
    }
    const moved: string[] = []
    await Promise.all([...byNode].map(async ([node, groups]) => {
      for (const piece of chunks(groups, groupsPerRequest)) {
        for (const each of await this.#offsetsAt(node, piece)) found.set(each.name, each)
        moved.push(...piece.filter(name => this.#hasMoved(name, found.get(name)?.error?.code)))
      }
    }))
    return moved
  }

  /** If a broker does not answer, only its groups have an error. */
  async #offsetsAt (node: number, groups: readonly string[]): Promise<readonly GroupOffsets[]> {
    try {
      const answers = await this.#call(node, 'listGroupOffsets',
        { node, groups }) as readonly NativeOffsets[]
      return answers.map(({ name, offsets, ...failure }) =>
        ({ name, offsets, error: this.#errorOf(name, failure, 'DESCRIBE') }))
    } catch (thrown) {
      const error = ReplicatorError.from(thrown)
      return groups.map(name => ({ name, offsets: [], error }))
    }
  }

  #unanswered (name: string, failure: NativeFailure): GroupOffsets {
    return { name, offsets: [], error: this.#errorOf(name, failure, 'DESCRIBE') }
  }

  async #coordinatorsOf (names: readonly string[]): Promise<readonly NativeCoordinator[]> {
    const unknown = names.filter(name => !this.#coordinators.has(name))
    const failed: NativeCoordinator[] = []
    if (unknown.length > 0) {
      const [node] = await this.#options.brokers()
      if (node === undefined) throw new ReplicatorError('_TRANSPORT', 'no broker is alive')
      for (const groups of chunks(unknown, groupsPerRequest)) {
        const found = await this.#call(node, 'findCoordinators',
          { node, groups }) as readonly NativeCoordinator[]
        for (const each of found) {
          if (each.code === 0) this.#remember(each)
          else failed.push(each)
        }
      }
    }
    const known = names.flatMap(name => {
      const node = this.#coordinators.get(name)
      return node === undefined ? [] : [{ name, node, code: 0, detail: '' }]
    })
    return [...known, ...failed]
  }

  #remember ({ name, node }: NativeCoordinator): void {
    if (this.#coordinators.size >= coordinatorsMax) this.#coordinators.clear()
    this.#coordinators.set(name, node)
  }

  /** A broker that cannot be reached may no longer be the coordinator of its groups. */
  async #call (node: number, name: string, args: object): Promise<unknown> {
    try {
      return await this.#options.call(name, args)
    } catch (thrown) {
      for (const [group, of] of this.#coordinators) {
        if (of === node) this.#coordinators.delete(group)
      }
      throw thrown
    }
  }

  #hasMoved (group: string, code: number | undefined): boolean {
    const moved = code === errorTable.NOT_COORDINATOR.code
    if (moved) this.#coordinators.delete(group)
    return moved
  }

  #errorOf (
    group: string, { code, detail }: NativeFailure, needs: 'READ' | 'DESCRIBE'
  ): ReplicatorError | undefined {
    return itemError(this.#options.cluster, `group ${group}`, { code, detail }, needs)
  }
}

const unknownCoordinator: NativeFailure = {
  code: errorTable.COORDINATOR_NOT_AVAILABLE.code, detail: 'no broker names the coordinator'
}
