// The cost of idle partitions: start, restart, memory, CPU and requests of one mirror, and how soon
// a record of one of them is mirrored, for several numbers of partitions. Afterwards the requests
// of the mirror for metadata, beside a plain consumer of the same partitions.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createPropertiesFile, spawnMirror, startMirror, type CleanUp, type MirrorProcess
} from '../../test/integration/mirror-process.ts'
import {
  flowProperties, startClusters, type MirroredClusters
} from '../../test/integration/mirrored-clusters.ts'
import type { KafkaCluster, KafkaClusterOptions } from '../../test/kafka/cluster.ts'
import { eventually } from '../../test/kafka/eventually.ts'
import { TestProducer } from '../../test/kafka/kafka-producer.ts'
import { seriesOf } from '../../test/orchestrator/observability/exposition.ts'
import type {
  ClusterAdmin, NewTopic, WantedOffset
} from '../../src/orchestrator/cluster/cluster-admin.ts'
import { openClusterAdmin } from '../../src/orchestrator/cluster/native-cluster-admin.ts'
import { measureIdleCost } from '../measure/idle-cost.ts'
import { fetchApi, metadataApi, RequestRelay, type RequestCount } from '../measure/request-relay.ts'
import { sourceBrokerId, targetBrokerId, type ThreadUsage } from '../measure/thread-usage.ts'
import { PlainConsumer, plainConsumerId, type ProcessCost } from './plain-consumer.ts'

export interface ScaleSettings {
  /** Partitions of each step. */
  readonly sizes: readonly number[]
  readonly idleSeconds: number
  readonly say: (text: string) => void
}

export interface ScaleFigures {
  readonly partitions: number
  /** From the first request for the source topics until the broker leads all their partitions. */
  readonly brokerSeconds: number
  /** From the start of the process until all remote topics exist and all partitions are idle. */
  readonly firstStartSeconds: number
  /** From a second start until a record that was written before it is on the target. */
  readonly restartSeconds: number
  readonly idleCpuPercent: number
  /** In per cent of a core, by group of threads. */
  readonly idleCpuByThread: ThreadUsage
  readonly idleFetchesPerSecond: number
  readonly residentMegabytes: number
  readonly latencyMsMedian: number
  readonly latencyMsHighest: number
  /** Of all clients of the mirror at both clusters, while it is idle. */
  readonly metadata: RequestRate
  readonly consumer: ConsumerFigures
}

export interface RequestRate {
  readonly requestsPerMinute: number
  /** Of requests and answers. */
  readonly kilobytesPerMinute: number
}

export interface ConsumerFigures extends ProcessCost {
  /** From the start of the process until it has the first record, and all records. */
  readonly firstRecordSeconds: number
  readonly allRecordsSeconds: number
  readonly idleFetchesPerSecond: number
  readonly metadata: RequestRate
}

type IdleFigures = Pick<ScaleFigures,
  'idleCpuPercent' | 'idleCpuByThread' | 'idleFetchesPerSecond' | 'residentMegabytes'>

const partitionsPerTopic = 3
const topicsPerRequest = 500
const adminTimeoutMs = 300_000
const startMsMax = 900_000
/** Soon after a start V8's compiler probably still works on what the start has used. */
const settleMs = 60_000
/** Requests need no compiler; the mirror and the consumer have started by then. */
const settleRequestsMs = 30_000
const latencyRecords = 50
/** Between questions whether a record is on the target; more of them would slow a start down. */
const askMs = { restart: 10, latency: 1 } as const

// Kafka's default delay of a new group and its default pace of cleaning, which tests shorten;
// memory for many partitions, and no index larger than these few records need.
const brokerOptions = {
  jvm: { heapMb: 2048, flags: ['-Xms1g', '-server', '-XX:+UseG1GC'] },
  config: {
    'group.initial.rebalance.delay.ms': '3000',
    'log.retention.check.interval.ms': '300000',
    'log.cleaner.backoff.ms': '15000',
    'log.index.size.max.bytes': '65536'
  }
} as const

export async function runScale (settings: ScaleSettings): Promise<ScaleFigures[]> {
  const figures: ScaleFigures[] = []
  for (const size of settings.sizes) {
    const hooks: Array<() => Promise<void>> = []
    try {
      settings.say(`${size.toLocaleString('en')} partitions: starting two clusters`)
      const cleanUp = { after: (hook: () => Promise<void>) => { hooks.push(hook) } }
      const started: { clusters?: RelayedClusters } = {}
      const relays = {
        source: await RequestRelay.start(cleanUp, () => addressBehind(started.clusters?.source)),
        target: await RequestRelay.start(cleanUp, () => addressBehind(started.clusters?.target))
      }
      const clusters = await startClusters(
        { ...brokerOptions, ...relayed(relays.source), firstBrokerId: sourceBrokerId },
        { ...brokerOptions, ...relayed(relays.target), firstBrokerId: targetBrokerId })
      hooks.push(async () => { await clusters.close() })
      started.clusters = { ...clusters, relays }
      figures.push(await measure(settings, size, started.clusters, cleanUp))
    } finally {
      for (const hook of hooks.reverse()) await hook()
    }
  }
  return figures
}

