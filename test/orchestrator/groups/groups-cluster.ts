// A cluster that answers requests about consumer groups from memory.
import type {
  ClusterAdmin, CommittedPartition, GroupListings, GroupOffset, GroupOffsets, ListedOffset,
  WantedOffset
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import type { ErrorName } from '../../../src/orchestrator/errors/error-table.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'

interface FakeGroup {
  readonly protocolType: string
  state: string
  /** By `topic/partition`. */
  readonly offsets: Map<string, GroupOffset>
  /** The coordinator's answer to every request about the group. */
  refusal: ErrorName | undefined
}

export class GroupsCluster {
  readonly cluster = 'west'
  readonly groups = new Map<string, FakeGroup>()
  /** Log ends by `topic/partition`; a partition without one does not exist. */
  readonly ends = new Map<string, bigint>()
  /** The listing lacks a broker. */
  listError: ReplicatorError | undefined
  readonly requests: string[] = []

  admin (): ClusterAdmin { return this as unknown as ClusterAdmin }

  group (name: string, state = 'Empty', protocolType = 'consumer'): FakeGroup {
    const group = this.groups.get(name) ??
      { protocolType, state, offsets: new Map(), refusal: undefined }
    this.groups.set(name, group)
    return group
  }

  commit (name: string, topic: string, partition: number, offset: bigint, metadata = ''): void {
    this.group(name).offsets.set(`${topic}/${partition}`, { topic, partition, offset, metadata })
  }

  offsetOf (name: string, topic: string, partition: number): bigint | undefined {
    return this.groups.get(name)?.offsets.get(`${topic}/${partition}`)?.offset
  }

  async listGroups (): Promise<GroupListings> {
    this.requests.push('list')
    const groups = [...this.groups].map(([name, { protocolType, state }]) =>
      ({ name, protocolType, state }))
    return { groups, error: this.listError }
  }

  async groupOffsets (names: readonly string[]): Promise<readonly GroupOffsets[]> {
    this.requests.push(`offsets of ${names.join(' ')}`)
    return names.map(name => {
      const error = this.#refusalOf(name)
      const offsets = error === undefined ? [...this.groups.get(name)?.offsets.values() ?? []] : []
      return { name, offsets, error }
    })
  }

  async commitGroupOffsets (
    name: string, offsets: readonly GroupOffset[]
  ): Promise<readonly CommittedPartition[]> {
    this.requests.push(`commit of ${name}`)
    const error = this.#refusalOf(name) ?? (this.groups.get(name)?.state === 'Stable'
      ? new ReplicatorError('UNKNOWN_MEMBER_ID', `group ${name}`)
      : undefined)
    return offsets.map(offset => {
      if (error === undefined) {
        this.commit(name, offset.topic, offset.partition, offset.offset, offset.metadata)
      }
      return { topic: offset.topic, partition: offset.partition, error }
    })
  }

  async listOffsets (wanted: readonly WantedOffset[]): Promise<readonly ListedOffset[]> {
    return wanted.map(({ partition, topic }) => {
      const offset = this.ends.get(`${topic}/${partition}`)
      const error = offset === undefined
        ? new ReplicatorError('UNKNOWN_TOPIC_OR_PARTITION', topic)
        : undefined
      return { topic, partition, offset: offset ?? -1n, timestamp: -1n, leaderEpoch: -1, error }
    })
  }

  #refusalOf (name: string): ReplicatorError | undefined {
    const refusal = this.groups.get(name)?.refusal
    return refusal === undefined ? undefined : new ReplicatorError(refusal, `group ${name}`)
  }
}
