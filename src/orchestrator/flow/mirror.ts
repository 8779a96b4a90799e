// The flows of one process, with their metrics, readiness, totals and summary. Used by `run` and by
// `demo`.
import { hostname } from 'node:os'
import { cpuUsage } from 'node:process'
import { librdkafkaVersion } from '../cluster/native-version.ts'
import { compareConfigs, type ConfigChanges } from '../config/config-changes.ts'
import type { Config, FlowConfig } from '../config/config.ts'
import type { ControlledProcess } from '../control/flow-control.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowOperations } from './flow-operations.ts'
import { FlowSupervisor } from './flow-supervisor.ts'
import { moveEventOf, type MoveEvent } from './move-event.ts'
import { closeMs } from './replication-flow.ts'
import { TargetClaims } from './target-claims.ts'
import { FlowLedger, type FlowTotals } from '../observability/flow-ledger.ts'
import {
  startHttpServer, type HttpApi, type HttpServer, type Readiness
} from '../observability/http-server.ts'
import type { Log } from '../observability/log.ts'
import { createMetrics, type CertificateSeries, type Metrics } from '../observability/metrics.ts'
import { OtlpExport } from '../observability/otlp-export.ts'
import { MirrorMakerFigures } from '../observability/mirror-maker-figures.ts'
import { notReady, readinessWarnings } from '../observability/readiness.ts'
import { ReadinessLog } from '../observability/readiness-log.ts'
import { SharedProblems } from '../observability/shared-problems.ts'
import { summarizeRun, type RunSummary } from '../observability/summary.ts'
import type { AppliedMove } from '../partitions/partition-moves.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline } from '../time/deadline.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import { version } from '../version.ts'

export interface MirrorOptions {
  readonly config: Config
  /** How the process obeys orders that concern more than partitions; absent: it does not. */
  readonly process?: ControlledProcess
  /** Opens the API of the mirror; absent: the HTTP server has none. */
  readonly openApi?: (mirror: Mirror) => HttpApi
  readonly log: Log
  readonly clock: Clock
}

const observeIntervalMs = 500
/** A flow bounds its own stop; this much later the process stops waiting for it. */
const lateMs = 250

export class Mirror {
  readonly #options: MirrorOptions
  readonly #claims = new TargetClaims()
  readonly #shared: SharedProblems
  #config: Config
  #flows: readonly FlowSupervisor[]
  readonly #ledger: FlowLedger
  readonly #mirrorMaker: MirrorMakerFigures | undefined
  readonly #readinessLog: ReadinessLog
  readonly #observing: IntervalLoop
  readonly #startedMs: number
  readonly #cpuAtStart = cpuUsage()
  readonly #listeners = new Set<(event: MoveEvent) => void>()
  #http: HttpServer | undefined
  #otlp: OtlpExport | undefined

