// `longhaul demo`: a mirror between two clusters with producers and a check of every record.
import type { Command } from 'commander'
import { cliFlags, flagSettings } from '../config/cli-flags.ts'
import type { Config, FlowEnd } from '../config/config.ts'
import { openEmbeddedClusters, reachClusters, type DemoClusters } from '../../demo/demo-clusters.ts'
import { demoAlias, parseDemoConfig, topicPrefix } from '../../demo/demo-config.ts'
import { renderDemoTable } from '../../demo/demo-report.ts'
import { runDemo } from '../../demo/demo-run.ts'
import { demoFlags, parseDemoSettings, type DemoSettings } from '../../demo/demo-settings.ts'
import { demoTopics } from '../../demo/demo-topics.ts'
import { startKafkaClusters } from '../../demo/kafka-clusters.ts'
import { findKafkaLibs, KafkaMissing } from '../../demo/kafka-libs.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Mirror } from '../flow/mirror.ts'
import { StatusLine } from '../observability/status-line.ts'
import { addOutputOption, openLog, type OutputFormat } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { renderOutput } from './structured-output.ts'
import { hasColor, type Terminal } from './terminal.ts'

// The demo names its topics itself.
const mirrorFlags = cliFlags.filter(({ setting }) => !setting.startsWith('topics'))

export function addDemoOptions (command: Command): Command {
  for (const { flags, doc } of [...demoFlags, ...mirrorFlags]) command.option(flags, doc)
  return addOutputOption(command)
    .option('--kafka', 'start two real brokers for the demo')
    .option('--kafka-libs <folder>', 'the jars of Kafka; default: the jars that the tests fetched')
    .option('--source <host:port>', 'a running source cluster; the demo deletes its topics')
    .option('--target <host:port>', 'a running target cluster')
    .option('-X <property=value>', 'set any property of the mirror; may be repeated',
      (value: string, previous: readonly string[]) => [...previous, value], [])
}

export interface DemoOptions {
  readonly kafka?: boolean
  readonly kafkaLibs?: string
  readonly source?: string
  readonly target?: string
  readonly X: readonly string[]
  readonly output: OutputFormat
}

export interface DemoHooks {
  readonly beforeCheck?: (target: FlowEnd) => Promise<void>
}

export async function demo (
  options: DemoOptions, terminal: Terminal, hooks: DemoHooks = {}
): Promise<ExitCode> {
  const parsed = parseDemoSettings({ ...options })
  if (!parsed.ok) {
    for (const problem of parsed.problems) terminal.stderr.write(`error: ${problem}\n`)
    return exitCodes.usage
  }
  if ((options.source === undefined) !== (options.target === undefined)) {
    terminal.stderr.write('error: use --source and --target together\n')
    return exitCodes.usage
  }
  let clusters: DemoClusters | undefined
  try {
    clusters = await openClusters(options, terminal)
    return await demoOn(clusters, parsed.settings, options, terminal, hooks)
  } catch (thrown) {
    const missing = thrown instanceof KafkaMissing
    const { message } = missing ? thrown : ReplicatorError.from(thrown)
    terminal.stderr.write(`error: ${message}\n`)
    return missing ? exitCodes.notStarted : exitCodes.failed
  } finally {
    await clusters?.close()
  }
}

async function openClusters (options: DemoOptions, terminal: Terminal): Promise<DemoClusters> {
  const { kafka = false, kafkaLibs, source, target } = options
  if (source !== undefined && target !== undefined) {
    return reachClusters({ kind: 'running ones', source, target, lasting: true })
  }
  if (!kafka && kafkaLibs === undefined) return openEmbeddedClusters()
  const { clock, environment, stderr, stopped } = terminal
  const libs = findKafkaLibs({ folder: kafkaLibs, environment })
  stderr.write('demo: starting two Kafka brokers\n')
  return await startKafkaClusters({ libs, clock, stopped })
}

async function demoOn (
  clusters: DemoClusters, settings: DemoSettings, options: DemoOptions, terminal: Terminal,
  hooks: DemoHooks
): Promise<ExitCode> {
  const alias = demoAlias(clusters)
  const parsed = parseDemoConfig(clusters, alias, settings.topics, {
    overrides: options.X,
    flags: flagSettings({ ...options, topics: undefined }),
    environment: terminal.environment
  })
  const problems = parsed.ok ? [] : parsed.problems
  for (const problem of problems) terminal.stderr.write(`error: ${problem.message}\n`)
  const [flow] = parsed.ok ? parsed.config.flows : []
  if (!parsed.ok || flow === undefined) return exitCodes.usage
  const screen = new DemoScreen(parsed.config, options.output, terminal)
  screen.step(`clusters: ${clusters.kind}; ${clusters.source} -> ${clusters.target}`)
  const report = await screen.during(async () => await runDemo({
    clusters,
    config: parsed.config,
    flow,
    topics: demoTopics(settings.topics, topicPrefix(clusters, alias),
      topic => flow.policy.remoteTopic(topic)),
    settings,
    log: screen.log,
    clock: terminal.clock,
    stopped: terminal.stopped,
    onMirror: mirror => { screen.mirror = mirror },
    onMirrored: async () => { await screen.endLine() },
    onStep: step => { screen.step(step) },
    ...hooks
  }))
  terminal.stdout.write(renderOutput(options.output, report, () => renderDemoTable(report)))
  return report.matched ? exitCodes.ok : exitCodes.failed
}

/** Prints steps and logs above a live line; all of them on stderr if stdout is for programs. */
class DemoScreen {
  mirror: Mirror | undefined
  readonly log
  readonly #line: StatusLine
  readonly #steps

  constructor (config: Config, output: OutputFormat, terminal: Terminal) {
    const stream = output === 'table' ? terminal.stdout : terminal.stderr
    this.#line = new StatusLine({
      output: stream,
      flows: () => this.mirror?.totals ?? [],
      clock: terminal.clock,
      color: hasColor(terminal),
      onError: () => {}
    })
    this.#steps = this.#line.above(stream)
    this.log = openLog(config, terminal, this.#line.above(terminal.stderr))
  }

  step (text: string): void {
    this.#steps.write(`demo: ${text}\n`)
  }

  async endLine (): Promise<void> { await this.#line.stop() }

  async during<Result> (run: () => Promise<Result>): Promise<Result> {
    this.#line.start()
    try {
      return await run()
    } finally {
      await this.#line.stop()
    }
  }
}
