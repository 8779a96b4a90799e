// Whether `longhaul tune` finds the best settings for an emulated line: its choice, the settings
// that a mirror has without any, and each point of the grid that tune varies are measured alike.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../../src/orchestrator/config/parse-config.ts'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { SteadyMeter } from '../../src/orchestrator/tune/steady-meter.ts'
import {
  dimensions, type Choice, type TunedSetting
} from '../../src/orchestrator/tune/tune-table.ts'
import { measureRawLog, type LogSize } from '../../test/kafka/raw-log.ts'
import { spawnGuarded } from '../../test/kafka/process-guard.ts'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import type { MirrorJob } from '../contenders/contender.ts'
import { longhaulWith } from '../contenders/longhaul/longhaul.ts'
import { median } from '../measure/rounds.ts'
import { shuffled } from '../random.ts'
import { deleteTopicsExcept, logDirOf } from './brokers.ts'
import {
  serversBehindLine, startLineTo, withFarClusters, type FarClusters
} from './far-clusters.ts'
import { usualBatches, writeLoad } from './load.ts'
import { windows, type WindowName } from './long-link.ts'

export interface TuneScenarioSettings {
  readonly roundTripMs: number
  /** Bytes a second. */
  readonly rate: number
  readonly window: WindowName
  readonly records: number
  readonly partitions: number
  /** Two values of each setting of the line, none of the others: whether everything works. */
  readonly isSmoke: boolean
  readonly say: (text: string) => void
}

export interface MeasuredPoint {
  /** `tune`: what tune chose; `automatic`: nothing is set; `grid`: a point of the full sweep. */
  readonly kind: 'tune' | 'automatic' | 'grid'
  readonly choice: Choice
  /** Megabytes a second of each round. */
  readonly rates: readonly number[]
}

export interface TuneOutcome {
  readonly settings: TuneScenarioSettings
  readonly points: readonly MeasuredPoint[]
  /** What tune printed. */
  readonly printed: string
  readonly tuneSeconds: number
}

const topic = 'load'
const recordBytes = 1_000
const stepMs = 20_000
const sampleMs = 50
const firstRecordMsMax = 60_000
/** The best of many points is also the luckiest: the first of them are measured again. */
const repeated = 3
const moreRounds = 2

export async function runTuneScenario (settings: TuneScenarioSettings): Promise<TuneOutcome> {
  return await withFarClusters(settings.say, async place => {
    const size = await fillTopic(settings, place)
    const { rate, roundTripMs, window } = settings
    const line = await startLineTo(place.source, { rate, roundTripMs, window: windows[window] })
    try {
      return await measureAll(settings, place, size)
    } finally {
      await line.stop()
    }
  })
}

async function fillTopic (
  { partitions, records, say }: TuneScenarioSettings, { folder, source }: FarClusters
): Promise<LogSize> {
  say(`writing ${records.toLocaleString('en')} records into ${partitions} partitions`)
  await source.cluster.createTopic(topic, { partitions })
  await writeLoad(source.cluster, { topic, records, recordBytes, ...usualBatches }, folder)
  return measureRawLog(logDirOf(source.cluster), topic)
}

async function measureAll (
  settings: TuneScenarioSettings, place: FarClusters, size: LogSize
): Promise<TuneOutcome> {
  const { isSmoke, say } = settings
  const startedAt = performance.now()
  const { choice, printed } = await tuneAsUser(settings, place)
  const tuneSeconds = (performance.now() - startedAt) / 1000
  const measure = async (point: MeasuredPoint): Promise<MeasuredPoint> => {
    const rate = await measureChoice(point.choice, settings, place, size)
    say(`${point.kind}, ${describe(point.choice)}: ${rate.toFixed(1)} MB/s`)
    return { ...point, rates: [...point.rates, rate] }
  }
  const grid = gridOf(isSmoke)
  const random = createRandom(7)
  let points: MeasuredPoint[] = []
  const first: readonly MeasuredPoint[] = [
    { kind: 'tune', choice, rates: [] }, { kind: 'automatic', choice: {}, rates: [] },
    ...grid.map((each): MeasuredPoint => ({ kind: 'grid', choice: each, rates: [] }))
  ]
  for (const [i, point] of shuffled(first, random).entries()) {
    say(`point ${i + 1} of ${first.length}`)
    points.push(await measure(point))
  }
  points = bestFirst(points)
  const best = new Set(points.filter(({ kind }) => kind === 'grid').slice(0, repeated))
  for (let round = 0; round < (isSmoke ? 0 : moreRounds); round++) {
    const again = points.map((point, i) =>
      ({ i, isAgain: point.kind !== 'grid' || best.has(point) })).filter(each => each.isAgain)
    for (const { i } of shuffled(again, random)) {
      const point = points[i]
      if (point === undefined) continue
      const measured = await measure(point)
      if (best.delete(point)) best.add(measured)
      points[i] = measured
    }
  }
  return { settings, points: bestFirst(points), printed, tuneSeconds }
}

