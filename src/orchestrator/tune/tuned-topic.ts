// The topic that the steps of a tuning mirror: one that the tuning writes to the source and deletes
// at its end, or a real one that it only reads.
import { buildBatchPool } from '../bench/batch-pool.ts'
import {
  benchCodecs, findZstd, recordsOfBatch, type BatchSpec, type BenchCodec
} from '../bench/batch-template.ts'
import type { BenchClock } from '../bench/bench-clock.ts'
import { BenchCounts } from '../bench/bench-counts.ts'
import { createBenchTopics } from '../bench/bench-topics.ts'
import { Load } from '../bench/load.ts'
import { TopicLeaders } from '../bench/topic-leaders.ts'
import type { ClusterAdmin, WantedOffset } from '../cluster/cluster-admin.ts'
import { RequestClient } from '../cluster/native-request-client.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import type { BatchFigures, SampledTopic } from './line-measure.ts'

export interface TunedTopic {
  readonly name: string
  readonly partitions: number
  /** How many records a step mirrors at most. */
  readonly records: number
  readonly bytesARecord: number
  /** Where to measure one connection. */
  readonly first: SampledTopic
}

const batchBytesDefault = 128 * 1024
const batchBytesMax = 900 * 1024
const recordSize = 1_000
/** Over a long line one connection would need minutes. */
const producers = 8

/** Batches of the size and codec of the topics' batches, which do not compress any further. */
export function specOf (batches: BatchFigures | undefined): BatchSpec {
  const size = Math.min(batches?.bytes ?? batchBytesDefault, batchBytesMax)
  const known = benchCodecs.find(each => each === batches?.codec)
  const codec: BenchCodec = known === 'zstd' && findZstd() === undefined ? 'lz4' : known ?? 'none'
  return {
    records: recordsOfBatch(size, recordSize), recordSize, randomPercent: 100, codec, spanMs: 0
  }
}

export interface TopicWriting {
  readonly admin: ClusterAdmin
  readonly end: FlowConfig['source']
  readonly alias: string
  readonly topic: string
  readonly partitions: number
  readonly spec: BatchSpec
  readonly records: number
  readonly clock: Clock
  readonly benchClock: BenchClock
  readonly stopped: AbortSignal
  readonly counts?: BenchCounts
  /** 1: one batch after another. */
  readonly connections?: number
}

/** Creates the topic and writes the records. */
export async function writeTopic (writing: TopicWriting): Promise<TunedTopic> {
  const { admin, alias, clock, end, partitions, spec, stopped, topic } = writing
  const records = Math.max(spec.records, writing.records)
  await createBenchTopics({ source: admin }, { alias, topic }, partitions, '', undefined)
  const leaders = new TopicLeaders(admin, topic, partitions, clock, stopped)
  await leaders.refresh()
  const templates = await buildBatchPool(spec, 1)
  const clients = Array.from({ length: writing.connections ?? producers },
    () => new RequestClient(end.admin, 'longhaul-tune'))
  try {
    const load = new Load({
      clients, topic, leaders, templates, intervalMs: 0, clock: writing.benchClock,
      counts: writing.counts ?? new BenchCounts(), stopped
    })
    while (load.acked < records && !stopped.aborted) {
      await load.run({ startMs: 0, records: records - load.acked, endMs: Infinity })
    }
  } finally {
    await Promise.all(clients.map(async client => { await client.close() }))
  }
  return {
    name: topic,
    partitions,
    records,
    bytesARecord: (templates[0]?.bytes.length ?? recordSize) / spec.records,
    first: { topic, partition: 0, node: leaders.leaderOf(0), offset: 0n }
  }
}

/** A topic that exists, of which a step mirrors `maxBytes` at most. */
export async function readTopic (
  source: ClusterAdmin, topic: string, bytesARecord: number, maxBytes: number
): Promise<TunedTopic> {
  const [described] = await source.describeTopics([topic])
  const partitions = described?.partitions ?? []
  const at = async (at: WantedOffset['at']) => await source.listOffsets(
    partitions.map(({ partition }): WantedOffset => ({ topic, partition, at })), 'read_uncommitted')
  const [starts, ends] = [await at('earliest'), await at('latest')]
  const counts = ends.map(({ offset }, i) => Number(offset - (starts[i]?.offset ?? 0n)))
  const all = counts.reduce((sum, count) => sum + Math.max(0, count), 0)
  const fullest = counts.indexOf(Math.max(...counts))
  const { leader: node = -1, partition = 0 } = partitions[fullest] ?? {}
  if (all === 0 || node < 0) {
    throw new ReplicatorError('CONFIG_INVALID',
      `--topic ${topic}: ${source.cluster} has no such topic with records; choose another one, ` +
      'or leave the option out, and tune writes a topic of its own')
  }
  return {
    name: topic,
    partitions: partitions.length,
    records: Math.min(all, Math.floor(maxBytes / bytesARecord)),
    bytesARecord,
    first: { topic, partition, node, offset: starts[fullest]?.offset ?? 0n }
  }
}