interface RelayedClusters extends MirroredClusters {
  readonly relays: { readonly source: RequestRelay, readonly target: RequestRelay }
}

const relayedListener = 'RELAYED'

function relayed ({ port }: RequestRelay): Pick<KafkaClusterOptions, 'moreListeners'> {
  return {
    moreListeners: [{ name: relayedListener, protocol: 'PLAINTEXT', advertisedPort: port }]
  }
}

function addressBehind (cluster: KafkaCluster | undefined): string {
  return cluster?.serversOf(relayedListener) ?? ''
}

async function measure (
  { idleSeconds, say }: ScaleSettings, partitions: number, clusters: RelayedClusters,
  cleanUp: CleanUp
): Promise<ScaleFigures> {
  const createdAt = performance.now()
  const topics = await createTopics(clusters, partitions)
  const brokerSeconds = (performance.now() - createdAt) / 1000
  say(`the source leads all partitions after ${brokerSeconds.toFixed(1)} s`)
  const file = createPropertiesFile(cleanUp, flowProperties(clusters, flowSettings))
  const begunAt = performance.now()
  const first = await startMirror(cleanUp, file)
  await untilMirrored(first, partitions)
  const firstStartSeconds = (performance.now() - begunAt) / 1000
  say(`all partitions are mirrored after ${firstStartSeconds.toFixed(1)} s`)
  await first.stop()

  const producer = await TestProducer.open(clusters.source.bootstrapServers, { lingerMs: 0 })
  cleanUp.after(async () => { await producer.close() })
  const probe = new LatencyProbe(clusters, producer, topics)
  await probe.write(0)
  const restartedAt = performance.now()
  const mirror = spawnMirror(cleanUp, file)
  await probe.untilMirrored(0, askMs.restart)
  const restartSeconds = (performance.now() - restartedAt) / 1000
  await untilMirrored(mirror, partitions)
  say(`restarted: first record after ${restartSeconds.toFixed(1)} s`)

  await sleep(settleMs)
  const idle = await measureIdle(mirror, idleSeconds)
  const latencies: number[] = []
  for (let index = 1; index <= latencyRecords; index++) latencies.push(await probe.measure(index))
  latencies.sort((a, b) => a - b)
  await mirror.stop()
  return {
    ...await measureRequests(clusters, partitions, idleSeconds, cleanUp),
    partitions,
    brokerSeconds,
    firstStartSeconds,
    restartSeconds,
    ...idle,
    latencyMsMedian: latencies[Math.floor(latencies.length / 2)] ?? NaN,
    latencyMsHighest: latencies.at(-1) ?? NaN
  }
}

const topicPattern = 'scale-.*'
const flowSettings = {
  'east->west.topics': topicPattern, 'refresh.topics.interval.seconds': 600
} as const

/** Over relays, which cost each client the same; so no other figure is measured meanwhile. */
async function measureRequests (
  clusters: RelayedClusters, partitions: number, idleSeconds: number, cleanUp: CleanUp
): Promise<Pick<ScaleFigures, 'metadata' | 'consumer'>> {
  const { source, target } = clusters.relays
  const mirror = await startMirror(cleanUp, createPropertiesFile(cleanUp, {
    ...flowProperties(clusters, flowSettings),
    'east.bootstrap.servers': source.address,
    'west.bootstrap.servers': target.address
  }))
  await untilMirrored(mirror, partitions)
  const startedAt = performance.now()
  const secondsNow = (): number => (performance.now() - startedAt) / 1000
  const consumer = await PlainConsumer.start(cleanUp, source.address, topicPattern)
  await consumer.untilRecords(1, askMs.restart)
  const firstRecordSeconds = secondsNow()
  await consumer.untilRecords(latencyRecords + 1, askMs.restart)
  const allRecordsSeconds = secondsNow()
  await sleep(settleRequestsMs)

  const mirrorId = /^longhaul/
  const consumerId = new RegExp(`^${plainConsumerId}$`)
  const count = (): readonly RequestCount[] => [
    source.countOf(mirrorId, metadataApi), target.countOf(mirrorId, metadataApi),
    source.countOf(consumerId, metadataApi), source.countOf(consumerId, fetchApi)
  ]
  const before = count()
  const cost = await consumer.measure(idleSeconds)
  const [atSource, atTarget, ofConsumer, fetches] = count().map(({ bytes, requests }, index) => ({
    requests: requests - (before[index]?.requests ?? 0), bytes: bytes - (before[index]?.bytes ?? 0)
  }))
  await mirror.stop()
  return {
    metadata: rateOf(idleSeconds, atSource, atTarget),
    consumer: {
      ...cost,
      firstRecordSeconds,
      allRecordsSeconds,
      idleFetchesPerSecond: (fetches?.requests ?? NaN) / idleSeconds,
      metadata: rateOf(idleSeconds, ofConsumer)
    }
  }
}

