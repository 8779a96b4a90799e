// npm run perf -- <scenario> [options]: runs contenders against each other and reports ratios.

import { Command, InvalidArgumentError } from 'commander'
import type { Contender } from './contenders/contender.ts'
import { contendersOf, mustFindContender } from './contenders/contender-list.ts'
import { appendCatchUp, renderCatchUp } from './report/catch-up-report.ts'
import { appendLatency, renderLatency, writeLatencyLogs } from './report/latency-report.ts'
import { appendMemory, isInside, renderMemory, writeSamples } from './report/memory-report.ts'
import { appendRun, writeRun, type RunRecord } from './report/result-files.ts'
import { appendRestore, isShort, renderRestore } from './report/restore-report.ts'
import { appendScale, renderScale } from './report/scale-report.ts'
import { renderTerminalTable } from './report/result-tables.ts'
import { appendTuneReport, areBoundsHeld, renderTuneReport } from './report/tune-report.ts'
import { appendLongLink, renderLongLink } from './report/long-link-report.ts'
import { runCatchUp } from './scenarios/catch-up.ts'
import { runLatency } from './scenarios/latency.ts'
import {
  lineKinds, noTun, runLongLink, standardRows, windows, type LineKind, type LineRow, type WindowName
} from './scenarios/long-link.ts'
import { loadCodecs, usualBatches, type LoadCodec } from './scenarios/load.ts'
import { runLoopback } from './scenarios/loopback.ts'
import { runMemory } from './scenarios/memory.ts'
import { runRestore } from './scenarios/restore.ts'
import { runScale } from './scenarios/scale.ts'
import { runTuneScenario } from './scenarios/tune.ts'

interface LoopbackOptions {
  readonly records: number
  readonly recordBytes: number
  readonly batchBytes: number
  readonly codec: LoadCodec
  readonly partitions: number
  readonly contenders: readonly Contender[]
  readonly rounds: number
  readonly tls: boolean
  readonly append: boolean
}

function parseCount (text: string): number {
  const count = Number(text.replaceAll(/[_,]/g, ''))
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('not a count')
  return count
}

