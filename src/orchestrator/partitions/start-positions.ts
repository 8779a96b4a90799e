// Where a topic-partition begins that was never mirrored before: auto.offset.reset on the source,
// the end of the log on the target. The position is put on record before the first record is sent,
// so that the resume after a crash finds what was sent (invariant D).
import type { ClusterAdmin, ListedOffset, WantedOffset } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Progress, TopicPartition } from '../progress/progress.ts'
import { systemClock } from '../time/clock.ts'

/** What cannot be answered soon must not hold up the others: it is tried again by itself. */
const patienceMs = 2_000

export interface UnmirroredPartition extends TopicPartition {
  readonly remoteTopic: string
}

export interface StartPosition<Partition extends UnmirroredPartition> {
  readonly partition: Partition
  readonly progress: Progress
}

export interface StartPositions<Partition extends UnmirroredPartition> {
  readonly positions: ReadonlyArray<StartPosition<Partition>>
  readonly problems: ReadonlyArray<{
    readonly partition: Partition
    readonly error: ReplicatorError
  }>
}

export async function startPositions<Partition extends UnmirroredPartition> (
  source: ClusterAdmin, target: ClusterAdmin, partitions: readonly Partition[],
  reset: 'earliest' | 'latest' | 'none'
): Promise<StartPositions<Partition>> {
  if (partitions.length === 0) return { positions: [], problems: [] }
  if (reset === 'none') {
    return {
      positions: [],
      problems: partitions.map(partition => ({
        partition,
        error: new ReplicatorError('_AUTO_OFFSET_RESET',
          `${partition.topic}-${partition.partition} was never mirrored and auto.offset.reset=none`)
      }))
    }
  }
  const wantedSource = partitions.map(({ topic, partition }): WantedOffset =>
    ({ topic, partition, at: reset }))
  const wantedTarget = partitions.map(({ remoteTopic, partition }): WantedOffset =>
    ({ topic: remoteTopic, partition, at: 'latest' }))
  const [upstream, downstream] = await Promise.all([
    listOffsetsPatiently(source, wantedSource, 'read_committed', systemClock, patienceMs),
    listOffsetsPatiently(target, wantedTarget, 'read_uncommitted', systemClock, patienceMs)
  ])
  return pair(partitions, upstream, downstream)
}

/**
 * The positions whose target partition holds records already: of a mirror whose progress is lost,
 * of MirrorMaker 2, or of another producer. To begin there may double records.
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

function pair<Partition extends UnmirroredPartition> (
  partitions: readonly Partition[], upstream: readonly ListedOffset[],
  downstream: readonly ListedOffset[]
): StartPositions<Partition> {
  const positions: Array<StartPosition<Partition>> = []
  const problems: Array<{ partition: Partition, error: ReplicatorError }> = []
  for (const [i, partition] of partitions.entries()) {
    const source = upstream[i]
    const target = downstream[i]
    const error = source?.error ?? target?.error
    if (error !== undefined || source === undefined || target === undefined) {
      problems.push({ partition, error: error ?? new ReplicatorError('INTERNAL', 'no offset') })
    } else {
      const progress = { upstream: source.offset, downstream: target.offset, sequence: 0 }
      positions.push({ partition, progress })
    }
  }
  return { positions, problems }
}
