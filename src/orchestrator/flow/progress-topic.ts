// Makes sure that the progress topic is there and reads what a flow needs from it to begin: the
// producer id, allocated once (invariant A), and where each topic-partition stands.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { progressTopicPrefix } from '../policy/replication-policy.ts'
import { systemClock } from '../time/clock.ts'
import { retry } from '../time/retry.ts'
import { partitionKey, type ProducerIdentity, type Progress } from './progress.ts'
import type { ProgressStore } from './progress-store.ts'

export function progressTopicOf (sourceAlias: string): string {
  return `${progressTopicPrefix}${sourceAlias}.internal`
}

export interface ProgressTopicOptions {
  readonly target: ClusterAdmin
  readonly store: ProgressStore
  readonly topic: string
  readonly slots: number
  readonly replicationFactor: number
}

export interface RestoredProgress {
  readonly producer: ProducerIdentity
  /** By partitionKey; only what this producer id wrote. */
  readonly partitions: ReadonlyMap<string, Progress>
}

// The producer id is kept in this slot's partition.
const producerSlot = 0

/** Creates the topic if it is missing; refuses another number of slots than configured. */
export async function ensureProgressTopic (options: ProgressTopicOptions): Promise<void> {
  const { target, topic, slots, replicationFactor } = options
  const [described] = await target.describeTopics([topic])
  if (described?.error === undefined && described !== undefined) {
    const found = described.partitions.length
    if (found === slots) return
    throw new ReplicatorError('PROGRESS_SLOTS_CHANGED',
      `${topic} on ${target.cluster} has ${found} partitions, task.slots=${slots}`,
      { setting: 'task.slots' })
  }
  const [created] = await target.createTopics([{
    name: topic,
    partitions: slots,
    replicationFactor,
    configs: { 'cleanup.policy': 'compact' }
  }])
  const error = created?.error
  if (error === undefined || error.errorName === 'TOPIC_ALREADY_EXISTS') return
  throw new ReplicatorError(error.row, `${error.detail} [${topic} on ${target.cluster}, ` +
    `progress.topic.replication.factor=${replicationFactor}]`,
  { cause: error, setting: 'progress.topic.replication.factor' })
}

/** Reads the topic to its end; allocates and keeps a producer id if there is none yet. */
export async function restoreProgress (options: ProgressTopicOptions): Promise<RestoredProgress> {
  const { target, store } = options
  const records = await store.restore(await slotRanges(options))
  const kept = records.find(record => record.kind === 'producer')
  const producer = kept?.producer ?? await allocateProducerId(target)
  if (kept === undefined) {
    await store.write([{ slot: producerSlot, record: { kind: 'producer', producer } }])
  }
  const partitions = new Map<string, Progress>()
  for (const record of records) {
    // A sequence counts for one producer id only; progress of a lost id is no ground to resume on.
    if (record.kind !== 'partition' || record.producerId !== producer.producerId) continue
    partitions.set(partitionKey(record.source), record.progress)
  }
  return { producer, partitions }
}

/** A broker that has just started answers for a moment that it is loading. */
async function allocateProducerId (target: ClusterAdmin): Promise<ProducerIdentity> {
  return await retry({
    clock: systemClock,
    backoff: { initialMs: 50, maxMs: 500 },
    attemptsMax: 30,
    isRetriable: thrown => ReplicatorError.from(thrown).retriable
  }, async () => await target.initProducerId())
}

async function slotRanges (
  { target, topic, slots }: ProgressTopicOptions
): Promise<ReadonlyArray<{ slot: number, start: bigint, end: bigint }>> {
  const numbers = Array.from({ length: slots }, (_, slot) => slot)
  const at = async (at: 'earliest' | 'latest'): Promise<readonly bigint[]> => {
    const wanted = numbers.map(partition => ({ topic, partition, at }))
    const listed = await listOffsetsPatiently(target, wanted, 'read_uncommitted')
    return listed.map(({ offset, error }) => {
      if (error !== undefined) throw error
      return offset
    })
  }
  const [starts, ends] = await Promise.all([at('earliest'), at('latest')])
  return numbers.map(slot => ({ slot, start: starts[slot] ?? 0n, end: ends[slot] ?? 0n }))
}
