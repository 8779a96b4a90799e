// Light traffic beside a scenario: records at a steady rate, and how long each needs until a
// consumer of the target sees it. A record counts from when it was due, not from when it was sent.

import { openClusterAdmin } from '../../src/orchestrator/cluster/native-cluster-admin.ts'
import { RequestClient } from '../../src/orchestrator/cluster/native-request-client.ts'
import { buildBatchPool } from '../../src/orchestrator/bench/batch-pool.ts'
import { BenchClock } from '../../src/orchestrator/bench/bench-clock.ts'
import { BenchCounts, type BenchSample } from '../../src/orchestrator/bench/bench-counts.ts'
import { percentileMs } from '../../src/orchestrator/bench/latency-record.ts'
import { Load } from '../../src/orchestrator/bench/load.ts'
import { TargetReader } from '../../src/orchestrator/bench/target-reader.ts'
import { TopicLeaders } from '../../src/orchestrator/bench/topic-leaders.ts'
import { ReplicatorError } from '../../src/orchestrator/errors/replicator-error.ts'
import { systemClock } from '../../src/orchestrator/time/clock.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { eventually } from '../../test/kafka/eventually.ts'

export interface LiveTrafficSettings {
  readonly source: KafkaCluster
  /** The bootstrap.servers by which the consumer reads the remote topic. */
  readonly targetServers: string
  readonly topic: string
  readonly remoteTopic: string
  readonly partitions: number
  readonly recordsPerSecond: number
  /** 1 if it is missing. */
  readonly recordsPerBatch?: number
  /** How long records are written before the first one that counts; none if it is missing. */
  readonly warmUpMs?: number
}

/** In milliseconds. */
export interface LiveLatency {
  readonly records: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  /** One for each second. */
  readonly samples: readonly BenchSample[]
}

const timeoutMs = 30_000
const spec = { recordSize: 200, randomPercent: 50, codec: 'none', spanMs: 0 } as const
const sampleMs = 1_000

/**
 * Writes until the promise of `isOver`, which is called after the warm-up, has resolved, and then
 * waits until all of these records are on the target. The remote topic must exist.
 */
export async function measureLive (
  settings: LiveTrafficSettings, isOver: () => Promise<unknown>
): Promise<LiveLatency> {
  const { partitions, recordsPerSecond, remoteTopic, source, targetServers, topic } = settings
  const records = settings.recordsPerBatch ?? 1
  const ends = [source.bootstrapServers, targetServers].map((servers, i) => ({
    cluster: i === 0 ? 'source' : 'target',
    properties: { 'bootstrap.servers': servers }
  }))
  const admins = ends.map(end => openClusterAdmin({ ...end, timeoutMs }))
  const clients = ends.map(end => new RequestClient(end, 'longhaul-perf'))
  const [sourceAdmin, targetAdmin] = admins
  const [producer, consumer] = clients
  if (sourceAdmin === undefined || targetAdmin === undefined || producer === undefined ||
      consumer === undefined) throw new Error('no clients')
  const ending = new AbortController()
  const leadersOf = (admin: typeof sourceAdmin, of: string): TopicLeaders =>
    new TopicLeaders(admin, of, partitions, systemClock, ending.signal)
  const clock = new BenchClock(systemClock)
  const counts = new BenchCounts()
  const leaders = leadersOf(sourceAdmin, topic)
  const load = new Load({
    clients: [producer], topic, leaders,
    templates: await buildBatchPool({ ...spec, records }, 1),
    intervalMs: 1000 * partitions * records / recordsPerSecond, clock, counts,
    stopped: ending.signal
  })
  const reader = new TargetReader({
    client: consumer, topic: remoteTopic, leaders: leadersOf(targetAdmin, remoteTopic), clock,
    counts
  })
  let failure: unknown
  const untilMirrored = async (what: string, probe: () => boolean): Promise<void> => {
    await eventually(`${what} on the target`, () => {
      if (failure !== undefined) throw ReplicatorError.from(failure)
      return probe()
    })
  }
  try {
    await leaders.refresh()
    reader.start(thrown => { failure = thrown })
    if (settings.warmUpMs !== undefined) {
      const nowMs = clock.now()
      await load.run({ startMs: nowMs, records: Infinity, endMs: nowMs + settings.warmUpMs })
      // A mirror that merges batches would put records that count behind records that do not.
      await untilMirrored('the records of the warm-up', () => reader.records >= load.acked)
    }
    const startMs = Math.ceil(clock.now())
    counts.begin(startMs)
    const running = load.run({ startMs, records: Infinity, endMs: Infinity })
    const sampling = takeSamples(counts, clock, ending.signal)
    await Promise.race([isOver(), running])
    ending.abort()
    await Promise.all([running, sampling])
    await untilMirrored('all live records', () => counts.mirrored >= counts.published)
    counts.sample(clock.now())
    return summarize(counts)
  } finally {
    ending.abort()
    await reader.close()
    await Promise.all([...clients, ...admins].map(async each => { await each.close() }))
  }
}

function summarize ({ endToEndLatency: { total }, mirrored, samples }: BenchCounts): LiveLatency {
  return {
    records: mirrored,
    p50: percentileMs(total, 50),
    p99: percentileMs(total, 99),
    p999: percentileMs(total, 99.9),
    max: percentileMs(total, 100),
    samples
  }
}

async function takeSamples (
  counts: BenchCounts, clock: BenchClock, stopped: AbortSignal
): Promise<void> {
  let atMs = counts.countFromMs
  while (!stopped.aborted) {
    atMs += sampleMs
    await clock.sleepUntil(atMs, stopped)
    if (!stopped.aborted) counts.sample(clock.now())
  }
}