  constructor (options: MirrorOptions) {
    const { clock, config, log } = options
    this.#options = options
    this.#config = config
    this.#ledger = new FlowLedger(clock)
    if (config.process['metrics.mirror.maker.names']) this.#mirrorMaker = new MirrorMakerFigures()
    this.#readinessLog = new ReadinessLog(log)
    this.#shared = new SharedProblems(log, clock)
    this.#startedMs = clock.monotonic()
    this.#flows = config.flows.map(flow => this.#supervise(flow))
    this.#observing = new IntervalLoop({
      intervalMs: observeIntervalMs,
      clock,
      run: async () => { this.#observe() },
      onError: err => { log.warn({ err }, 'statistics cannot be collected') }
    })
  }

  /** Totals of all flows, at most half a second old. */
  get totals (): readonly FlowTotals[] { return this.#ledger.latest }

  /** The configuration in use. */
  get config (): Config { return this.#config }

  /** Where the HTTP server listens; '': nowhere yet. */
  get url (): string { return this.#http?.url ?? '' }

  /** Of one flow; undefined: the process has no such flow, or the flow does not run now. */
  operations (name: string): FlowOperations | undefined {
    return this.#flows.find(each => each.name === name)?.operations()
  }

  /** Calls the listener for each move of a partition; returns how to end that. */
  onMove (listener: (event: MoveEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Resolves after the first attempt of every flow, with the flows that failed. */
  async start (): Promise<readonly ReplicatorError[]> {
    this.#observe()
    await this.#listen()
    this.#observing.start()
    const errors = await Promise.all(this.#flows.map(async flow => await flow.start()))
    return errors.flatMap(error => error ?? [])
  }

  /**
   * Drains all flows in parallel for up to `drainMs`; false if a flow then still had batches in
   * flight. Always resolves in time: the end of the process also ends a client that does not close.
   */
  async stop (drainMs = this.#drainMs): Promise<boolean> {
    const drained = await this.#stopFlows(this.#flows, drainMs)
    await this.#observing.stop()
    this.#observe()
    const close = new Deadline(this.#options.clock, lateMs)
    await close.bound(Promise.all([this.#http?.close(), this.#otlp?.stop()]))
    close.cancel()
    return drained
  }

  get #drainMs (): number { return this.#config.process['drain.timeout.ms'] }

  async #stopFlows (flows: readonly FlowSupervisor[], drainMs: number): Promise<boolean> {
    const { clock, log } = this.#options
    const drain = new Deadline(clock, drainMs)
    const end = new Deadline(clock, drainMs + closeMs + lateMs)
    const drained = await Promise.all(flows.map(async flow => {
      const drained = await end.bound(flow.stop(drain))
      if (drained === undefined) log.warn({ flow: flow.name }, `${flow.name} did not close in time`)
      return drained ?? false
    }))
    drain.cancel()
    end.cancel()
    return drained.every(Boolean)
  }

  /**
   * Applies a file that was read again: flows that it changes adopt the change or are drained and
   * restarted, flows that it removes are stopped, new flows are started, other flows continue.
   * Throws CONFIG_NEEDS_RESTART, and applies nothing, if the file changes a setting that is read
   * only at the start of the process. Resolves once the removed flows are stopped.
   */
  async reload (config: Config): Promise<ConfigChanges> {
    const changes = this.changesOf(config)
    this.#config = config
    if (config.serverTls !== undefined) this.#http?.setTls(config.serverTls)
    const flowOf = new Map(this.#flows.map(flow => [flow.name, flow]))
    for (const { config, isLive } of changes.changed) {
      const flow = flowOf.get(config.name)
      if (isLive) flow?.adopt(config)
      else flow?.restart(config)
    }
    const removed = this.#flows.filter(({ name }) => changes.removed.includes(name))
    const added = changes.added.map(flow => this.#supervise(flow))
    this.#flows = [...this.#flows.filter(flow => !removed.includes(flow)), ...added]
    for (const flow of added) void flow.start() // the supervisor logs a failure and retries
    await this.#stopFlows(removed, this.#drainMs)
    return changes
  }

  /** What reload() would change. Throws CONFIG_NEEDS_RESTART as reload() does. */
  changesOf (config: Config): ConfigChanges {
    const changes = compareConfigs(this.#config, config)
    const [setting] = changes.needRestart
    if (setting === undefined) return changes
    throw new ReplicatorError('CONFIG_NEEDS_RESTART', changes.needRestart.join(', '), { setting })
  }

  #supervise (config: FlowConfig): FlowSupervisor {
    const { clock, log, process } = this.#options
    return new FlowSupervisor({
      config,
      claims: this.#claims,
      shared: this.#shared,
      address: () => this.url,
      process,
      onMoved: (flow, move) => { this.#onMoved(flow, move) },
      log,
      clock
    })
  }

  #onMoved (flow: string, move: AppliedMove): void {
    if (this.#listeners.size === 0) return
    const event = moveEventOf(flow, move)
    if (event === undefined) return
    for (const listener of this.#listeners) listener(event)
  }

  /** Drains and restarts one flow, with another configuration if given; the others continue. */
  restart (name: string, config?: FlowConfig): void {
    const flow = this.#flows.find(each => each.name === name)
    if (flow === undefined) throw new ReplicatorError('INTERNAL', `there is no flow ${name}`)
    flow.restart(config)
  }

  summary (): RunSummary {
    const { user, system } = cpuUsage(this.#cpuAtStart)
    const seconds = (this.#options.clock.monotonic() - this.#startedMs) / 1000
    return summarizeRun(this.totals, seconds, (user + system) / 1e6)
  }

  #observe (): void {
    const { clock } = this.#options
    const totals = this.#ledger.observe(this.#flows.map(flow => flow.snapshot()))
    this.#mirrorMaker?.observe(totals, clock.monotonic())
    this.#readinessLog.observe(totals, clock.now())
    for (const flow of this.#flows) flow.tick()
    this.#shared.tick()
  }

  async #listen (): Promise<void> {
    const { clock, log } = this.#options
    const config = this.#config
    const { 'metrics.port': port, 'otlp.endpoint': endpoint } = config.process
    // The metrics of the process cost a monitor of its event loop.
    if (port < 0 && endpoint === '') return
    const metrics = createMetrics({
      flows: () => this.totals,
      certificates: () => this.#config.flows.flatMap(certificatesOf),
      clock,
      version,
      librdkafkaVersion,
      perPartition: config.process['metrics.per.partition'],
      mirrorMaker: this.#mirrorMaker
    })
    if (endpoint !== '') await this.#startOtlp(metrics)
    if (port < 0) return
    this.#http = await startHttpServer({
      host: config.process['metrics.host'],
      port,
      isPortByDefault: !config.chosen.has('metrics.port'),
      metrics,
      readiness: () => this.readiness(),
      version: { longhaul: version, librdkafka: librdkafkaVersion },
      api: this.#options.openApi?.(this),
      tls: config.serverTls,
      log
    })
    const { url } = this.#http
    if (port !== 0 && this.#http.port !== port) {
      log.warn({}, `another process uses port ${port}, so metrics are at ${url}/metrics; ` +
        'set metrics.port to choose a port')
    }
    log.info({ url }, `metrics at ${url}/metrics`)
  }

  async #startOtlp (metrics: Metrics): Promise<void> {
    const { 'otlp.endpoint': endpoint, 'otlp.interval.ms': intervalMs } = this.#config.process
    const { clock, log } = this.#options
    const instance = `${hostname()}:${process.pid}`
    this.#otlp = await OtlpExport.start(
      { endpoint, intervalMs, metrics, version, instance, log, clock })
  }

  /** What /readyz answers. */
  readiness (): Readiness {
    const nowMs = this.#options.clock.now()
    const reasons = this.totals.flatMap(flow => notReady(flow, nowMs)).map(({ text }) => text)
    const warnings = this.totals.flatMap(flow => readinessWarnings(flow))
    return { ready: reasons.length === 0, reasons, warnings }
  }
}

function certificatesOf ({ source, target }: FlowConfig): readonly CertificateSeries[] {
  return [source, target].flatMap(({ alias, certificates }) => certificates.map(certificate =>
    ({ ...certificate, source: source.alias, target: target.alias, cluster: alias })))
}
