// One cluster at the other end of a line, the other beside the mirror: which part of the line each
// contender uses, and at what cost. All connections of a run share the line.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { measureRawLog, type LogSize } from '../../test/kafka/raw-log.ts'
import type { Contender, MirrorJob } from '../contenders/contender.ts'
import { measureRun, type MirrorFigures } from '../measure/mirror-run.ts'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { shuffled } from '../random.ts'
import { deleteTopicsExcept, logDirOf } from './brokers.ts'
import type { Line } from '../line/line.ts'
import type { TunCounts } from '../line/tun-line.ts'
import { serversBehindLine, startLineTo, withFarClusters } from './far-clusters.ts'
import { usualBatches, writeLoad } from './load.ts'
import { withTunClusters, type TunClusters } from './tun-clusters.ts'

/** The window of a connection through a proxy: unlimited, or 2.4 MB/s at 100 ms. */
export const windows = { wide: 0, default: 240_000 } as const
export type WindowName = keyof typeof windows

/** Proxies that end TCP (line.c), or a network of packets (tun_line.c). */
export const lineKinds = ['proxy', 'tun'] as const
export type LineKind = typeof lineKinds[number]

export interface LineRow {
  readonly roundTripMs: number
  /** Bytes a second; 0: no limit. */
  readonly rate: number
  /** Over TUN: Kafka's default socket buffers, or those of the kernel that grow. */
  readonly window: WindowName
  readonly partitions: number
  readonly line: LineKind
  /** Percent of the packets; 0 with proxies. */
  readonly loss: number
  /** Congestion control at both ends; undefined with proxies. */
  readonly congestion: string | undefined
  /** The cluster at the far end: fetching or producing over the line. */
  readonly over: 'source' | 'target'
}

export interface LongLinkSettings {
  readonly rows: readonly LineRow[]
  readonly contenders: readonly Contender[]
  readonly rounds: number
  readonly records: number
  readonly say: (text: string) => void
}

export interface LongLinkResult {
  readonly row: LineRow
  readonly contender: string
  /** The figures of each round. */
  readonly figures: readonly MirrorFigures[]
}

const recordBytes = 1_000
const lineRate = 40_000_000
const counts = [64, 4, 1]
const topicPrefix = 'load-'
/** Of the lost packets: the same in each run. */
const lossSeed = 11

/** Where rows run: clusters that stay, and a line that each row starts. */
interface Place {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  readonly folder: string
  readonly serversBehindLine: (end: LineRow['over']) => string
  readonly startLine: (row: LineRow) => Promise<Line>
}

export const noTun: Pick<LineRow, 'line' | 'loss' | 'congestion'> =
  { line: 'proxy', loss: 0, congestion: undefined }

/** The rows of a run without options. */
export const standardRows: readonly LineRow[] = [
  ...rowsOf({ rate: lineRate, window: 'default', over: 'source' }),
  ...rowsOf({ rate: lineRate, window: 'wide', over: 'source' }),
  ...rowsOf({ rate: lineRate, window: 'wide', over: 'target' }),
  ...[0, 100, 200].flatMap(roundTripMs => [4, 1].map((partitions): LineRow =>
    ({ ...noTun, roundTripMs, rate: 0, window: 'wide', partitions, over: 'source' })))
]

function rowsOf (row: Pick<LineRow, 'rate' | 'window' | 'over'>): readonly LineRow[] {
  return counts.map(partitions => ({ ...noTun, ...row, partitions, roundTripMs: 100 }))
}

export async function runLongLink (settings: LongLinkSettings): Promise<LongLinkResult[]> {
  const { rows } = settings
  const results: LongLinkResult[] = []
  for (const line of lineKinds) {
    for (const group of groupsOf(rows.filter(row => row.line === line))) {
      const ownSettings = { ...settings, rows: group }
      results.push(...line === 'proxy'
        ? await overProxies(ownSettings)
        : await overTun(ownSettings))
    }
  }
  return results
}

/** Rows over TUN share their clusters if these have the same place and the same buffers. */
function groupsOf (rows: readonly LineRow[]): ReadonlyArray<readonly LineRow[]> {
  const groups = new Map<string, LineRow[]>()
  for (const row of rows) {
    const key = row.line === 'tun' ? `${row.over} ${row.window}` : ''
    groups.set(key, [...groups.get(key) ?? [], row])
  }
  return [...groups.values()]
}

async function overProxies (settings: LongLinkSettings): Promise<LongLinkResult[]> {
  return await withFarClusters(settings.say, async clusters => await runRows(settings, {
    source: clusters.source.cluster,
    target: clusters.target.cluster,
    folder: clusters.folder,
    serversBehindLine: end => serversBehindLine(clusters[end]),
    startLine: async ({ over, rate, roundTripMs, window }) =>
      await startLineTo(clusters[over], { roundTripMs, rate, window: windows[window] })
  }))
}

