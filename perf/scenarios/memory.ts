// A load for the given time over a target that hangs every other half minute: memory fills to its
// bound each time, and is sampled all the time. The measured process is the real program, started
// by MirrorProcess of the tests.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess
} from '../../test/integration/mirror-process.ts'
import {
  flowProperties, startClusters, type MirroredClusters
} from '../../test/integration/mirrored-clusters.ts'
import { TestProducer } from '../../test/kafka/kafka-producer.ts'
import { seriesOf } from '../../test/orchestrator/observability/exposition.ts'

export interface MemorySettings {
  readonly minutes: number
  readonly partitions: number
  /** Bytes a second of records that do not compress. */
  readonly rate: number
  readonly say: (text: string) => void
}

export interface MemorySample {
  readonly seconds: number
  readonly rssBytes: number
  readonly inFlightBytes: number
}

export interface MemoryOutcome {
  readonly samples: readonly MemorySample[]
  readonly rssAtStart: number
  /** The limit of all lanes. */
  readonly inFlightLimit: number
  readonly stalls: number
  readonly recordsWritten: number
  readonly recordsMirrored: number
  /** From the end of the last stall until the target had all records; undefined: it never had. */
  readonly catchUpSeconds: number | undefined
  readonly exitCode: number | null
}

const topic = 'load'
const lanes = 2
const valueBytes = 1_000
const turnMs = 100
const sampleMs = 1_000
/** How long the target hangs, and how long it answers. */
export const phaseMs = 30_000
const catchUpMsMax = 300_000
// An hour of load would fill the disk. The limits are far above what a stall leaves, so no record
// is lost.
const retention = {
  'retention.bytes': String(512 * 1024 * 1024), 'segment.bytes': String(64 * 1024 * 1024)
}
const brokerConfig = { 'log.retention.check.interval.ms': '10000' }

export async function runMemory (settings: MemorySettings): Promise<MemoryOutcome> {
  const hooks: Array<() => Promise<void>> = []
  const cleanUp: CleanUp = { after: hook => { hooks.push(hook) } }
  try {
    settings.say('starting two clusters')
    const clusters = await startClusters(
      { config: brokerConfig }, { config: brokerConfig, proxied: true })
    cleanUp.after(async () => { await clusters.close() })
    const { source, target } = clusters
    const { partitions } = settings
    await source.createTopic(topic, { partitions, configs: retention })
    await target.createTopic(`east.${topic}`, { partitions, configs: retention })
    const mirror = await startMirror(cleanUp, createPropertiesFile(cleanUp,
      flowProperties(clusters, {
        'east->west.topics': topic,
        lanes,
        'west.bootstrap.servers': target.proxiedBootstrapServers
      })))
    return await underLoad(settings, clusters, mirror)
  } finally {
    for (const hook of hooks.reverse()) await hook()
  }
}

async function underLoad (
  { minutes, partitions, rate, say }: MemorySettings, clusters: MirroredClusters,
  mirror: MirrorProcess
): Promise<MemoryOutcome> {
  const { source, target } = clusters
  const startedAt = performance.now()
  const rssAtStart = mirror.residentBytes()
  const samples: MemorySample[] = []
  const ending = new AbortController()
  const load = writeLoad(source.bootstrapServers, partitions, rate, ending.signal)
  const sampling = sampleUntil(mirror, startedAt, samples, ending.signal)
  let stalls = 0
  let hasEnded = false
  // The code below reports the failure; until then a rejection must not end the program.
  const failed = Promise.all([load, sampling]).then(() => undefined)
  failed.catch(() => { hasEnded = true })
  while (performance.now() - startedAt < minutes * 60_000 && !hasEnded) {
    await sleep(phaseMs)
    for (const proxy of target.proxies) proxy.freeze()
    stalls += 1
    await sleep(phaseMs)
    for (const proxy of target.proxies) await proxy.restore()
    const highest = samples.reduce((most, { rssBytes }) => Math.max(most, rssBytes), 0)
    say(`stall ${stalls} is over; ${megabytes(samples.at(-1)?.rssBytes ?? 0)} MB resident, ` +
      `${megabytes(highest)} MB at most`)
  }
  ending.abort()
  await failed
  const releasedAt = performance.now()
  const recordsWritten = await load
  say(`${recordsWritten} records written; catching up`)
  let recordsMirrored = await endOffsets(clusters, partitions)
  while (recordsMirrored < recordsWritten && performance.now() - releasedAt < catchUpMsMax) {
    await sleep(500)
    recordsMirrored = await endOffsets(clusters, partitions)
  }
  const catchUpSeconds = (performance.now() - releasedAt) / 1000
  const { inFlightLimit } = await memoryOf(mirror)
  return {
    samples,
    rssAtStart,
    inFlightLimit,
    stalls,
    recordsWritten,
    recordsMirrored,
    catchUpSeconds: recordsMirrored < recordsWritten ? undefined : catchUpSeconds,
    exitCode: (await mirror.stop()).code
  }
}

/** Returns the number of acknowledged records. */
async function writeLoad (
  bootstrapServers: string, partitions: number, rate: number, signal: AbortSignal
): Promise<number> {
  const producer = await TestProducer.open(bootstrapServers, { lingerMs: 20 })
  const value = Buffer.alloc(valueBytes, 'longhaul')
  const perTurn = Math.max(1, Math.round(rate * turnMs / 1000 / valueBytes))
  let written = 0
  try {
    while (!signal.aborted) {
      const turn = sleep(turnMs)
      await producer.sendAll(topic, Array.from({ length: perTurn },
        (_, index) => ({ value, partition: (written + index) % partitions })))
      written += perTurn
      await turn
    }
  } finally {
    await producer.close()
  }
  return written
}

async function sampleUntil (
  mirror: MirrorProcess, startedAt: number, samples: MemorySample[], signal: AbortSignal
): Promise<void> {
  while (!signal.aborted) {
    const { inFlightBytes } = await memoryOf(mirror)
    const seconds = (performance.now() - startedAt) / 1000
    samples.push({ seconds, rssBytes: mirror.residentBytes(), inFlightBytes })
    await sleep(sampleMs)
  }
}

async function memoryOf (
  mirror: MirrorProcess
): Promise<{ readonly inFlightBytes: number, readonly inFlightLimit: number }> {
  const metrics = await mirror.metrics()
  const lanes = Object.values(seriesOf(metrics, 'longhaul_in_flight_bytes'))
  return {
    inFlightBytes: lanes.reduce((total, value) => total + value, 0),
    inFlightLimit: Object.values(seriesOf(metrics, 'longhaul_in_flight_limit_bytes'))[0] ?? 0
  }
}

/** Counts records by end offsets: retention deletes records, not offsets. */
async function endOffsets (
  { target }: MirroredClusters, partitions: number
): Promise<number> {
  const ends = await Promise.all(Array.from({ length: partitions }, async (_, partition) =>
    (await target.admin.offsets(`east.${topic}`, partition)).high))
  return ends.reduce((sum, end) => sum + end, 0)
}

function megabytes (bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
