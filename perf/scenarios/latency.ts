// Light traffic alone: how long a record needs until a consumer of the target sees it, with the
// source beside the mirror or at the other end of an emulated line. Without a mirror, the same
// consumer reads the source's topic over the same line.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { eventually } from '../../test/kafka/eventually.ts'
import type { Contender, MirrorJob, RunningContender } from '../contenders/contender.ts'
import { shuffled } from '../random.ts'
import { deleteTopicsExcept } from './brokers.ts'
import {
  serversBehindLine, startLineTo, withFarClusters, type FarClusters
} from './far-clusters.ts'
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

/** The name in the results of the consumer that reads the source. */
export const noMirror = 'no mirror'

const warmUpMs = 10_000
/** Above this rate a producer that waits for some milliseconds has several records in a batch. */
const batchesPerSecondMax = 500

export async function runLatency (settings: LatencySettings): Promise<LatencyResult[]> {
  const { contenders, rounds, rows, say } = settings
  return await withFarClusters(say, async clusters => {
    for (const contender of contenders) await contender.prepare?.()
    const results = rows.flatMap(row => [undefined, ...contenders].map(contender =>
      ({ row, contender, rounds: [] as LiveLatency[] })))
    const random = createRandom(11)
    let runs = 0
    for (let round = 0; round < rounds; round++) {
      for (const { contender, row, rounds: taken } of shuffled(results, random)) {
        const topic = `live-${++runs}`
        const latency = await runOne({ ...settings, contender, row, topic }, clusters)
        taken.push(latency)
        say(`${describeLatencyRow(row)}: ${contender?.name ?? noMirror} ` +
          `p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms`)
      }
    }
    return results.map(({ contender, ...result }) =>
      ({ ...result, contender: contender?.name ?? noMirror }))
  })
}

export function describeLatencyRow ({ recordsPerSecond, roundTripMs }: LatencyRow): string {
  return `${roundTripMs} ms, ${recordsPerSecond.toLocaleString('en')} records/s`
}

interface LatencyRun extends LatencySettings {
  readonly contender: Contender | undefined
  readonly row: LatencyRow
  readonly topic: string
}

async function runOne (run: LatencyRun, clusters: FarClusters): Promise<LiveLatency> {
  const { contender, partitions, row: { recordsPerSecond, roundTripMs }, topic } = run
  const source = clusters.source.cluster
  await source.createTopic(topic, { partitions })
  const line = roundTripMs > 0
    ? await startLineTo(clusters.source, { roundTripMs, rate: 0, window: 0 })
    : undefined
  const sourceServers =
    line === undefined ? source.bootstrapServers : serversBehindLine(clusters.source)
  const recordsPerBatch = Math.max(1, Math.round(recordsPerSecond / batchesPerSecondMax))
  const traffic = { source, topic, partitions, recordsPerSecond, recordsPerBatch }
  try {
    if (contender === undefined) {
      return await measureFor(
        run.seconds, { ...traffic, remoteTopic: topic, targetServers: sourceServers })
    }
    return await measureMirror(contender, run, clusters, sourceServers, traffic)
  } finally {
    await line?.stop()
    await deleteTopicsExcept(source)
    await deleteTopicsExcept(clusters.target.cluster)
  }
}

async function measureMirror (
  contender: Contender, { partitions, seconds, topic }: LatencyRun,
  { folder, source: { cluster: source }, target: { cluster: target } }: FarClusters,
  sourceServers: string,
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
  return await measureLive({ ...traffic, warmUpMs }, () => sleep(seconds * 1000))
}
