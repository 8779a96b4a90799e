// Where a topic-partition begins that was never mirrored: auto.offset.reset on the source, the end
// of the log on the target. The position is put on record before the first record is sent, so that
// the resume after a crash finds the records that were sent (invariant D).
import type { ClusterAdmin, ListedOffset, WantedOffset } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import type { OffsetReset } from '../config/offset-reset.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Progress, TopicPartition } from '../progress/progress.ts'
import { systemClock } from '../time/clock.ts'

/** A partition without a quick answer must not delay the others: it is retried alone. */
const patienceMs = 2_000

export interface UnmirroredPartition extends TopicPartition {
  readonly remoteTopic: string
}

export interface StartPosition<Partition extends UnmirroredPartition> {
  readonly partition: Partition
  readonly progress: Progress
}

export interface FirstPosition<Partition extends UnmirroredPartition>
  extends StartPosition<Partition> {
  /** Offsets of the source before the start position, which are not mirrored. */
  readonly passedOver: bigint
}

/**
 * A bigint is a timestamp in milliseconds: start at the first record of this time or a later one.
 */
export type StartAt = 'earliest' | 'latest' | 'none' | bigint

/** Where a partition begins that has no position on record. */
export function startAt (reset: OffsetReset, isBornLater: boolean, nowMs: number): StartAt {
  if (reset === 'none') return 'none'
  if (isBornLater) return 'earliest'
  if (typeof reset === 'string') return reset
  return BigInt('atMs' in reset ? reset.atMs : nowMs - reset.byDurationMs)
}

export interface StartPositions<Partition extends UnmirroredPartition> {
  readonly positions: ReadonlyArray<FirstPosition<Partition>>
  readonly problems: ReadonlyArray<{
    readonly partition: Partition
    readonly error: ReplicatorError
  }>
}

export async function startPositions<Partition extends UnmirroredPartition> (
  source: ClusterAdmin, target: ClusterAdmin, partitions: readonly Partition[],
  startOf: (partition: Partition) => StartAt
): Promise<StartPositions<Partition>> {
  const starts = partitions.map(partition => ({ partition, at: startOf(partition) }))
  const wanted = starts.flatMap(({ partition, at }) => at === 'none' ? [] : [{ partition, at }])
  const refused = starts.flatMap(({ partition, at }) => at !== 'none' ? [] : [{
    partition,
    error: new ReplicatorError('_AUTO_OFFSET_RESET',
      `${partition.topic}-${partition.partition} was never mirrored, and auto.offset.reset or ` +
      'start.positions says none for it')
  }])
  if (wanted.length === 0) return { positions: [], problems: refused }
  const later = wanted.filter(({ at }) => at !== 'earliest')
  const wantedTarget = wanted.map(({ partition: { remoteTopic, partition } }): WantedOffset =>
    ({ topic: remoteTopic, partition, at: 'latest' }))
  const [upstream, earliest, downstream] = await Promise.all([
    sourceOffsets(source, wanted),
    offsetsAt(source, later.map(({ partition }) => ({ partition, at: 'earliest' }))),
    listOffsetsPatiently(target, wantedTarget, 'read_uncommitted', systemClock, patienceMs)
  ])
  const startOfLog = new Map(later.map(({ partition }, i) => [partition, earliest[i]]))
  const { positions, problems } = pair(wanted.map(({ partition }, i) => ({
    partition,
    source: upstream[i],
    start: startOfLog.has(partition) ? startOfLog.get(partition) : upstream[i],
    target: downstream[i]
  })))
  return { positions, problems: [...refused, ...problems] }
}

interface Wanted {
  readonly partition: TopicPartition
  readonly at: WantedOffset['at']
}

async function offsetsAt (
  source: ClusterAdmin, wanted: readonly Wanted[]
): Promise<readonly ListedOffset[]> {
  return await listOffsetsPatiently(source, wanted.map(({ partition: { topic, partition }, at }) =>
    ({ topic, partition, at })), 'read_committed', systemClock, patienceMs)
}

/**
 * If no record is new enough, the end of the log. In the answer to a query by time, a broker that
 * did not answer looks like a broker without such a record; starting at the end would then leave
 * records out. So brokers that have answered for the end are asked once more by time.
 */
async function sourceOffsets (
  source: ClusterAdmin, wanted: readonly Wanted[]
): Promise<readonly ListedOffset[]> {
  const found = await offsetsAt(source, wanted)
  const isUnfound = (offset: ListedOffset | undefined): boolean =>
    offset !== undefined && offset.error === undefined && offset.offset < 0n
  const unfound = wanted.filter((_, i) => isUnfound(found[i]))
  if (unfound.length === 0) return found
  const ends = await offsetsAt(source,
    unfound.map(({ partition }) => ({ partition, at: 'latest' })))
  const again = await offsetsAt(source, unfound)
  let nth = 0
  return found.map(offset => {
    if (!isUnfound(offset)) return offset
    const [end, second] = [ends[nth], again[nth]]
    nth++
    return (isUnfound(second) ? end : second) ?? offset
  })
}

/**
 * The positions whose target partition already holds records: of a mirror whose progress is lost,
 * of MirrorMaker 2, or of another producer. Beginning there may duplicate records.
 */
export async function notEmptyOnTarget<Partition extends UnmirroredPartition> (
  target: ClusterAdmin, positions: ReadonlyArray<StartPosition<Partition>>
): Promise<StartPositions<Partition>['problems']> {
  const wanted = positions.map(({ partition: { remoteTopic, partition } }): WantedOffset =>
    ({ topic: remoteTopic, partition, at: 'earliest' }))
  if (wanted.length === 0) return []
  const starts = await listOffsetsPatiently(
    target, wanted, 'read_uncommitted', systemClock, patienceMs)
  return positions.flatMap(({ partition, progress }, i) => {
    const start = starts[i]
    if (start?.error === undefined && start?.offset === progress.downstream) return []
    const error = start?.error ?? new ReplicatorError('TARGET_NOT_EMPTY',
      `${partition.remoteTopic}-${partition.partition} on ${target.cluster} holds offsets ` +
      `${start?.offset ?? -1n} to ${progress.downstream}`, { setting: 'target.not.empty' })
    return [{ partition, error }]
  })
}

interface Located<Partition> {
  readonly partition: Partition
  readonly source: ListedOffset | undefined
  /** Where the log of the source begins. */
  readonly start: ListedOffset | undefined
  readonly target: ListedOffset | undefined
}

function pair<Partition extends UnmirroredPartition> (
  located: ReadonlyArray<Located<Partition>>
): StartPositions<Partition> {
  const positions: Array<FirstPosition<Partition>> = []
  const problems: Array<{ partition: Partition, error: ReplicatorError }> = []
  for (const { partition, source, start, target } of located) {
    const error = source?.error ?? start?.error ?? target?.error
    if (error !== undefined || source === undefined || start === undefined ||
      target === undefined) {
      problems.push({ partition, error: error ?? new ReplicatorError('INTERNAL', 'no offset') })
    } else {
      const progress = { upstream: source.offset, downstream: target.offset, sequence: 0 }
      // Retention may have moved the start between the two answers.
      const before = source.offset - start.offset
      positions.push({ partition, progress, passedOver: before > 0n ? before : 0n })
    }
  }
  return { positions, problems }
}
