// The progress topic as a whole: makes it, finds the flow's producer id in it, allocated once
// (invariant A), and reads where the topic-partitions of a slot stand.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { progressTopicPrefix } from '../policy/replication-policy.ts'
import { systemClock } from '../time/clock.ts'
import { retry } from '../time/retry.ts'
import {
  partitionKey, type ProducerIdentity, type Progress, type ProgressRecord
} from './progress.ts'
import type { ProgressStore, SlotRange } from './progress-store.ts'

export function progressTopicOf (sourceAlias: string): string {
  return `${progressTopicPrefix}${sourceAlias}.internal`
}

export interface ProgressTopicOptions {
  readonly target: ClusterAdmin
  readonly store: ProgressStore
  readonly topic: string
  readonly slots: number
  readonly replicationFactor: number
  /** Whether processes of this flow run: one that does had kept its producer id by then. */
  readonly othersRun: () => Promise<boolean>
  /** How long those may take to write it again; a minute, unless told otherwise. */
  readonly othersMsMax?: number
}

// The producer id is kept in this slot's partition.
const producerSlot = 0
// Between looks for a producer id that a running process is about to write again.
const lostProducerMs = 500

/**
 * Creates the topic if it is missing; refuses another number of slots than configured. True when
 * this call made it: then no other process can own anything yet.
 */
export async function ensureProgressTopic (options: ProgressTopicOptions): Promise<boolean> {
  const { target, topic, slots, replicationFactor } = options
  const [described] = await target.describeTopics([topic])
  if (described?.error === undefined && described !== undefined) {
    const found = described.partitions.length
    if (found === slots) return false
    throw new ReplicatorError('PROGRESS_SLOTS_CHANGED',
      `${topic} on ${target.cluster} has ${found} partitions, task.slots=${slots}`,
      { setting: 'task.slots' })
  }
  // To whom may not see it a topic looks missing, and one that is there could even be made "again".
  if (described?.error?.errorName === 'TOPIC_AUTHORIZATION_FAILED') throw described.error
  const [created] = await target.createTopics([{
    name: topic,
    partitions: slots,
    replicationFactor,
    configs: { 'cleanup.policy': 'compact' }
  }])
  const error = created?.error
  if (error === undefined) return true
  if (error.errorName === 'TOPIC_ALREADY_EXISTS') return false
  throw new ReplicatorError(error.row, `${error.detail} [${topic} on ${target.cluster}, ` +
    `progress.topic.replication.factor=${replicationFactor}]`,
  { cause: error, setting: 'progress.topic.replication.factor' })
}

/** Null where the cluster tells none (before Kafka 2.8). */
export async function progressTopicId (
  { target, topic }: ProgressTopicOptions
): Promise<string | null> {
  // A topic that was just made is not known to every broker yet.
  return await patiently(async () => {
    const [described] = await target.describeTopics([topic])
    if (described?.error !== undefined) throw described.error
    return described?.topicId ?? null
  })
}

/**
 * The flow's producer id (invariant A): the first that any process kept. A process that finds none
 * keeps the one it `knows`, or else finds or allocates one, and looks again; the one whose record
 * came second takes the other's.
 */
export async function agreeOnProducer (
  options: ProgressTopicOptions, known?: ProducerIdentity
): Promise<ProducerIdentity> {
  let kept = await keptProducers(options)
  if (kept.length === 0) {
    await keepProducer(options, known ?? await lostProducer(options) ??
      await allocateProducerId(options.target))
    kept = await keptProducers(options)
  }
  const [agreed] = kept
  if (agreed === undefined) throw new ReplicatorError('PROGRESS_UNREADABLE', options.topic)
  // Compaction keeps the newest record of a key: let that be the one agreed on. Whoever wrote
  // another one may have died before it could.
  if (kept.at(-1)?.producerId !== agreed.producerId) await keepProducer(options, agreed)
  return agreed
}

