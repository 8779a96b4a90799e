// The records that a restart reads: a progress topic with a day of busy partitions, after the
// cleaner's pass, restored as the program restores it.
import { TopicReader } from '../../src/orchestrator/cluster/topic-reader.ts'
import { openClusterAdmin } from '../../src/orchestrator/cluster/native-cluster-admin.ts'
import type { ClusterClient } from '../../src/orchestrator/config/client-properties.ts'
import { ProgressStore, restoreSlots } from '../../src/orchestrator/progress/progress-store.ts'
import {
  ensureProgressTopic, progressTopicOf, staleRecordsPerSlotMax
} from '../../src/orchestrator/progress/progress-topic.ts'
import { partitionKey } from '../../src/orchestrator/progress/progress.ts'
import type { Log } from '../../src/orchestrator/observability/log.ts'
import { systemClock } from '../../src/orchestrator/time/clock.ts'
import { startKafkaCluster, type KafkaCluster } from '../../test/kafka/cluster.ts'
import { silentLog } from '../../test/orchestrator/observability/silent-log.ts'
import { untilCleaned } from './cleaner.ts'
import { partitionsBySlot, progressAfter, writeProgressLog } from './progress-log.ts'

export interface RestoreSettings {
  readonly partitions: number
  readonly hours: number
  readonly slots: number
  readonly say: (text: string) => void
}

export interface RestoreOutcome {
  readonly recordsWritten: number
  readonly writeSeconds: number
  /** Records that remain in the topic. */
  readonly recordsRead: number
  readonly restoreSeconds: number
  readonly partitionsRestored: number
  readonly recordsReadMax: number
}

const topic = progressTopicOf('east')
const group = 'longhaul.east->west'
const producer = { producerId: 4_711n, producerEpoch: 0 }
const timeoutMs = 60_000
// By default the cleaner looks for work each 15 s, and needs two looks after the last segment. The
// progress of a day is written here within minutes, which leaves the cleaner behind.
const cleanerLookMs = 15_000
const restMs = 2 * cleanerLookMs

// Kafka's defaults; the test harness makes the cleaner faster.
const brokerOptions = {
  jvm: { heapMb: 1024, flags: ['-Xms1g', '-server', '-XX:+UseG1GC'] },
  config: {
    'log.cleaner.backoff.ms': String(cleanerLookMs),
    'log.cleaner.dedupe.buffer.size': '134217728',
    'log.segment.bytes': '1073741824',
    'num.io.threads': '8'
  }
} as const

export async function runRestore (settings: RestoreSettings): Promise<RestoreOutcome> {
  const { hours, partitions, say, slots } = settings
  const cluster = await startKafkaCluster(undefined, brokerOptions)
  const client = clientOf(cluster)
  const log: Log = { ...silentLog, info: (_fields, text) => { say(text) } }
  const store = new ProgressStore({ topic, client, group, timeoutMs, log, clock: systemClock })
  const target = openClusterAdmin({ ...client, timeoutMs })
  try {
    await ensureProgressTopic({
      target,
      store,
      topic,
      slots,
      replicationFactor: 1,
      clock: systemClock,
      onWarning: error => { say(error.message) }
    })
    await cluster.admin.untilServed(topic, slots)
    const load = { topic, slots, partitions, seconds: Math.round(hours * 3600) }
    const writtenMs = performance.now()
    const recordsWritten = await writeProgressLog(cluster, load, say)
    const writeSeconds = (performance.now() - writtenMs) / 1000
    say(`${recordsWritten.toLocaleString('en')} records written; waiting for the cleaner`)
    await untilCleaned(cluster.broker(1).logDir, topic, restMs, say)
    const restoredMs = performance.now()
    const restored = await restoreSlots(store, Array.from({ length: slots }, (_, i) => i), producer)
    const restoreSeconds = (performance.now() - restoredMs) / 1000
    const last = progressAfter(load.seconds)
    for (const source of partitionsBySlot(load).flat()) {
      const found = restored.get(partitionKey(source))
      if (found?.upstream !== last.upstream) {
        throw new Error(`${partitionKey(source)} is at ${found?.upstream}, not ${last.upstream}`)
      }
    }
    return {
      recordsWritten,
      writeSeconds,
      recordsRead: await countRecords(cluster, slots),
      restoreSeconds,
      partitionsRestored: restored.size,
      // The newest record of each key, and a ninth more that the cleaner may leave.
      recordsReadMax: Math.ceil(2 * partitions * 10 / 9) + slots * staleRecordsPerSlotMax
    }
  } finally {
    await store.close()
    await target.close()
    await cluster.close()
  }
}

function clientOf (cluster: KafkaCluster): ClusterClient {
  return { cluster: 'west', properties: { 'bootstrap.servers': cluster.bootstrapServers } }
}

async function countRecords (cluster: KafkaCluster, slots: number): Promise<number> {
  const reader = new TopicReader({
    topic,
    client: clientOf(cluster),
    group,
    standstillMs: timeoutMs,
    clock: systemClock
  })
  let count = 0
  await Promise.all(Array.from({ length: slots }, async (_, slot) =>
    await reader.read(slot, undefined, () => { count += 1 })))
  await reader.close()
  return count
}
