// Light traffic alone: how long a record needs until a consumer of the target sees it, with the
// source beside the mirror or at the other end of an emulated line. Without a mirror, the same
// consumer reads the source's topic over the same line.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { startKafkaCluster, type KafkaCluster } from '../../test/kafka/cluster.ts'
import { eventually } from '../../test/kafka/eventually.ts'
import { releasePorts, reservePorts } from '../../test/kafka/ports.ts'
import { createTempFolder, removeFolder } from '../../test/kafka/process-guard.ts'
import type { Contender, MirrorJob, RunningContender } from '../contenders/contender.ts'
import { startLine, type Line } from '../line/line.ts'
import { sourceBrokerId, targetBrokerId } from '../measure/thread-usage.ts'
import { shuffled } from '../random.ts'
import { brokerOptions, deleteTopicsExcept } from './brokers.ts'
import { measureLive, type LiveLatency, type LiveTrafficSettings } from './live-traffic.ts'

export interface LatencyRow {
  /** 0: without a line. */
  readonly roundTripMs: number
  readonly recordsPerSecond: number
}

export interface LatencySettings {
  readonly rows: readonly LatencyRow[]
  readonly contenders: readonly Contender[]
  readonly rounds: number
  readonly partitions: number
  /** Of each measurement, after as many seconds of warm-up as `warmUpMs` says. */
  readonly seconds: number
  readonly say: (text: string) => void
}

export interface LatencyResult {
  readonly row: LatencyRow
  readonly contender: string
  /** One of each round. */
  readonly rounds: readonly LiveLatency[]
}

interface Place {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  readonly linePort: number
  readonly folder: string
}

/** The name in the results of the consumer that reads the source. */
export const noMirror = 'no mirror'

const warmUpMs = 10_000
/** Above this rate a producer that waits for some milliseconds has several records in a batch. */
const batchesPerSecondMax = 500

export async function runLatency (settings: LatencySettings): Promise<LatencyResult[]> {
  const { contenders, rounds, rows, say } = settings
  const folder = createTempFolder('perf')
  const ports = await reservePorts(1)
  const [linePort = 0] = ports
  const clusters: KafkaCluster[] = []
  try {
    say('starting two clusters of one broker')
    const source = await startKafkaCluster(undefined, {
      ...brokerOptions,
      firstBrokerId: sourceBrokerId,
      moreListeners: [{ name: 'FAR', protocol: 'PLAINTEXT', advertisedPort: linePort }]
    })
    clusters.push(source)
    const target = await startKafkaCluster(undefined,
      { ...brokerOptions, firstBrokerId: targetBrokerId })
    clusters.push(target)
    for (const contender of contenders) await contender.prepare?.()
    const results = rows.flatMap(row => [undefined, ...contenders].map(contender =>
      ({ row, contender, rounds: [] as LiveLatency[] })))
    const random = createRandom(11)
    let runs = 0
    for (let round = 0; round < rounds; round++) {
      for (const { contender, row, rounds: taken } of shuffled(results, random)) {
        const topic = `live-${++runs}`
        const place = { source, target, linePort, folder }
        const latency = await runOne({ ...settings, contender, row, topic }, place)
        taken.push(latency)
        say(`${describeLatencyRow(row)}: ${contender?.name ?? noMirror} ` +
          `p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms`)
      }
    }
    return results.map(({ contender, ...result }) =>
      ({ ...result, contender: contender?.name ?? noMirror }))
  } finally {
    for (const cluster of clusters) await cluster.close()
    releasePorts(ports)
    removeFolder(folder)
  }
}

export function describeLatencyRow ({ recordsPerSecond, roundTripMs }: LatencyRow): string {
  return `${roundTripMs} ms, ${recordsPerSecond.toLocaleString('en')} records/s`
}

interface LatencyRun extends LatencySettings {
  readonly contender: Contender | undefined
  readonly row: LatencyRow
  readonly topic: string
}

async function runOne (run: LatencyRun, place: Place): Promise<LiveLatency> {
  const { contender, partitions, row, topic } = run
  const { linePort, source, target } = place
  await source.createTopic(topic, { partitions })
  const isFar = row.roundTripMs > 0
  const sourceServers = isFar ? `127.0.0.1:${linePort}` : source.bootstrapServers
  const farPort = Number(source.serversOf('FAR').split(':')[1])
  const line: Line | undefined = !isFar
    ? undefined
    : await startLine(linePort, farPort,
      { roundTripMs: row.roundTripMs, rate: 0, window: 0 })
  const recordsPerBatch = Math.max(1, Math.round(row.recordsPerSecond / batchesPerSecondMax))
  const traffic = {
    source, topic, partitions, recordsPerSecond: row.recordsPerSecond, recordsPerBatch
  }
  try {
    if (contender === undefined) {
      return await measureFor(
        run.seconds, { ...traffic, remoteTopic: topic, targetServers: sourceServers })
    }
    return await measureMirror(contender, run, { ...place, sourceServers }, traffic)
  } finally {
    await line?.stop()
    await deleteTopicsExcept(source)
    await deleteTopicsExcept(target)
  }
}

async function measureMirror (
  contender: Contender, { partitions, seconds, topic }: LatencyRun,
  { folder, source, sourceServers, target }: Place & { readonly sourceServers: string },
  traffic: Omit<LiveTrafficSettings, 'remoteTopic' | 'targetServers'>
): Promise<LiveLatency> {
  const remoteTopic = contender.targetTopic?.(topic)
  if (remoteTopic === undefined) throw new Error(`${contender.name} is no mirror`)
  const own = join(folder, `${contender.name}-${topic}`)
  mkdirSync(own)
  const job: MirrorJob = {
    source, target, sourceServers, targetServers: target.bootstrapServers, tls: undefined, topic,
    partitions, records: 0, bytes: 0, folder: own
  }
  let running: RunningContender | undefined
  try {
    running = await contender.start(job)
    await eventually(`the remote topic ${remoteTopic}`, async () =>
      (await target.admin.topicNames()).includes(remoteTopic))
    return await measureFor(
      seconds, { ...traffic, remoteTopic, targetServers: target.bootstrapServers })
  } catch (error) {
    throw new Error(`${contender.name} failed\n${running?.outputTail() ?? ''}`, { cause: error })
  } finally {
    await running?.stop()
  }
}

/** The warm-up is for just-in-time compilers, connections and groups. */
async function measureFor (seconds: number, traffic: LiveTrafficSettings): Promise<LiveLatency> {
  return await measureLive({ ...traffic, warmUpMs }, sleep(warmUpMs + seconds * 1000))
}
