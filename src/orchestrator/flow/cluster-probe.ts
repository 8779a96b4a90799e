// Checks every few seconds whether the two clusters of a flow answer. Readiness and metrics need
// this: a flow with nothing to mirror would not notice that a cluster is gone.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ClusterHealth } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'

export interface ClusterProbeOptions {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly clock: Clock
  readonly signal: AbortSignal
}

const intervalMs = 5_000
/** Interval and timeout together stay below 15 s, within which /readyz must report the cluster. */
const timeoutMs = 8_000

export class ClusterProbe {
  readonly #options: ClusterProbeOptions
  readonly #loops: readonly IntervalLoop[]
  readonly #health: Record<'source' | 'target', ClusterHealth>

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

  get health (): Readonly<Record<'source' | 'target', ClusterHealth>> { return this.#health }

  start (): void {
    for (const loop of this.#loops) loop.start()
  }

  async #probe (side: 'source' | 'target'): Promise<void> {
    const { clock } = this.#options
    try {
      await this.#options[side].describeCluster({ timeoutMs })
      this.#health[side] = { answeredMs: clock.now(), error: undefined }
    } catch (thrown) {
      this.#health[side] = { ...this.#health[side], error: ReplicatorError.from(thrown) }
    }
  }
}