function rateOf (seconds: number, ...counts: ReadonlyArray<RequestCount | undefined>): RequestRate {
  const sum = (of: (count: RequestCount) => number): number =>
    counts.reduce((sum, each) => sum + (each === undefined ? NaN : of(each)), 0)
  return {
    requestsPerMinute: sum(({ requests }) => requests) * 60 / seconds,
    kilobytesPerMinute: sum(({ bytes }) => bytes) * 60 / seconds / 1000
  }
}

async function createTopics (
  { source }: MirroredClusters, partitions: number
): Promise<readonly string[]> {
  const count = Math.ceil(partitions / partitionsPerTopic)
  const topics = Array.from({ length: count }, (_, index) => ({
    name: `scale-${index}`,
    partitions: Math.min(partitionsPerTopic, partitions - index * partitionsPerTopic),
    replicationFactor: 1
  }))
  const admin = openClusterAdmin({
    cluster: 'east',
    properties: { 'bootstrap.servers': source.bootstrapServers },
    timeoutMs: adminTimeoutMs
  })
  try {
    for (let from = 0; from < count; from += topicsPerRequest) {
      await admin.createTopics(topics.slice(from, from + topicsPerRequest))
    }
    // A broker answers before it has created the files, and lists the topics only afterwards.
    await eventually(`${count} topics`, async () => (await admin.listTopics())
      .filter(({ name }) => name.startsWith('scale-')).length === count,
    { timeoutMs: adminTimeoutMs, intervalMs: 1_000 })
    await untilLed(admin, topics)
  } finally {
    await admin.close()
  }
  return topics.map(({ name }) => name)
}

/** A broker lists partitions before it has created their logs, one after another. */
async function untilLed (admin: ClusterAdmin, topics: readonly NewTopic[]): Promise<void> {
  const wanted = topics.flatMap(({ name, partitions }) => Array.from({ length: partitions },
    (_, partition): WantedOffset => ({ topic: name, partition, at: 'latest' })))
  await eventually('leaders of all partitions', async () =>
    (await admin.listOffsets(wanted, 'read_uncommitted')).every(({ error }) => error === undefined),
  { timeoutMs: adminTimeoutMs, intervalMs: 1_000 })
}

async function untilMirrored (mirror: MirrorProcess, partitions: number): Promise<void> {
  await mirror.until(`${partitions} partitions`, async () => {
    const states = seriesOf(await mirror.metrics(), 'longhaul_partitions')
    const mirrored = Object.entries(states)
      .filter(([labels]) => /state="(running|caught-up)"/.test(labels))
      .reduce((sum, [, count]) => sum + count, 0)
    return mirrored === partitions
  }, startMsMax)
}

async function measureIdle (mirror: MirrorProcess, seconds: number): Promise<IdleFigures> {
  const { pid } = mirror
  if (pid === undefined) throw new Error('the mirror has ended')
  const fetches = async (): Promise<number> =>
    Object.values(seriesOf(await mirror.metrics(), 'longhaul_fetch_requests_total'))
      .reduce((sum, count) => sum + count, 0)
  // Reads the metrics first and last, so that their cost is outside the measured time.
  const fetchesBefore = await fetches()
  const fromMs = performance.now()
  const cost = await measureIdleCost(pid, seconds)
  const span = (performance.now() - fromMs) / 1000
  return { ...cost, idleFetchesPerSecond: (await fetches() - fetchesBefore) / span }
}

/** Writes records to one topic after another, and waits until each record is on the target. */
class LatencyProbe {
  readonly #clusters: MirroredClusters
  readonly #producer: TestProducer
  readonly #topics: readonly string[]
  readonly #ends = new Map<string, number>()

  constructor (clusters: MirroredClusters, producer: TestProducer, topics: readonly string[]) {
    this.#clusters = clusters
    this.#producer = producer
    this.#topics = topics
  }

  async measure (index: number): Promise<number> {
    await this.write(index)
    const writtenAt = performance.now()
    await this.untilMirrored(index, askMs.latency)
    return performance.now() - writtenAt
  }

  async write (index: number): Promise<void> {
    const topic = this.#topicOf(index)
    await this.#producer.sendAll(topic, [{ value: `record ${index}`, partition: 0 }])
    this.#ends.set(topic, (this.#ends.get(topic) ?? 0) + 1)
  }

  async untilMirrored (index: number, intervalMs: number): Promise<void> {
    const topic = this.#topicOf(index)
    await eventually(`the record of ${topic} on the target`, async () => {
      const { high } = await this.#clusters.target.admin.offsets(`east.${topic}`, 0)
      return high >= (this.#ends.get(topic) ?? 0)
    }, { timeoutMs: startMsMax, intervalMs })
  }

  /** A topic far from the previous one. */
  #topicOf (index: number): string {
    const topic = this.#topics[(index * 617) % this.#topics.length]
    if (topic === undefined) throw new Error('no topics')
    return topic
  }
}
