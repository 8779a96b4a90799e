// Starts one flow, restarts it with a growing wait after the start or the running flow has failed,
// restarts it with another configuration on request, and stops it. A flow that fails does not
// affect the other flows of the process.
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { SharedProblems } from '../observability/shared-problems.ts'
import type { FlowSnapshot } from '../observability/snapshot.ts'
import { systemRandom } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import { backoffDelayMs } from '../time/retry.ts'
import type { FlowOperations } from './flow-operations.ts'
import { FlowStatistics } from './flow-statistics.ts'
import { ReplicationFlow, type FlowOptions } from './replication-flow.ts'

export interface SupervisedFlow {
  start (signal: AbortSignal): Promise<void>
  /** Resolves with the reason when the flow cannot continue and must be restarted. */
  readonly failed: Promise<ReplicatorError>
  /** False if batches were still in flight at the deadline. */
  stop (deadline: Deadline): Promise<boolean>
  /** Continues with a configuration that differs only in settings that FlowChange calls live. */
  adopt (config: FlowConfig): void
  snapshot (): FlowSnapshot
  /** Undefined: the flow does not run now. */
  operations (): FlowOperations | undefined
}

export interface SupervisorOptions extends FlowOptions {
  readonly shared: SharedProblems
  /** Creates the flow; ReplicationFlow by default, a fake in tests. */
  readonly create?: (options: FlowOptions) => SupervisedFlow
}

const startBackoff = { initialMs: 1_000, maxMs: 30_000 }
/** How long a flow that is restarted may drain; well inside max.poll.interval.ms. */
const restartMs = 20_000

