// Commits on the target the offsets that the consumer groups of the source have committed,
// translated (KIP-545): a group that moves to the target continues at the next record.
// group-offset-rules.ts decides which groups and offsets.
import { chunks } from '../cluster/chunks.ts'
import type { ClusterAdmin, GroupOffset } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { unlessAborted } from '../time/deadline.ts'
import { forwards, keyOf, mayMove, withinLog, type TranslatedOffset } from './group-offset-rules.ts'
import type {
  GroupPosition, GroupPositions, GroupPositionsResult
} from './group-positions.ts'

export interface GroupOffsetSyncOptions {
  readonly positions: Pick<GroupPositions, 'read'>
  readonly target: Pick<ClusterAdmin,
    'cluster' | 'listGroups' | 'groupOffsets' | 'listOffsets' | 'commitGroupOffsets'>
}

export interface GroupOffsetSyncResult extends Pick<GroupPositionsResult, 'shareGroups'> {
  /** Groups with offsets that were committed on the target. */
  readonly moved: readonly string[]
  /** Requests that a cluster refused or did not answer; the other groups were moved. */
  readonly failures: readonly ReplicatorError[]
}

/** The offsets that are due, before they are committed. */
export interface GroupOffsetPlan
  extends Pick<GroupOffsetSyncResult, 'failures'>,
  Pick<GroupPositionsResult, 'groups' | 'shareGroups'> {
  readonly due: readonly GroupPosition[]
  /** Groups with a translated offset that consume on the target: they commit their own offsets. */
  readonly withMembers: readonly string[]
}

/** Commits that wait for the target at a time. */
const commitsAtOnce = 4

/** The group has members now: it consumes on the target, and its members commit offsets. */
const hasMembers: ReadonlySet<string> = new Set([
  'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS', 'STALE_MEMBER_EPOCH',
  'FENCED_INSTANCE_ID'
])

export class GroupOffsetSync {
  readonly #options: GroupOffsetSyncOptions

  constructor (options: GroupOffsetSyncOptions) {
    this.#options = options
  }

  /** Rejects if a request fails as a whole. */
  async syncOnce (signal: AbortSignal): Promise<GroupOffsetSyncResult> {
    const { due, failures, shareGroups } = await this.planOnce(signal)
    const commits = await this.#commit(due, signal)
    return {
      moved: commits.moved, failures: [...failures, ...commits.failures], shareGroups
    }
  }

  /** What the next syncOnce() would commit. Rejects if a request fails as a whole. */
  async planOnce (signal: AbortSignal): Promise<GroupOffsetPlan> {
    const { positions, target } = this.#options
    const read = await positions.read(signal)
    const { groups, shareGroups } = read
    if (read.positions.length === 0) {
      return { due: [], failures: read.failures, groups, shareGroups, withMembers: [] }
    }
    const listed = await unlessAborted(signal, target.listGroups())
    const states = new Map(listed.groups.map(({ name, state }) => [name, state]))
    const movable = read.positions.filter(({ group }) => mayMove(states.get(group)))
    const onTarget = await this.#committed(movable, signal)
    const ahead = movable.flatMap(({ group, offsets }) => {
      const committed = onTarget.offsets.get(group)
      return committed === undefined ? [] : [{ group, offsets: forwards(offsets, committed) }]
    })
    const ends = await this.#ends(ahead.flatMap(({ offsets }) => offsets), signal)
    const due = ahead.map(({ group, offsets }) => ({ group, offsets: withinLog(offsets, ends) }))
      .filter(({ offsets }) => offsets.length > 0)
    const unlisted = listed.error === undefined ? [] : [listed.error]
    return {
      due,
      failures: [...read.failures, ...unlisted, ...onTarget.failures],
      groups,
      shareGroups,
      withMembers: read.positions.filter(each => !movable.includes(each))
        .map(({ group }) => group)
    }
  }

  /** By group; without groups that the target does not show. */
  async #committed (groups: readonly GroupPosition[], signal: AbortSignal): Promise<{
    readonly offsets: ReadonlyMap<string, readonly GroupOffset[]>
    readonly failures: readonly ReplicatorError[]
  }> {
    if (groups.length === 0) return { offsets: new Map(), failures: [] }
    const found = await unlessAborted(signal,
      this.#options.target.groupOffsets(groups.map(({ group }) => group)))
    return {
      offsets: new Map(found.flatMap(({ error, name, offsets }) =>
        error === undefined ? [[name, offsets] as const] : [])),
      failures: refused(found)
    }
  }

  /** The end offsets of these partitions, by keyOf; without partitions that do not answer. */
  async #ends (
    wanted: readonly TranslatedOffset[], signal: AbortSignal
  ): Promise<ReadonlyMap<string, bigint>> {
    const partitions = [...new Map(wanted.map(each => [keyOf(each), each])).values()]
      .map(({ partition, topic }) => ({ topic, partition, at: 'latest' as const }))
    if (partitions.length === 0) return new Map()
    const listed = await unlessAborted(signal,
      this.#options.target.listOffsets(partitions, 'read_uncommitted'))
    return new Map(listed.flatMap(each =>
      each.error === undefined ? [[keyOf(each), each.offset] as const] : []))
  }

  async #commit (
    due: readonly GroupPosition[], signal: AbortSignal
  ): Promise<Pick<GroupOffsetSyncResult, 'failures' | 'moved'>> {
    const moved: string[] = []
    const errors: Array<{ readonly name: string, readonly error: ReplicatorError }> = []
    for (const side of chunks(due, commitsAtOnce)) {
      signal.throwIfAborted()
      await unlessAborted(signal, Promise.all(side.map(async ({ group, offsets }) => {
        const error = await this.#commitOf(group, offsets)
        if (error === undefined) moved.push(group)
        else if (!hasMembers.has(error.errorName)) errors.push({ name: group, error })
      })))
    }
    return { moved, failures: refused(errors) }
  }

  /** At most one error of the group. */
  async #commitOf (
    group: string, offsets: readonly TranslatedOffset[]
  ): Promise<ReplicatorError | undefined> {
    const wanted = offsets.map(({ downstream, metadata, partition, topic }) =>
      ({ topic, partition, offset: downstream, metadata }))
    try {
      const results = await this.#options.target.commitGroupOffsets(group, wanted)
      return results.find(({ error }) => error !== undefined)?.error
    } catch (thrown) {
      return ReplicatorError.from(thrown)
    }
  }
}

/** One error for all, which names the first group. */
function refused (groups: ReadonlyArray<{
  readonly name: string, readonly error: ReplicatorError | undefined
}>): readonly ReplicatorError[] {
  const errors = groups.flatMap(({ error }) => error ?? [])
  const [first] = errors
  if (first === undefined) return []
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} other groups)`
  return [new ReplicatorError('GROUP_OFFSET_SYNC_FAILED', `${first.detail}${more}`,
    { cause: first, action: `${first.action}, or leave the group out with groups.exclude` })]
}
