// How long progress of deleted source topics is kept: progress.retention.ms. Until then, a new
// topic of the same name is recognised as recreated; afterwards the progress is removed.
//
//   {"topic":"orders","partition":3,"missing":true}   since when the source has not had it
//
// The mark is on record, because the retention is longer than most processes run. The source must
// report at the first check and at each later one that it does not have the topic: a check that
// finds the topic removes the mark, and an error other than UNKNOWN_TOPIC_OR_PARTITION (no
// permission to describe, no answer) changes nothing.
import { chunks } from '../cluster/chunks.ts'
import type { ClusterAdmin, TopicDescription } from '../cluster/cluster-admin.ts'
import type { Clock } from '../time/clock.ts'
import type { ProgressRecord, ProgressStore } from './progress-store.ts'
import { partitionKey, type TopicPartition } from './progress.ts'

export interface ProgressRetentionOptions {
  readonly source: Pick<ClusterAdmin, 'describeTopics'>
  readonly store: Pick<ProgressStore, 'read' | 'write'>
  readonly retentionMs: number
  /** Whether this process mirrors the partition now, and writes its progress. */
  readonly isMirrored: (source: TopicPartition) => boolean
  /** Progress of the partition was removed from the record. */
  readonly onRemoved: (source: TopicPartition) => void
  readonly clock: Clock
}

const hourMs = 3_600_000
const topicsPerRequest = 1_000

/** Between two checks: several within the retention, but at most one an hour. */
export function retentionLookMs (retentionMs: number): number {
  return Math.min(hourMs, Math.ceil(retentionMs / 4))
}

/** The slot's owner checks the topics of the slot once. Returns whose progress was removed. */
export async function retainProgressOnce (
  slot: number, options: ProgressRetentionOptions, signal: AbortSignal
): Promise<readonly TopicPartition[]> {
  const { isMirrored, onRemoved, store } = options
  const { missing, partitions } = await store.read(slot, signal)
  const marked = new Map(missing.map(({ sinceMs, source }) => [partitionKey(source), sinceMs]))
  const onRecord = new Map([...partitions.values(), ...missing]
    .map(({ source }) => [partitionKey(source), source]))
  const idle = [...onRecord.values()].filter(source => !isMirrored(source) ||
    marked.has(partitionKey(source)))
  const described = await describe(idle.map(({ topic }) => topic), options, signal)
  const records = idle.flatMap(source =>
    recordOf(source, described.get(source.topic), marked.get(partitionKey(source)), options))
  if (records.length > 0) await store.write(records.map(record => ({ slot, record })), signal)
  const removed = records.flatMap(record => record.kind === 'gone' ? record.source : [])
  for (const each of removed) onRemoved(each)
  return removed
}

async function describe (
  names: readonly string[], { source }: ProgressRetentionOptions, signal: AbortSignal
): Promise<ReadonlyMap<string, TopicDescription>> {
  const described: TopicDescription[] = []
  for (const piece of chunks([...new Set(names)], topicsPerRequest)) {
    signal.throwIfAborted()
    described.push(...await source.describeTopics(piece))
  }
  return new Map(described.map(each => [each.name, each]))
}

/** At most one record. */
function recordOf (
  source: TopicPartition, described: TopicDescription | undefined, sinceMs: number | undefined,
  { clock, isMirrored, retentionMs }: ProgressRetentionOptions
): readonly ProgressRecord[] {
  const isMissing = missesPartition(described, source)
  if (isMissing === undefined) return []
  if (!isMissing || isMirrored(source)) {
    return sinceMs === undefined ? [] : [{ kind: 'found', source }]
  }
  if (sinceMs === undefined) return [{ kind: 'missing', source, sinceMs: clock.now() }]
  return clock.now() - sinceMs >= retentionMs ? [{ kind: 'gone', source }] : []
}

/** Undefined: the source did not answer. */
function missesPartition (
  described: TopicDescription | undefined, { partition }: TopicPartition
): boolean | undefined {
  if (described === undefined) return undefined
  if (described.error === undefined) return partition >= described.partitions.length
  return described.error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION' ? true : undefined
}
