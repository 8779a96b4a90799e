// A backlog beside live traffic, with the source at the other end of an emulated line: how late the
// records of a topic that is followed become while another topic catches up.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { measureRawLog, type LogSize } from '../../test/kafka/raw-log.ts'
import type { Contender, MirrorJob, RunningContender } from '../contenders/contender.ts'
import { deleteTopicsExcept, logDirOf } from './brokers.ts'
import {
  serversBehindLine, startLineTo, withFarClusters, type FarClusters
} from './far-clusters.ts'
import { measureLive, type LiveLatency } from './live-traffic.ts'
import { usualBatches, writeLoad } from './load.ts'

export interface CatchUpSettings {
  /** Of the backlog, of 1,000 bytes each. */
  readonly records: number
  readonly partitions: number
  readonly recordsPerSecond: number
  readonly roundTripMs: number
  /** Bytes a second of the line; 0: no limit. */
  readonly rate: number
  readonly contenders: readonly Contender[]
  readonly say: (text: string) => void
}

export interface CatchUpResult {
  readonly contender: string
  readonly backlogMegabytesPerSecond: number
  /** While the backlog is mirrored, and afterwards. */
  readonly during: LiveLatency
  readonly after: LiveLatency
}

interface Place extends FarClusters {
  readonly backlog: LogSize
}

const backlogTopic = 'backlog'
const liveTopic = 'live'
const afterMs = 20_000
const pollMs = 50
const timeoutMs = 1_800_000

export async function runCatchUp (settings: CatchUpSettings): Promise<CatchUpResult[]> {
  const { contenders, partitions, records, say } = settings
  return await withFarClusters(say, async clusters => {
    const { folder, source: { cluster: source } } = clusters
    say(`writing ${records.toLocaleString('en')} records of backlog`)
    for (const topic of [backlogTopic, liveTopic]) await source.createTopic(topic, { partitions })
    await writeLoad(source,
      { topic: backlogTopic, records, recordBytes: 1_000, ...usualBatches }, folder)
    const place = { ...clusters, backlog: measureRawLog(logDirOf(source), backlogTopic) }
    const results: CatchUpResult[] = []
    for (const contender of contenders) {
      await contender.prepare?.()
      results.push(await runOne(contender, settings, place))
    }
    return results
  })
}

async function runOne (
  contender: Contender, settings: CatchUpSettings, place: Place
): Promise<CatchUpResult> {
  const { partitions, rate, recordsPerSecond, roundTripMs, say } = settings
  const { backlog, folder } = place
  const [source, target] = [place.source.cluster, place.target.cluster]
  if (contender.targetTopic === undefined) throw new Error(`${contender.name} is no mirror`)
  const own = join(folder, contender.name)
  mkdirSync(own)
  const job: MirrorJob = {
    source, target, sourceServers: serversBehindLine(place.source),
    targetServers: target.bootstrapServers,
    tls: undefined, topic: backlogTopic, moreTopics: [liveTopic], partitions,
    records: backlog.records, bytes: backlog.bytes, folder: own
  }
  const line = await startLineTo(place.source, { roundTripMs, rate, window: 0 })
  let running: RunningContender | undefined
  try {
    say(`running ${contender.name}`)
    running = await contender.start(job)
    await untilProgress(running, progress => progress > 0)
    const remoteTopic = contender.targetTopic(liveTopic)
    const traffic = {
      source, targetServers: target.bootstrapServers, topic: liveTopic, remoteTopic, partitions,
      recordsPerSecond
    }
    const since = performance.now()
    const caughtUp = untilProgress(running, progress => progress >= 1)
    const [during] = await Promise.all([measureLive(traffic, () => caughtUp), caughtUp])
    const seconds = (performance.now() - since) / 1000
    const after = await measureLive(traffic, () => sleep(afterMs))
    say(`${contender.name}: p99 ${during.p99.toFixed(0)} ms in ${seconds.toFixed(0)} s`)
    const backlogMegabytesPerSecond = backlog.bytes / 1e6 / seconds
    return { contender: contender.name, backlogMegabytesPerSecond, during, after }
  } finally {
    await running?.stop()
    await line.stop()
    await deleteTopicsExcept(source, topic => [backlogTopic, liveTopic].includes(topic))
    await deleteTopicsExcept(target)
  }
}

async function untilProgress (
  running: RunningContender, isThere: (progress: number) => boolean
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!isThere(await running.progress())) {
    if (performance.now() > deadline) throw new Error(`too slow\n${running.outputTail()}`)
    await sleep(pollMs)
  }
}
