// One cluster at the other end of an emulated line, the other beside the mirror: which part of the
// line each contender uses, and at what cost. All connections of a run share the line.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { measureRawLog, type LogSize } from '../../test/kafka/raw-log.ts'
import type { Contender, MirrorJob } from '../contenders/contender.ts'
import { measureRun, type MirrorFigures } from '../measure/mirror-run.ts'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { shuffled } from '../random.ts'
import { deleteTopicsExcept, logDirOf } from './brokers.ts'
import {
  serversBehindLine, startLineTo, withFarClusters, type FarCluster, type FarClusters
} from './far-clusters.ts'
import { usualBatches, writeLoad } from './load.ts'

/** The window of a connection: unlimited, or 2.4 MB/s at 100 ms. */
export const windows = { wide: 0, default: 240_000 } as const
export type WindowName = keyof typeof windows

export interface LineRow {
  readonly roundTripMs: number
  /** Bytes a second; 0: no limit. */
  readonly rate: number
  readonly window: WindowName
  readonly partitions: number
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

/** The rows of a run without options. */
export const standardRows: readonly LineRow[] = [
  ...rowsOf({ rate: lineRate, window: 'default', over: 'source' }),
  ...rowsOf({ rate: lineRate, window: 'wide', over: 'source' }),
  ...rowsOf({ rate: lineRate, window: 'wide', over: 'target' }),
  ...[0, 100, 200].flatMap(roundTripMs => [4, 1].map((partitions): LineRow =>
    ({ roundTripMs, rate: 0, window: 'wide', partitions, over: 'source' })))
]

function rowsOf (row: Pick<LineRow, 'rate' | 'window' | 'over'>): readonly LineRow[] {
  return counts.map(partitions => ({ ...row, partitions, roundTripMs: 100 }))
}

export async function runLongLink (settings: LongLinkSettings): Promise<LongLinkResult[]> {
  return await withFarClusters(settings.say, async clusters => await runRows(settings, clusters))
}

async function runRows (settings: LongLinkSettings, place: FarClusters): Promise<LongLinkResult[]> {
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
  { records, rows, say }: LongLinkSettings, { folder, source, target }: FarClusters
): Promise<ReadonlyMap<number, LogSize>> {
  const sizes = new Map<number, LogSize>()
  say('warming the target up')
  await target.cluster.createTopic('warm-up', { partitions: 4 })
  await writeLoad(target.cluster,
    { topic: 'warm-up', records: Math.ceil(records / 10), recordBytes, ...usualBatches }, folder)
  await target.cluster.admin.deleteTopic('warm-up')
  for (const partitions of new Set(rows.map(row => row.partitions))) {
    const topic = topicOf(partitions)
    say(`writing ${records.toLocaleString('en')} records into ${partitions} partitions`)
    await source.cluster.createTopic(topic, { partitions })
    await writeLoad(source.cluster, { topic, records, recordBytes, ...usualBatches }, folder)
    sizes.set(partitions, measureRawLog(logDirOf(source.cluster), topic))
  }
  return sizes
}

async function runOne (
  contender: Contender, row: LineRow, size: LogSize, { folder, source, target }: FarClusters,
  say: (text: string) => void
): Promise<MirrorFigures> {
  await sleep(3_000) // as in loopback
  const own = join(folder, `${contender.name}-${Date.now()}`)
  mkdirSync(own)
  const far = row.over === 'source' ? source : target
  const servers = (end: FarCluster): string =>
    end === far ? serversBehindLine(end) : end.cluster.bootstrapServers
  const topic = topicOf(row.partitions)
  const job: MirrorJob = {
    source: source.cluster,
    target: target.cluster,
    sourceServers: servers(source),
    targetServers: servers(target),
    tls: undefined,
    topic,
    partitions: row.partitions,
    records: size.records,
    bytes: size.bytes,
    folder: own
  }
  const line = await startLineTo(far,
    { roundTripMs: row.roundTripMs, rate: row.rate, window: windows[row.window] })
  try {
    const figures = await measureRun(contender, job)
    say(`${describeRow(row)}: ${contender.name} ` +
      `${figures.steadyMegabytesPerSecond.toFixed(1)} MB/s`)
    return figures
  } finally {
    await line.stop()
    await deleteTopicsExcept(source.cluster, topic => topic.startsWith(topicPrefix))
    await deleteTopicsExcept(target.cluster)
  }
}

export function describeRow (row: LineRow): string {
  const { over, partitions, rate, roundTripMs, window } = row
  const way = over === 'source' ? 'fetching' : 'producing'
  const limit = rate === 0 ? 'no limit' : `${rate / 1e6} MB/s`
  return `${way}, ${roundTripMs} ms, ${limit}, ${window} windows, ${partitions} partitions`
}
