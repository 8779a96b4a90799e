// What partitions cost that nobody writes to: start, restart, memory, CPU and requests of one
// mirror, and how soon a record on one of them is through, for a row of numbers of partitions.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess
} from '../../test/integration/mirror-process.ts'
import {
  flowProperties, startClusters, type MirroredClusters
} from '../../test/integration/mirrored-clusters.ts'
import { eventually } from '../../test/kafka/eventually.ts'
import { TestProducer } from '../../test/kafka/kafka-producer.ts'
import { seriesOf } from '../../test/orchestrator/observability/exposition.ts'
import { openClusterAdmin } from '../../src/orchestrator/cluster/native-cluster-admin.ts'
import { readUsage } from '../measure/process-usage.ts'

export interface ScaleSettings {
  /** Partitions of each step. */
  readonly sizes: readonly number[]
  readonly idleSeconds: number
  readonly say: (text: string) => void
}

export interface ScaleFigures {
  readonly partitions: number
  /** From the start of the process until all remote topics are there and all partitions idle. */
  readonly firstStartSeconds: number
  /** Of a second start, until a record that was written before it is on the target. */
  readonly restartSeconds: number
  readonly idleCpuPercent: number
  readonly idleFetchesPerSecond: number
  readonly residentMegabytes: number
  readonly latencyMsMedian: number
  readonly latencyMsHighest: number
}

const partitionsPerTopic = 3
const topicsPerRequest = 500
const adminTimeoutMs = 300_000
const startMsMax = 900_000
const settleMs = 10_000
const latencyRecords = 50

// Kafka's own delay of a new group, which the harness switches off; memory for many partitions.
const brokerOptions = {
  jvm: { heapMb: 2048, flags: ['-Xms1g', '-server', '-XX:+UseG1GC'] },
  config: { 'group.initial.rebalance.delay.ms': '3000' }
} as const

export async function runScale (settings: ScaleSettings): Promise<ScaleFigures[]> {
  const figures: ScaleFigures[] = []
  for (const size of settings.sizes) {
    const hooks: Array<() => Promise<void>> = []
    try {
      settings.say(`${size.toLocaleString('en')} partitions: starting two clusters`)
      const clusters = await startClusters(brokerOptions)
      hooks.push(async () => { await clusters.close() })
      figures.push(await measure(settings, size, clusters, { after: h => { hooks.push(h) } }))
    } finally {
      for (const hook of hooks.reverse()) await hook()
    }
  }
  return figures
}

async function measure (
  { idleSeconds, say }: ScaleSettings, partitions: number, clusters: MirroredClusters,
  cleanUp: CleanUp
): Promise<ScaleFigures> {
  const topics = await createTopics(clusters, partitions)
  const file = createPropertiesFile(cleanUp, flowProperties(clusters, {
    'east->west.topics': 'scale-.*', 'refresh.topics.interval.seconds': 600
  }))
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
  const mirror = await startMirror(cleanUp, file)
  await probe.untilMirrored(0)
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
    partitions,
    firstStartSeconds,
    restartSeconds,
    ...idle,
    latencyMsMedian: latencies[Math.floor(latencies.length / 2)] ?? NaN,
    latencyMsHighest: latencies.at(-1) ?? NaN
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
    // A broker answers before it has created the files, and names the topics only then.
    await eventually(`${count} topics`, async () => (await admin.listTopics())
      .filter(({ name }) => name.startsWith('scale-')).length === count,
    { timeoutMs: adminTimeoutMs, intervalMs: 1_000 })
  } finally {
    await admin.close()
  }
  return topics.map(({ name }) => name)
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

async function measureIdle (
  mirror: MirrorProcess, seconds: number
): Promise<Pick<ScaleFigures, 'idleCpuPercent' | 'idleFetchesPerSecond' | 'residentMegabytes'>> {
  const look = async (): Promise<{ at: number, cpu: number, fetches: number }> => {
    // The metrics first: their own cost stays outside of the span.
    const series = seriesOf(await mirror.metrics(), 'longhaul_fetch_requests_total')
    const usage = mirror.pid === undefined ? undefined : readUsage(mirror.pid)
    if (usage === undefined) throw new Error('the mirror has ended')
    const fetches = Object.values(series).reduce((sum, count) => sum + count, 0)
    return { at: performance.now(), cpu: usage.cpuSeconds, fetches }
  }
  const from = await look()
  await sleep(seconds * 1000)
  const residentMegabytes = mirror.residentBytes() / 1e6
  const cpuSeconds = (mirror.pid === undefined ? undefined : readUsage(mirror.pid))?.cpuSeconds
  const until = performance.now()
  const { fetches } = await look()
  const span = (until - from.at) / 1000
  return {
    idleCpuPercent: 100 * ((cpuSeconds ?? NaN) - from.cpu) / span,
    idleFetchesPerSecond: (fetches - from.fetches) / span,
    residentMegabytes
  }
}

/** Writes records to one topic after another, and waits until each is on the target. */
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
    await this.untilMirrored(index)
    return performance.now() - writtenAt
  }

  async write (index: number): Promise<void> {
    const topic = this.#topicOf(index)
    await this.#producer.sendAll(topic, [{ value: `record ${index}`, partition: 0 }])
    this.#ends.set(topic, (this.#ends.get(topic) ?? 0) + 1)
  }

  async untilMirrored (index: number): Promise<void> {
    const topic = this.#topicOf(index)
    await eventually(`the record of ${topic} on the target`, async () => {
      const { high } = await this.#clusters.target.admin.offsets(`east.${topic}`, 0)
      return high >= (this.#ends.get(topic) ?? 0)
    }, { timeoutMs: startMsMax, intervalMs: 1 })
  }

  /** Far from the one before. */
  #topicOf (index: number): string {
    const topic = this.#topics[(index * 617) % this.#topics.length]
    if (topic === undefined) throw new Error('no topics')
    return topic
  }
}
