// Checks every few seconds whether the two clusters of a flow answer. Readiness and metrics need
// this: a flow with nothing to mirror would not notice that a cluster does not answer.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { Side } from '../config/property-path.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ClusterHealth } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'

export interface ClusterProbeOptions {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly clock: Clock
  readonly signal: AbortSignal
  /** A cluster answers again, or has other brokers than before: what it refused may succeed now. */
  readonly onChanged?: (() => void) | undefined
}

const intervalMs = 5_000
/** The interval and both attempts stay below 15 s, within which /readyz must report the cluster. */
const timeoutMs = 4_500

export class ClusterProbe {
  readonly #options: ClusterProbeOptions
  readonly #loops: readonly IntervalLoop[]
  readonly #health: Record<Side, ClusterHealth>
  /** The ids of all brokers in the last answer; '': there was none; undefined: not asked yet. */
  readonly #brokers: Record<Side, string | undefined> = { source: undefined, target: undefined }
  /** Ids of the brokers; the first one is asked next. */
  readonly #turns: Record<Side, readonly number[]> = { source: [], target: [] }

  /** Both clusters have answered already, when the flow opened them. */
  constructor (options: ClusterProbeOptions) {
    const { clock, signal } = this.#options = options
    const answered: ClusterHealth = { answeredMs: clock.now(), error: undefined }
    this.#health = { source: answered, target: answered }
    this.#loops = (['source', 'target'] as const).map(side => new IntervalLoop({
      intervalMs,
      clock,
      signal,
      first: 'delayed',
      run: async () => { await this.#probe(side) },
      onError: () => {} // #probe keeps the error
    }))
  }

  get health (): Readonly<Record<Side, ClusterHealth>> { return this.#health }

  start (): void {
    for (const loop of this.#loops) loop.start()
  }

  async #probe (side: Side): Promise<void> {
    const { clock, onChanged } = this.#options
    try {
      const brokers = (await this.#describe(side)).toSorted((one, other) => one - other).join()
      this.#health[side] = { answeredMs: clock.now(), error: undefined }
      const before = this.#brokers[side]
      this.#brokers[side] = brokers
      if (before !== undefined && before !== brokers) onChanged?.()
    } catch (thrown) {
      this.#brokers[side] = ''
      this.#turns[side] = [] // all brokers may have other ids when the cluster answers again
      this.#health[side] = { ...this.#health[side], error: ReplicatorError.from(thrown) }
    }
  }

  /**
   * If one broker hangs, the cluster may still answer: each attempt asks another broker, because
   * metadata may name a controller that hangs for long before metadata names another one.
   */
  async #describe (side: Side): Promise<readonly number[]> {
    try {
      return await this.#ask(side)
    } catch (thrown) {
      if (!ReplicatorError.from(thrown).retriable || this.#options.signal.aborted) throw thrown
      return await this.#ask(side)
    }
  }

  /** Resolves with the ids of the brokers. */
  async #ask (side: Side): Promise<readonly number[]> {
    const [broker, ...others] = this.#turns[side]
    if (broker !== undefined) this.#turns[side] = [...others, broker]
    const { brokers } = await this.#options[side].describeCluster({ broker, timeoutMs })
    const known = this.#turns[side]
    const alive = brokers.map(({ id }) => id)
    this.#turns[side] =
      [...known.filter(id => alive.includes(id)), ...alive.filter(id => !known.includes(id))]
    return alive
  }
}