async function overTun (settings: LongLinkSettings): Promise<LongLinkResult[]> {
  const { rows: [first], say } = settings
  if (first === undefined) return []
  const socketBuffers = first.window === 'wide' ? -1 : undefined
  return await withTunClusters({ far: first.over, socketBuffers, say }, async clusters =>
    await runRows(settings, {
      ...clusters,
      serversBehindLine: () => clusters.farServers,
      startLine: async row => await startTunLine(clusters, row, say)
    }))
}

/** Says how many packets of the row were lost. */
async function startTunLine (
  { line }: TunClusters, row: LineRow, say: (text: string) => void
): Promise<Line> {
  const { congestion, loss, rate, roundTripMs } = row
  await line.set({ roundTripMs, rate, lossPercent: loss, seed: lossSeed, congestion })
  return {
    async stop () {
      const counts = await line.set({ roundTripMs: 0, rate: 0, lossPercent: 0, seed: lossSeed })
      say(`${describeRow(row)}: ${describeCounts(counts)}`)
    }
  }
}

function describeCounts ({ carried, dropped, lost }: TunCounts): string {
  const percent = (count: number): string =>
    `${(count / Math.max(1, carried + dropped + lost) * 100).toFixed(3)} %`
  return `of ${carried + dropped + lost} packets the line lost ${percent(lost)}, ` +
    `its queue dropped ${percent(dropped)}`
}

async function runRows (settings: LongLinkSettings, place: Place): Promise<LongLinkResult[]> {
  const { contenders, rounds, rows } = settings
  const sizes = await fillTopics(settings, place)
  const results = rows.flatMap(row => contenders.map(contender =>
    ({ row, contender, figures: [] as MirrorFigures[] })))
  for (const contender of contenders) await contender.prepare?.()
  const random = createRandom(11)
  for (let round = 0; round < rounds; round++) {
    for (const { contender, figures, row } of shuffled(results, random)) {
      const size = sizes.get(row.partitions)
      if (size === undefined) throw new Error(`no topic of ${row.partitions} partitions`)
      figures.push(await runOne(contender, row, size, place, settings.say))
    }
  }
  return results.map(({ contender, figures, row }) => ({ row, contender: contender.name, figures }))
}

function topicOf (partitions: number): string {
  return `${topicPrefix}${partitions}`
}

/** One topic for each number of partitions. */
async function fillTopics (
  { records, rows, say }: LongLinkSettings, { folder, source, target }: Place
): Promise<ReadonlyMap<number, LogSize>> {
  const sizes = new Map<number, LogSize>()
  say('warming the target up')
  await target.createTopic('warm-up', { partitions: 4 })
  await writeLoad(target,
    { topic: 'warm-up', records: Math.ceil(records / 10), recordBytes, ...usualBatches }, folder)
  await target.admin.deleteTopic('warm-up')
  for (const partitions of new Set(rows.map(row => row.partitions))) {
    const topic = topicOf(partitions)
    say(`writing ${records.toLocaleString('en')} records into ${partitions} partitions`)
    await source.createTopic(topic, { partitions })
    await writeLoad(source, { topic, records, recordBytes, ...usualBatches }, folder)
    sizes.set(partitions, measureRawLog(logDirOf(source), topic))
  }
  return sizes
}

async function runOne (
  contender: Contender, row: LineRow, size: LogSize, place: Place, say: (text: string) => void
): Promise<MirrorFigures> {
  const { folder, source, target } = place
  await sleep(3_000) // as in loopback
  const own = join(folder, `${contender.name}-${Date.now()}`)
  mkdirSync(own)
  const servers = (end: LineRow['over']): string =>
    end === row.over ? place.serversBehindLine(end) : place[end].bootstrapServers
  const topic = topicOf(row.partitions)
  const job: MirrorJob = {
    source,
    target,
    sourceServers: servers('source'),
    targetServers: servers('target'),
    tls: undefined,
    topic,
    partitions: row.partitions,
    records: size.records,
    bytes: size.bytes,
    folder: own
  }
  const line = await place.startLine(row)
  try {
    const figures = await measureRun(contender, job)
    say(`${describeRow(row)}: ${contender.name} ` +
      `${figures.steadyMegabytesPerSecond.toFixed(1)} MB/s`)
    return figures
  } finally {
    await line.stop()
    await deleteTopicsExcept(source, topic => topic.startsWith(topicPrefix))
    await deleteTopicsExcept(target)
  }
}

export function describeRow (row: LineRow): string {
  const { congestion, line, loss, over, partitions, rate, roundTripMs, window } = row
  const way = over === 'source' ? 'fetching' : 'producing'
  const limit = rate === 0 ? 'no limit' : `${rate / 1e6} MB/s`
  const text = `${way}, ${roundTripMs} ms, ${limit}, ${window} windows, ${partitions} partitions`
  return line === 'tun' ? `${text}, ${congestion}, ${loss} % lost` : text
}