/** Where the partitions of these slots stand, by partitionKey: only what this producer id wrote. */
export async function restoreSlots (
  options: ProgressTopicOptions, slots: readonly number[], producer: ProducerIdentity
): Promise<ReadonlyMap<string, Progress>> {
  const records = await options.store.restore(await slotRanges(options, slots))
  const partitions = new Map<string, Progress>()
  for (const record of records) {
    // A sequence counts for one producer id only; progress of a lost id is no ground to resume on.
    if (record.kind !== 'partition' || record.producerId !== producer.producerId) continue
    partitions.set(partitionKey(record.source), record.progress)
  }
  return partitions
}

/** In the order of the log. */
async function keptProducers (
  options: ProgressTopicOptions
): Promise<readonly ProducerIdentity[]> {
  const records = await options.store.restore(await slotRanges(options, [producerSlot]))
  return records.flatMap(record => record.kind === 'producer' ? [record.producer] : [])
}

/**
 * Progress names the producer id that it counts for, so that a lost record of the id itself costs
 * nothing. Where processes run nothing must be allocated: they will write theirs again.
 */
async function lostProducer (
  options: ProgressTopicOptions
): Promise<ProducerIdentity | undefined> {
  const deadline = systemClock.monotonic() + (options.othersMsMax ?? 60_000)
  for (;;) {
    const othersRun = await options.othersRun()
    const slots = Array.from({ length: options.slots }, (_, slot) => slot)
    const found = producerOf(await options.store.restore(await slotRanges(options, slots)))
    if (found !== undefined || !othersRun) return found
    if (systemClock.monotonic() > deadline) {
      throw new ReplicatorError('PROGRESS_UNREADABLE',
        `${options.topic} holds no producer id, and no process of the group writes it again`)
    }
    await systemClock.sleep(lostProducerMs)
  }
}

/** The one kept; else the one that most progress is of. */
function producerOf (records: readonly ProgressRecord[]): ProducerIdentity | undefined {
  const counts = new Map<bigint, number>()
  for (const record of records) {
    if (record.kind === 'producer') return record.producer
    counts.set(record.producerId, (counts.get(record.producerId) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([, count], [, other]) => other - count)
  // Brokers allocate ids of idempotent producers with epoch 0, and we never raise it.
  return most === undefined ? undefined : { producerId: most[0], producerEpoch: 0 }
}

async function keepProducer (
  { store }: ProgressTopicOptions, producer: ProducerIdentity
): Promise<void> {
  await store.write([{ slot: producerSlot, record: { kind: 'producer', producer } }])
}

async function allocateProducerId (target: ClusterAdmin): Promise<ProducerIdentity> {
  // A broker that has just started answers for a moment that it is loading.
  return await patiently(async () => await target.initProducerId())
}

async function patiently<T> (attempt: () => Promise<T>): Promise<T> {
  return await retry({
    clock: systemClock,
    backoff: { initialMs: 50, maxMs: 500 },
    attemptsMax: 30,
    isRetriable: thrown => ReplicatorError.from(thrown).retriable
  }, attempt)
}

async function slotRanges (
  { target, topic }: ProgressTopicOptions, slots: readonly number[]
): Promise<readonly SlotRange[]> {
  const at = async (at: 'earliest' | 'latest'): Promise<readonly bigint[]> => {
    const wanted = slots.map(partition => ({ topic, partition, at }))
    const listed = await listOffsetsPatiently(target, wanted, 'read_uncommitted')
    return listed.map(({ offset, error }) => {
      if (error !== undefined) throw error
      return offset
    })
  }
  const [starts, ends] = await Promise.all([at('earliest'), at('latest')])
  return slots.map((slot, i) => {
    const start = starts[i]
    const end = ends[i]
    // Not known is not the same as empty: what looks empty is begun anew.
    if (start === undefined || end === undefined || start < 0n || end < 0n) {
      throw new ReplicatorError('PROGRESS_UNREADABLE', `${topic}-${slot} has no known end`)
    }
    return { slot, start, end }
  })
}
