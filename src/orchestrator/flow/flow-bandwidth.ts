// Limits the bandwidth of a flow: an order of an operator, or else `bandwidth.max` of the file,
// holds for all processes together. A process has the share of its task slots in it, and divides
// that share over its lanes by what they fetch.
import type { LaneCounters } from '../../dataplane/index.ts'
import type { ThrottleRecord } from '../control/control-record.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { ThrottleSnapshot } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import { divideBandwidth, type LaneTraffic } from './bandwidth-shares.ts'

export interface FlowBandwidthOptions {
  /** `bandwidth.max` now; 0: no limit. */
  readonly limitOfFile: () => number
  /** The order in force; undefined: none. */
  readonly order: () => ThrottleRecord | undefined
  readonly slots: () => { readonly owned: number, readonly total: number }
  readonly lanes: Pick<LanePool, 'size' | 'limitBandwidth'>
  /** The last counters of a lane; undefined: it has not reported any. */
  readonly countersOf: (lane: number) => LaneCounters | undefined
  readonly clock: Clock
}

interface Seen {
  readonly fetchedBytes: bigint
  readonly waitMs: bigint
}

export class FlowBandwidth {
  readonly #options: FlowBandwidthOptions
  #seen: ReadonlyArray<Seen | undefined> = []
  #seenMs: number | undefined
  #isWaiting = false

  constructor (options: FlowBandwidthOptions) {
    this.#options = options
  }

  /** Of all processes of the flow, bytes a second; 0: no limit. */
  get limit (): number {
    const { limitOfFile, order } = this.#options
    return order()?.bytesPerSecond ?? limitOfFile()
  }

  get snapshot (): ThrottleSnapshot {
    return { bytesPerSecond: this.limit, isWaiting: this.#isWaiting }
  }

  /** Call it about every second, after the lanes were asked for their counters. */
  update (): void {
    const { lanes, slots } = this.#options
    const traffic = this.#look()
    const { limit } = this
    this.#isWaiting = limit > 0 && traffic.some(({ hasWaited }) => hasWaited)
    const { owned, total } = slots()
    // A process without slots fetches nothing; its first slot begins with the share of one.
    const ours = limit * Math.max(owned, 1) / total
    const shares = limit === 0 ? [] : divideBandwidth(ours, traffic)
    for (let lane = 0; lane < lanes.size; lane++) lanes.limitBandwidth(lane, shares[lane] ?? 0)
  }

  /** What each lane has done since the last look. */
  #look (): readonly LaneTraffic[] {
    const { clock, countersOf, lanes } = this.#options
    const nowMs = clock.monotonic()
    const seconds = this.#seenMs === undefined ? 1 : Math.max(nowMs - this.#seenMs, 1) / 1000
    const seen = Array.from({ length: lanes.size }, (_, lane) => {
      const counters = countersOf(lane)
      return counters &&
        { fetchedBytes: counters.fetchResponseBytes, waitMs: counters.bandwidthWaitMs }
    })
    // The counters of a lane that was restarted begin at 0.
    const traffic = seen.map((now, lane) => {
      const before = this.#seen[lane]
      if (now === undefined || before === undefined) return { bytesPerSecond: 0, hasWaited: false }
      return {
        bytesPerSecond: Math.max(0, Number(now.fetchedBytes - before.fetchedBytes)) / seconds,
        hasWaited: now.waitMs > before.waitMs
      }
    })
    this.#seen = seen
    this.#seenMs = nowMs
    return traffic
  }
}