export class FlowSupervisor {
  readonly #options: SupervisorOptions
  readonly #stopping = new AbortController()
  #config: FlowConfig
  #restarting = new AbortController()
  #flow: SupervisedFlow | undefined
  #error: ReplicatorError | undefined
  #supervising: Promise<void> | undefined
  /** Whether the last stop of the flow left nothing in flight. */
  #drained = true
  #stopDeadline: Deadline | undefined
  /** Why the last attempt failed; since when attempts fail for this reason, monotonic; how many. */
  #problem: {
    readonly errorName: string, readonly sinceMs: number, readonly failures: number
  } | undefined

  constructor (options: SupervisorOptions) {
    this.#options = options
    this.#config = options.config
  }

  get name (): string { return this.#config.name }

  /** Why the flow is not running; undefined while it starts or runs. */
  get error (): ReplicatorError | undefined { return this.#error }

  /** Resolves after the first attempt: undefined, or why it failed. Further attempts follow. */
  async start (): Promise<ReplicatorError | undefined> {
    return await new Promise(resolve => {
      this.#supervising ??= this.#supervise(resolve).catch((thrown: unknown) => {
        const error = this.#error = ReplicatorError.from(thrown)
        this.#options.log.error({ flow: this.name, err: error }, error.message)
      })
    })
  }

  /** Drains and stops the running flow, then starts it with this configuration. */
  restart (config: FlowConfig = this.#config): void {
    this.#config = config
    this.#restarting.abort()
  }

  /** The running flow continues with this configuration, and later starts use it. */
  adopt (config: FlowConfig): void {
    this.#config = config
    this.#flow?.adopt(config)
  }

  snapshot (): FlowSnapshot {
    const snapshot = this.#flow?.snapshot() ?? FlowStatistics.empty(this.#config, 'starting')
    // A flow that is retried stays faulted until it runs.
    if (this.#error === undefined) return snapshot
    return { ...snapshot, state: 'faulted', reason: this.#error.message }
  }

  /** Undefined: the flow does not run now. */
  operations (): FlowOperations | undefined { return this.#flow?.operations() }

  /** False if batches were still in flight at the deadline. Idempotent. */
  async stop (deadline: Deadline): Promise<boolean> {
    this.#stopDeadline ??= deadline
    this.#stopping.abort()
    await this.#supervising
    return this.#drained
  }

  async #supervise (onFirst: (error: ReplicatorError | undefined) => void): Promise<void> {
    for (let failures = 0; !this.#stopping.signal.aborted;) {
      const error = await this.#runOnce(() => {
        failures = 0
        onFirst(undefined)
      })
      this.#error = error
      if (error === undefined) continue // stopped, or to be restarted at once
      failures++
      this.#report(error, failures)
      onFirst(error)
      await this.#backOff(failures)
    }
    onFirst(undefined)
  }

  /**
   * Call it about every second, before the tick() of the problems that flows share: the log repeats
   * now and then why a flow does not run.
   */
  tick (): void {
    if (this.#error !== undefined) this.#reportState(this.#error)
  }

  #report (error: ReplicatorError, failures: number): void {
    const { clock, log } = this.#options
    if (this.#problem?.errorName !== error.errorName) this.#endProblem()
    const sinceMs = this.#problem?.sinceMs ?? clock.monotonic()
    this.#problem = { errorName: error.errorName, sinceMs, failures }
    log.debug({ flow: this.name, failures, err: error }, `${this.name}: ${error.message}`)
    this.#reportState(error)
  }

  #endProblem (): void {
    this.#options.shared.endFlow(this.name)
    this.#problem = undefined
  }

  /** A flow that has started has had answers of both clusters. */
  #endProblemsOfClusters (): void {
    if (this.#problem === undefined) return
    for (const { alias } of [this.#config.source, this.#config.target]) {
      this.#options.shared.endCluster(alias, this.#problem.sinceMs)
    }
  }

  /** Flows that do not run because of one cluster have one line. */
  #reportState (error: ReplicatorError): void {
    const { shared } = this.#options
    const problem = {
      level: 'error',
      text: `${this.name}: ${error.message}`,
      fields: { flow: this.name, failures: this.#problem?.failures, err: error },
      isState: true,
      isComplete: true,
      endsQuietly: true // another line says that the flow runs
    } as const
    const { cluster } = error
    if (cluster === undefined || !(error.retriable || error.isLoginRefused)) {
      shared.reportFlow(this.name, problem)
    } else {
      shared.reportCluster(cluster, problem)
    }
  }

  /** Runs the flow until a stop or a restart is requested (undefined) or the flow fails. */
  async #runOnce (onRunning: () => void): Promise<ReplicatorError | undefined> {
    const { log, create = options => new ReplicationFlow(options) } = this.#options
    const config = this.#config
    const { signal: restart } = this.#restarting = new AbortController()
    const ended = AbortSignal.any([this.#stopping.signal, restart])
    const flow = this.#flow = create({ ...this.#options, config })
    try {
      await flow.start(ended)
      this.#error = undefined
      this.#endProblemsOfClusters()
      this.#endProblem()
      log.info({ flow: config.name, lanes: config.settings.lanes }, `${config.name} is running`)
      onRunning()
      return await unlessAborted(ended, flow.failed)
    } catch (thrown) {
      return ended.aborted ? undefined : ReplicatorError.from(thrown)
    } finally {
      await this.#stopFlow(flow)
    }
  }

  async #stopFlow (flow: SupervisedFlow): Promise<void> {
    const own = new Deadline(this.#options.clock, restartMs)
    // The process may be stopped during a restart, with an earlier deadline.
    const stopped = flow.stop(this.#stopDeadline ?? own)
    this.#drained = await stopped
    own.cancel()
    if (!this.#stopping.signal.aborted) this.#flow = undefined
  }

  async #backOff (failures: number): Promise<void> {
    const ended = AbortSignal.any([this.#stopping.signal, this.#restarting.signal])
    const waitMs = backoffDelayMs(startBackoff, failures, systemRandom)
    await this.#options.clock.sleep(waitMs, ended).catch(() => {})
  }
}