function bestFirst (points: readonly MeasuredPoint[]): MeasuredPoint[] {
  return points.toSorted((one, other) => median(other.rates) - median(one.rates))
}

/** All combinations of the settings of the line, and all of the settings of batches. */
export function gridOf (isSmoke: boolean): readonly Choice[] {
  const ofLine: readonly TunedSetting[] = ['connections.per.broker.max', 'fetch.max.bytes',
    'max.partition.fetch.bytes']
  const base = combine(ofLine, {}, isSmoke)
  const ofBatches: readonly TunedSetting[] = ['batching', 'linger.ms', 'batch.size']
  return isSmoke ? base : [...base, ...combine(ofBatches, {}, false).slice(1)]
}

function combine (
  settings: readonly TunedSetting[], choice: Choice, isSmoke: boolean
): readonly Choice[] {
  const [setting, ...rest] = settings
  const dimension = dimensions.find(each => each.setting === setting)
  if (dimension === undefined) return [choice]
  const { counts, values, whyNot } = dimension
  const isIdle = whyNot?.(choice) !== undefined
  const fitting = values.filter(value =>
    typeof value === 'string' || (counts?.(value, choice) ?? true))
  const used = isIdle ? fitting.slice(0, 1) : isSmoke ? fitting.slice(-1) : fitting
  const varied = isSmoke && setting === 'connections.per.broker.max'
    ? [values[0], values.at(-1)].filter(value => value !== undefined)
    : used
  return varied.flatMap(value =>
    combine(rest, { ...choice, [dimension.setting]: value }, isSmoke))
}

/** As a user does: a file, the command with --write, and what the file says afterwards. */
async function tuneAsUser (
  { isSmoke, partitions, say }: TuneScenarioSettings, { folder, source, target }: FarClusters
): Promise<{ readonly choice: Choice, readonly printed: string }> {
  const file = join(folder, 'tune.properties')
  writeFileSync(file, [
    'clusters = far, near', `far.bootstrap.servers = ${serversBehindLine(source)}`,
    `near.bootstrap.servers = ${target.cluster.bootstrapServers}`, 'far->near.enabled = true',
    `far->near.topics = ${topic}`, ''
  ].join('\n'))
  const main = join(repoRoot(), 'dist/src/orchestrator/main.js')
  const small = isSmoke ? ['--max-bytes', '40MB', '--max-seconds', '60'] : []
  const child = spawnGuarded(process.execPath,
    [main, 'tune', file, '--write', '--partitions', String(partitions), ...small],
    { stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  child.stderr?.on('data', (chunk: Buffer) => { say(chunk.toString().trimEnd()) })
  const [status] = await once(child, 'close') as [number | null]
  if (status !== 0) throw new Error(`longhaul tune ended with ${status}\n${printed}`)
  say(`\n${printed}`)
  const read = readConfig(file, { environment: {} })
  const flow = read.ok ? read.config.flows[0] : undefined
  if (flow === undefined) throw new Error(`tune left no valid file:\n${readFileSync(file, 'utf8')}`)
  const choice = Object.fromEntries(dimensions.map(({ setting }) =>
    [setting, flow.settings[setting]])) as Choice
  return { choice, printed }
}

/** Megabytes of the source's log a second. */
async function measureChoice (
  choice: Choice, { partitions }: TuneScenarioSettings, { folder, source, target }: FarClusters,
  size: LogSize
): Promise<number> {
  const own = join(folder, `point-${Date.now()}`)
  mkdirSync(own)
  const job: MirrorJob = {
    source: source.cluster,
    target: target.cluster,
    sourceServers: serversBehindLine(source),
    targetServers: target.cluster.bootstrapServers,
    tls: undefined,
    topic,
    partitions,
    records: size.records,
    bytes: size.bytes,
    folder: own
  }
  const settings = Object.entries(choice).map(([setting, value]) =>
    `longhaul->target.${setting} = ${value}`)
  const running = await longhaulWith('longhaul', settings).start(job)
  const meter = new SteadyMeter({ records: size.records, stepMs })
  const deadline = performance.now() + firstRecordMsMax
  try {
    while (!meter.see(performance.now(), await running.progress() * size.records)) {
      if (!meter.hasBegun && performance.now() > deadline) {
        throw new Error(`no record with ${describe(choice)}\n${running.outputTail()}`)
      }
      await sleep(sampleMs)
    }
  } finally {
    await running.stop()
    await deleteTopicsExcept(source.cluster, name => name === topic)
    await deleteTopicsExcept(target.cluster)
  }
  return meter.recordsPerSecond * size.bytes / size.records / 1e6
}

export function describe (choice: Choice): string {
  const entries = Object.entries(choice)
  return entries.length === 0
    ? 'nothing set'
    : entries.map(([setting, value]) => `${setting}=${value}`).join(', ')
}
