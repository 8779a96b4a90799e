// `longhaul bench`: a mirror under a load between two clusters, and its figures.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { openEmbeddedClusters, type DemoClusters } from '../../demo/demo-clusters.ts'
import { deathSignalWrapper } from '../../demo/java-process.ts'
import { startKafkaClusters } from '../../demo/kafka-clusters.ts'
import { findKafkaLibs, KafkaMissing } from '../../demo/kafka-libs.ts'
import { renderBenchTable, renderSample, type BenchResult } from '../bench/bench-result.ts'
import { runBench } from '../bench/bench-run.ts'
import { benchFlags, parseBenchSettings, type BenchSettings } from '../bench/bench-table.ts'
import { renderHistogramLog } from '../bench/histogram-log.ts'
import { renderLatencyChart } from '../bench/latency-chart.ts'
import {
  benchNames, renderMirrorFile, withUserNames, type UserFlow
} from '../bench/mirror-file.ts'
import { ombResult } from '../bench/omb-result.ts'
import { cliFlags, flagSettings } from '../config/cli-flags.ts'
import type { FlowConfig } from '../config/config.ts'
import { parseConfig, readConfig } from '../config/parse-config.ts'
import { decodeFile } from '../config/properties-text.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { version } from '../version.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

/** The bench chooses topics, and its own option has the name of the mirror's batch.size. */
const mirrorFlags = cliFlags.filter(({ flags, setting }) => !setting.startsWith('topics') &&
  !setting.startsWith('metrics') && !flags.startsWith('--batch-size'))

export function addBenchOptions (command: Command): Command {
  for (const { doc, flags } of [...benchFlags, ...mirrorFlags]) command.option(flags, doc)
  return command
    .option('--source <host:port>', 'the source cluster')
    .option('--target <host:port>', 'the target cluster')
    .option('--config <file>',
      'a MirrorMaker 2 properties file with both clusters and their logins')
    .option('--flow <name>', 'the flow of that file, such as "A->B"')
    .option('--kafka', 'start two real brokers for the bench')
    .option('--kafka-libs <folder>', 'the jars of Kafka; default: the jars that the tests fetched')
    .addOption(new Option('--embedded',
      'two clusters in this process: for a look, not for figures').conflicts(['source', 'kafka']))
    .option('--json <file>', 'write the figures under the names of the OpenMessaging Benchmark')
    .option('--hlog <file>', 'write the latencies of each second as an HdrHistogram log')
    .option('--svg <file>', 'draw rates and latencies')
    .option('-X <property=value>', 'set any property of the mirror; may be repeated',
      (value: string, previous: readonly string[]) => [...previous, value], [])
}

export interface BenchOptions {
  readonly source?: string
  readonly target?: string
  readonly config?: string
  readonly flow?: string
  readonly kafka?: boolean
  readonly kafkaLibs?: string
  readonly embedded?: boolean
  readonly json?: string
  readonly hlog?: string
  readonly svg?: string
  readonly X: readonly string[]
}

export async function bench (options: BenchOptions, terminal: Terminal): Promise<ExitCode> {
  const parsed = parseBenchSettings({ ...options })
  const problems = [...parsed.ok ? [] : parsed.problems, ...clusterProblems(options)]
  for (const problem of problems) terminal.stderr.write(`error: ${problem}\n`)
  if (!parsed.ok || problems.length > 0) return exitCodes.usage
  let clusters: DemoClusters | undefined
  try {
    const user = readUserFlow(options, terminal)
    if (user === undefined && options.config !== undefined) return exitCodes.usage
    clusters = await openClusters(options, terminal)
    return await benchOn(clusters, user, parsed.settings, options, terminal)
  } catch (thrown) {
    const missing = thrown instanceof KafkaMissing
    const { message } = missing ? thrown : ReplicatorError.from(thrown)
    terminal.stderr.write(`error: ${message}\n`)
    return missing ? exitCodes.notStarted : failureExit(thrown)
  } finally {
    await clusters?.close()
  }
}

function clusterProblems (options: BenchOptions): readonly string[] {
  const { config, embedded = false, flow, kafka = false, kafkaLibs, source, target } = options
  const given = [source !== undefined || target !== undefined || config !== undefined,
    kafka || kafkaLibs !== undefined, embedded].filter(Boolean).length
  if (given !== 1) {
    return ['name the clusters by --source and --target, or by --config FILE; or use --kafka ' +
      'or --embedded']
  }
  if (config === undefined && (source === undefined) !== (target === undefined)) {
    return ['use --source and --target together']
  }
  return flow !== undefined && config === undefined ? ['--flow needs --config'] : []
}

