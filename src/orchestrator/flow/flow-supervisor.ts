// Keeps one flow alive: starts it, starts it again with a growing wait when that fails, stops it.
// Its failures are its own; other flows of the process never notice.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowSnapshot } from '../observability/snapshot.ts'
import { systemRandom } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'
import { FlowStatistics } from './flow-statistics.ts'
import { ReplicationFlow, type FlowOptions } from './replication-flow.ts'

const startBackoff = { initialMs: 1_000, maxMs: 30_000 }

export class FlowSupervisor {
  readonly #options: FlowOptions
  readonly #stopping = new AbortController()
  /** Defined while it runs. */
  #flow: ReplicationFlow | undefined
  #error: ReplicatorError | undefined
  #retrying: Promise<void> = Promise.resolve()

  constructor (options: FlowOptions) {
    this.#options = options
  }

  get name (): string { return this.#options.config.name }

  /** Why the flow is not running; undefined while it is. */
  get error (): ReplicatorError | undefined { return this.#error }

  /** Resolves after the first attempt: undefined, or why it failed. Further ones go on behind. */
  async start (): Promise<ReplicatorError | undefined> {
    await this.#attempt(1)
    const { error } = this
    if (error !== undefined) this.#retrying = this.#retry()
    return error
  }

  snapshot (): FlowSnapshot {
    return this.#flow?.snapshot() ?? FlowStatistics.empty(this.#options.config,
      this.#error === undefined ? 'starting' : 'faulted')
  }

  /** False when what was in flight could not be waited for. */
  async stop (drainMs: number): Promise<boolean> {
    this.#stopping.abort()
    await this.#retrying
    return await this.#flow?.stop(drainMs) ?? true
  }

  async #retry (): Promise<void> {
    const { clock } = this.#options
    for (let failures = 1; this.#flow === undefined; failures++) {
      try {
        await clock.sleep(backoffDelayMs(startBackoff, failures, systemRandom),
          this.#stopping.signal)
      } catch {
        return // stopped
      }
      await this.#attempt(failures + 1)
    }
  }

  async #attempt (attempt: number): Promise<void> {
    const { log, config } = this.#options
    try {
      const flow = new ReplicationFlow(this.#options)
      await flow.start()
      this.#flow = flow
      this.#error = undefined
      log.info({ flow: config.name, lanes: config.settings.lanes }, `${config.name} is running`)
    } catch (thrown) {
      this.#error = ReplicatorError.from(thrown)
      const { message } = this.#error
      log.error({ flow: config.name, attempt, err: this.#error }, `${config.name}: ${message}`)
    }
  }
}
