// The counts of a flow's canary. They belong to the flow of this process, and outlive the duty,
// which begins and ends with the ownership of its slot.
import { latencyUpperBoundsMs } from '../observability/latency.ts'
import type { CanaryResult, CanarySnapshot } from '../observability/snapshot.ts'

export class CanaryFigures {
  readonly #counts: Record<CanaryResult, number> =
    { written: 0, arrived: 0, lost: 0, doubled: 0, late: 0 }

  readonly #latencies = new Array<number>(latencyUpperBoundsMs.length + 1).fill(0)
  #latencySumMs = 0
  /** Epoch ms; undefined: none has arrived yet. */
  lastArrivalMs: number | undefined
  /** Undefined: this process does not have the duty, or has not looked yet. */
  outstandingMs: number | undefined

  add (result: CanaryResult, count = 1): void { this.#counts[result] += count }

  addLatency (ms: number): void {
    const found = latencyUpperBoundsMs.findIndex(bound => ms < bound)
    const index = found === -1 ? latencyUpperBoundsMs.length : found
    this.#latencies[index] = (this.#latencies[index] ?? 0) + 1
    this.#latencySumMs += ms
  }

  snapshot (): CanarySnapshot {
    return {
      counts: { ...this.#counts },
      latency: {
        upperBoundsMs: latencyUpperBoundsMs,
        counts: [...this.#latencies],
        sumMs: this.#latencySumMs
      },
      lastArrivalMs: this.lastArrivalMs,
      outstandingMs: this.outstandingMs
    }
  }
}