/** Undefined without a file, or after the problems of the file were written. */
function readUserFlow (options: BenchOptions, terminal: Terminal): UserFlow | undefined {
  if (options.config === undefined) return undefined
  const read = readConfig(options.config, { environment: terminal.environment })
  const problems = read.ok ? [] : read.problems
  for (const problem of problems) terminal.stderr.write(`error: ${problem.message}\n`)
  if (!read.ok) return undefined
  const { flows } = read.config
  const found = flows.filter(({ name }) => (options.flow ?? name) === name)
  const [flow] = found
  if (flow === undefined || found.length > 1) {
    const names = flows.map(({ name }) => name).join(', ')
    terminal.stderr.write(`error: choose a flow of ${options.config} by --flow: ${names}\n`)
    return undefined
  }
  return {
    text: decodeFile(readFileSync(options.config)),
    source: flow.source.alias,
    target: flow.target.alias
  }
}

/** Undefined: clusters that run, by their addresses. */
async function openClusters (
  options: BenchOptions, { clock, environment, stderr, stopped }: Terminal
): Promise<DemoClusters | undefined> {
  if (options.embedded === true) return openEmbeddedClusters()
  if (options.kafka !== true && options.kafkaLibs === undefined) return undefined
  const libs = findKafkaLibs({ folder: options.kafkaLibs, environment })
  stderr.write('bench: starting two Kafka brokers\n')
  return await startKafkaClusters({ libs, clock, stopped })
}

async function benchOn (
  clusters: DemoClusters | undefined, user: UserFlow | undefined, settings: BenchSettings,
  options: BenchOptions, terminal: Terminal
): Promise<ExitCode> {
  const names = benchNames(randomBytes(4).toString('hex'))
  const { source, target } = clusters ?? options
  const file = renderMirrorFile(names, {
    ...source === undefined ? {} : { source }, ...target === undefined ? {} : { target }
  }, user)
  const flags = flagSettings({ ...options, batchSize: undefined })
  const parsed = parseConfig(file,
    { overrides: options.X, flags, environment: terminal.environment })
  const problems = parsed.ok ? [] : parsed.problems
  for (const problem of problems) terminal.stderr.write(`error: ${problem.message}\n`)
  const [flow] = parsed.ok ? parsed.config.flows : []
  if (flow === undefined) return exitCodes.usage
  const step = (text: string): void => { terminal.stderr.write(`bench: ${text}\n`) }
  step(`clusters: ${clusters?.kind ?? 'running ones'}; ${addressesOf(flow)}`)
  let left: readonly string[] = []
  const result = await runBench({
    settings,
    names,
    flow: withUserNames(flow, user ?? { source: 'source', target: 'target' }),
    maker: options.embedded === true ? makerOf(clusters, flow) : undefined,
    mirror: {
      file,
      args: [...options.X.flatMap(property => ['-X', property]),
        ...Object.entries(flags).flatMap(([setting, value]) => ['-X', `${setting}=${value}`])],
      wrapper: deathSignalWrapper(),
      environment: terminal.environment
    },
    clock: terminal.clock,
    stopped: terminal.stopped,
    onStep: step,
    onSample: sample => {
      if (terminal.stderr.isTTY === true) step(renderSample(sample, settings.recordSize))
    },
    onLeft: topics => { left = topics }
  })
  for (const topic of left) terminal.stderr.write(`error: not deleted: ${topic}\n`)
  if (result === undefined) {
    step('stopped')
    return exitCodes.failed
  }
  writeFiles(result, options, clusters?.kind ?? 'running clusters')
  terminal.stdout.write(`${renderBenchTable(result)}\n`)
  return left.length > 0 ? exitCodes.failed : exitCodes.ok
}

function writeFiles (
  result: BenchResult, { hlog, json, svg }: BenchOptions, clusters: string
): void {
  const { batchRecords, settings } = result
  const workload = `${settings.partitions} partitions, records of ${settings.recordSize} bytes, ` +
    `batches of ${batchRecords} records, ${settings.compression}`
  if (json !== undefined) {
    const figures = ombResult(result, { workload, driver: `longhaul ${version}, ${clusters}` })
    writeFileSync(json, `${JSON.stringify(figures, undefined, 2)}\n`)
  }
  if (hlog !== undefined) writeFileSync(hlog, renderHistogramLog(result.counts.samples))
  if (svg !== undefined) {
    writeFileSync(svg, renderLatencyChart(result, `longhaul ${version}: ${workload}`))
  }
}

function makerOf (clusters: DemoClusters | undefined, flow: FlowConfig) {
  if (clusters === undefined) return undefined
  return {
    createTopics: async (
      source: Parameters<DemoClusters['createTopics']>[0]['topics'],
      target: Parameters<DemoClusters['createTopics']>[0]['topics']
    ) => {
      await clusters.createTopics(
        { end: flow.source, topics: source }, { end: flow.target, topics: target })
    }
  }
}

function addressesOf ({ source, target }: FlowConfig): string {
  return `${source.admin.properties['bootstrap.servers']} -> ` +
    `${target.admin.properties['bootstrap.servers']}`
}