function parseContenders (text: string): Contender[] {
  try {
    return text.split(',').map(name => mustFindContender(name.trim()))
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

interface MemoryOptions {
  readonly minutes: number
  readonly partitions: number
  readonly rate: number
  readonly append: boolean
}

const command = `npm run perf -- ${process.argv.slice(2).join(' ')}`

const say = (text: string): void => { process.stderr.write(`perf: ${text}\n`) }

async function memory (options: MemoryOptions): Promise<void> {
  const startedAt = new Date()
  const outcome = await runMemory({ ...options, say })
  const report = { outcome, command, startedAt }
  process.stdout.write(`${renderMemory(report)}\n${writeSamples(report)}\n`)
  if (options.append) process.stdout.write(`${appendMemory(report)}\n`)
  process.exitCode = isInside(outcome) ? 0 : 1
}

async function loopback (
  options: LoopbackOptions, scenario: RunRecord['scenario']
): Promise<void> {
  const startedAt = new Date()
  const settings = { ...options, isCompacted: scenario === 'compacted', say }
  const outcome = await runLoopback(settings)
  const run: RunRecord = { scenario, settings, outcome, command, startedAt }
  const files = writeRun(run)
  process.stdout.write(`${renderTerminalTable(outcome)}\n\n${files.json}\n${files.svg}\n`)
  if (options.append) process.stdout.write(`${appendRun(run, files)}\n`)
}

interface RestoreOptions {
  readonly partitions: number
  readonly hours: number
  readonly slots: number
  readonly append: boolean
}

async function restore (options: RestoreOptions): Promise<void> {
  const startedAt = new Date()
  const outcome = await runRestore({ ...options, say })
  const report = { outcome, command, startedAt }
  process.stdout.write(`${renderRestore(report)}\n`)
  if (options.append) process.stdout.write(`${appendRestore(report)}\n`)
  process.exitCode = isShort(outcome) ? 0 : 1
}

interface ScaleOptions {
  readonly partitions: readonly number[]
  readonly seconds: number
  readonly append: boolean
}

async function scale ({ append, partitions, seconds }: ScaleOptions): Promise<void> {
  const startedAt = new Date()
  const figures = await runScale({ sizes: partitions, idleSeconds: seconds, say })
  const report = { figures, command, startedAt }
  process.stdout.write(`${renderScale(report)}\n`)
  if (append) process.stdout.write(`${appendScale(report)}\n`)
}

interface LongLinkOptions {
  readonly records: number
  readonly rounds: number
  readonly contenders: readonly Contender[]
  readonly rtt?: readonly number[]
  readonly rate?: readonly number[]
  readonly windows?: readonly WindowName[]
  readonly partitions?: readonly number[]
  readonly over?: ReadonlyArray<LineRow['over']>
  readonly line?: LineKind
  readonly loss?: readonly number[]
  readonly congestion?: readonly string[]
  readonly append: boolean
}

/** All combinations; without options the standard rows. */
function rowsOf (options: LongLinkOptions): readonly LineRow[] {
  const { congestion, line, loss, over, partitions, rate, rtt, windows: names } = options
  if (line !== 'tun' && (loss ?? congestion) !== undefined) {
    throw new Error('proxies end TCP: --loss and --congestion need --line tun')
  }
  if ([line, over, partitions, rate, rtt, names].every(each => each === undefined)) {
    return standardRows
  }
  const rows = (over ?? ['source' as const]).flatMap(end => (rtt ?? [100]).flatMap(roundTripMs =>
    (rate ?? [40]).flatMap(megabytes => (names ?? ['wide' as const]).flatMap(window =>
      (partitions ?? [4]).map(count => ({
        roundTripMs, rate: megabytes * 1e6, window, partitions: count, over: end
      }))))))
  if (line !== 'tun') return rows.map(row => ({ ...row, ...noTun }))
  return rows.flatMap(row => (loss ?? [0]).flatMap(percent =>
    (congestion ?? ['cubic']).map(name => ({ ...row, line, loss: percent, congestion: name }))))
}

async function longLink (options: LongLinkOptions): Promise<void> {
  const startedAt = new Date()
  const results = await runLongLink({ ...options, rows: rowsOf(options), say })
  const report = { results, command, startedAt }
  process.stdout.write(`${renderLongLink(report)}\n`)
  if (options.append) process.stdout.write(`${appendLongLink(report)}\n`)
}

interface CatchUpOptions {
  readonly records: number
  readonly partitions: number
  readonly rateOfLive: number
  readonly rtt: number
  readonly rate: number
  readonly contenders: readonly Contender[]
  readonly append: boolean
}

async function catchUp (options: CatchUpOptions): Promise<void> {
  const startedAt = new Date()
  const results = await runCatchUp({
    ...options, recordsPerSecond: options.rateOfLive, roundTripMs: options.rtt,
    rate: options.rate * 1e6, say
  })
  const report = { results, command, startedAt }
  process.stdout.write(`${renderCatchUp(report)}\n`)
  if (options.append) process.stdout.write(`${appendCatchUp(report)}\n`)
}

interface LatencyOptions {
  readonly rtt: readonly number[]
  readonly rateOfLive: readonly number[]
  readonly rounds: number
  readonly partitions: number
  readonly seconds: number
  readonly contenders: readonly Contender[]
  readonly append: boolean
}

async function latency (options: LatencyOptions): Promise<void> {
  const startedAt = new Date()
  const rows = options.rtt.flatMap(roundTripMs => options.rateOfLive.map(recordsPerSecond =>
    ({ roundTripMs, recordsPerSecond })))
  const results = await runLatency({ ...options, rows, say })
  const report = { results, command, startedAt }
  process.stdout.write(`${renderLatency(report)}\n${writeLatencyLogs(report).join('\n')}\n`)
  if (options.append) process.stdout.write(`${appendLatency(report)}\n`)
}

interface TuneOptions {
  readonly rtt: number
  readonly rate: number
  readonly window: WindowName
  readonly records: number
  readonly partitions: number
  readonly smoke: boolean
  readonly append: boolean
}

async function tune (options: TuneOptions): Promise<void> {
  const startedAt = new Date()
  const outcome = await runTuneScenario({
    ...options, roundTripMs: options.rtt, rate: options.rate * 1e6, isSmoke: options.smoke, say
  })
  const report = { outcome, command, startedAt }
  process.stdout.write(`${renderTuneReport(report)}\n`)
  if (options.append) process.stdout.write(`${appendTuneReport(report)}\n`)
  process.exitCode = areBoundsHeld(outcome) ? 0 : 1
}

function listOf<Value> (parse: (text: string) => Value): (text: string) => Value[] {
  return text => text.split(',').map(each => parse(each.trim()))
}

function oneOf<Name extends string> (names: readonly Name[]): (text: string) => Name {
  return text => {
    const name = names.find(each => each === text)
    if (name === undefined) throw new InvalidArgumentError(`not one of ${names.join(', ')}`)
    return name
  }
}

function parseNumber (text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number < 0) throw new InvalidArgumentError('not a number')
  return number
}

const program = new Command('perf')
  .description('Runs Longhaul and others against each other on the same data.')
interface LoopbackScenario {
  readonly name: RunRecord['scenario']
  readonly description: string
  readonly records: number
  readonly recordBytes: number
  readonly batchBytes: number
}

function addLoopback (scenario: LoopbackScenario): void {
  const { batchBytes, description, name, recordBytes, records } = scenario
  program.command(name)
    .description(description)
    .option('--records <count>', 'records to mirror', parseCount, records)
    .option('--record-bytes <count>', 'bytes of each', parseCount, recordBytes)
    .option('--partitions <count>', 'partitions of the topic', parseCount, 4)
    .option('--contenders <names>', 'comma-separated', parseContenders, [...contendersOf[name]])
    .option('--rounds <count>', 'runs of each contender, in a shuffled order', parseCount, 3)
    .option('--batch-bytes <count>', 'before compression', parseCount, batchBytes)
    .option('--codec <name>', loadCodecs.join(', '), oneOf(loadCodecs), usualBatches.codec)
    .option('--tls', 'over TLS to both clusters', false)
    .option('--append', `add the run to perf/results/${name}.md`, false)
    .action(async (options: LoopbackOptions) => { await loopback(options, name) })
}

addLoopback({
  name: 'loopback',
  description: 'two clusters and the mirror on this machine: what a mirror costs',
  records: 2_000_000,
  recordBytes: 1_000,
  batchBytes: usualBatches.batchBytes
})
// About five records a batch.
addLoopback({
  name: 'small-batches',
  description: 'the same with batches of a few records: what merging them saves',
  records: 2_000_000,
  recordBytes: 200,
  batchBytes: 1_200
})

addLoopback({
  name: 'compacted',
  description: 'the same with a topic whose cleaner has removed two of three records',
  records: 1_000_000,
  recordBytes: 1_000,
  batchBytes: usualBatches.batchBytes
})

program.command('catch-up')
  .description('a backlog beside live traffic over an emulated line: how late live records become')
  .option('--records <count>', 'of the backlog, of 1,000 bytes', parseCount, 7_000_000)
  .option('--partitions <count>', 'of each of the two topics', parseCount, 4)
  .option('--rate-of-live <count>', 'live records a second', parseCount, 500)
  .option('--rtt <milliseconds>', 'round trip of the line', parseNumber, 100)
  .option('--rate <megabytes>', 'of the line, a second; 0: no limit', parseNumber, 40)
  .option('--contenders <names>', 'comma-separated', parseContenders, [...contendersOf['catch-up']])
  .option('--append', 'add the run to perf/results/catch-up.md', false)
  .action(catchUp)

program.command('latency')
  .description('light traffic alone: how long until a consumer of the target sees a record')
  .option('--rtt <milliseconds>', 'round trips of the line, comma-separated; 0: without a line',
    listOf(parseNumber), [0, 100])
  .option('--rate-of-live <counts>', 'records a second', listOf(parseCount), [5, 500, 5_000])
  .option('--rounds <count>', 'runs of each row', parseCount, 3)
  .option('--partitions <count>', 'of the topic', parseCount, 4)
  .option('--seconds <count>', 'that are measured', parseCount, 30)
  .option('--contenders <names>', 'comma-separated', parseContenders, [...contendersOf.latency])
  .option('--append', 'add the run to perf/results/latency.md', false)
  .action(latency)

program.command('long-link')
  .description('one cluster behind an emulated line: how much of it a mirror fills')
  .option('--records <count>', 'records to mirror, of 1,000 bytes', parseCount, 1_600_000)
  .option('--rounds <count>', 'runs of each row', parseCount, 3)
  .option('--contenders <names>', 'comma-separated', parseContenders,
    [mustFindContender('longhaul'), mustFindContender('mirror-maker')])
  .option('--rtt <milliseconds>', 'round trips, comma-separated', listOf(parseNumber))
  .option('--rate <megabytes>', 'of the line, a second; 0: no limit', listOf(parseNumber))
  .option('--windows <names>', 'wide, default (2.4 MB/s a connection at 100 ms)',
    listOf(oneOf(Object.keys(windows) as WindowName[])))
  .option('--partitions <counts>', 'of the topic', listOf(parseCount))
  .option('--over <ends>', 'source (fetching over the line), target (producing over it)',
    listOf(oneOf<LineRow['over']>(['source', 'target'])))
  .option('--line <kind>', 'proxy (ends TCP), tun (packets; needs root and /dev/net/tun)',
    oneOf(lineKinds))
  .option('--loss <percents>', 'of the packets, over tun', listOf(parseNumber))
  .option('--congestion <names>', 'congestion controls, over tun; cubic by default',
    listOf(String))
  .option('--append', 'add the run to perf/results/long-link.md', false)
  .action(longLink)

program.command('memory')
  .description('a target that repeatedly hangs under load: whether memory stays within its bound')
  .option('--minutes <count>', 'of load', parseCount, 5)
  .option('--partitions <count>', 'of the topic', parseCount, 64)
  .option('--rate <bytes>', 'of load, a second', parseCount, 4_000_000)
  .option('--append', 'add the run to perf/results/memory.md', false)
  .action(memory)

program.command('restore')
  .description('a restart after hours of progress: how much it reads, and how long it needs')
  .option('--partitions <count>', 'busy partitions', parseCount, 1_000)
  .option('--hours <count>', 'of progress', parseCount, 24)
  .option('--slots <count>', 'partitions of the progress topic', parseCount, 32)
  .option('--append', 'add the run to perf/results/restore.md', false)
  .action(restore)

program.command('scale')
  .aliases(['many-partitions', 'start'])
  .description('many idle partitions: what they cost')
  .option('--partitions <counts>', 'comma-separated, a step each',
    text => text.split(',').map(parseCount), [10, 100, 1_000, 6_000, 10_000])
  .option('--seconds <count>', 'of idling that are measured', parseCount, 120)
  .option('--append', 'add the run to perf/results/scale.md', false)
  .action(scale)

program.command('tune')
  .description('longhaul tune over an emulated line: its choice beside a full sweep')
  .option('--rtt <milliseconds>', 'round trip of the line', parseNumber, 100)
  .option('--rate <megabytes>', 'of the line, a second', parseNumber, 40)
  .option('--window <name>', 'wide, default (2.4 MB/s a connection at 100 ms)',
    oneOf(Object.keys(windows) as WindowName[]), 'default' as const)
  .option('--records <count>', 'of the topic, of 1,000 bytes', parseCount, 600_000)
  .option('--partitions <count>', 'of the topic, and of that of tune', parseCount, 4)
  .option('--smoke', 'two points instead of a full sweep, and a short tune', false)
  .option('--append', 'add the run to perf/results/tune.md', false)
  .action(tune)

// If a run is interrupted, the exit hook of the process guard ends its brokers and contenders.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

try {
  await program.parseAsync()
} catch (error) {
  for (let reason = error; reason instanceof Error; reason = reason.cause) {
    process.stderr.write(`perf: ${reason.message}\n`)
  }
  process.exitCode = 1
}
