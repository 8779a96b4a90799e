// Limits the bandwidth of a flow: an order of an operator, or else `bandwidth.max` of the file,
// holds for all processes together. A process has the share of its task slots in it, and divides
// that share over its lanes by what they fetch. A topic with a share of the limit has a bound in
// each lane, by the partitions of the topic that the lane mirrors.
import type { LaneBandwidth, LaneCounters } from '../../dataplane/index.ts'
import type { ThrottleRecord } from '../control/control-record.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { ThrottleSnapshot } from '../observability/snapshot.ts'
import type { TopicPlacement } from '../partitions/topic-lanes.ts'
import type { Clock } from '../time/clock.ts'
import { divideBandwidth, type LaneTraffic } from './bandwidth-shares.ts'

export interface FlowBandwidthOptions {
  /** `bandwidth.max` now; 0: no limit. */
  readonly limitOfFile: () => number
  /** The order in force; undefined: none. */
  readonly order: () => ThrottleRecord | undefined
  readonly slots: () => { readonly owned: number, readonly total: number }
  /** Percent of the limit that the topic may use. */
  readonly shareOf: (topic: string) => number
  readonly placements: () => readonly TopicPlacement[]
  readonly lanes: Pick<LanePool, 'size' | 'limitBandwidth'>
  /** The last counters of a lane; undefined: it has not reported any. */
  readonly countersOf: (lane: number) => LaneCounters | undefined
  readonly clock: Clock
}

const idle: LaneTraffic = { bytesPerSecond: 0, hasWaited: false }

/** Percent: the topic has no bound of its own. */
const wholeShare = 100

/** A topic that may use a part of the limit. */
interface SharedTopic extends TopicPlacement {
  readonly share: number
}

interface Seen {
  readonly fetchedBytes: bigint
  readonly waitMs: bigint
  readonly holds: bigint
}

export class FlowBandwidth {
  readonly #options: FlowBandwidthOptions
  #seen: ReadonlyArray<Seen | undefined> = []
  #seenMs: number | undefined
  /** Between the last two looks. */
  #traffic: readonly LaneTraffic[]
  /** Whether a partition was left out lately, for its debt or the share of its topic. */
  #hasHeld = false

  constructor (options: FlowBandwidthOptions) {
    this.#options = options
    this.#traffic = Array.from({ length: options.lanes.size }, () => idle)
  }

  /** Of all processes of the flow, bytes a second; 0: no limit. */
  get limit (): number {
    const { limitOfFile, order } = this.#options
    return order()?.bytesPerSecond ?? limitOfFile()
  }

  get snapshot (): ThrottleSnapshot {
    const { limit } = this
    const hasWaited = this.#hasHeld || this.#traffic.some(({ hasWaited }) => hasWaited)
    const isWaiting = limit > 0 && hasWaited
    return { bytesPerSecond: limit, isWaiting }
  }

  /**
   * Divides the limit by what each lane has done since the last look. Call it once each time after
   * the lanes were asked for their counters: between two answers every lane would seem idle.
   */
  look (): void {
    this.#traffic = this.#measure()
    this.apply()
  }

  /** Passes the limit of this moment to the lanes, which share it as at the last look. */
  apply (): void {
    const { lanes, slots } = this.#options
    const { limit } = this
    const { owned, total } = slots()
    // A process without slots fetches nothing; its first slot begins with the share of one.
    const ours = limit * Math.max(owned, 1) / total
    const shares = limit === 0 ? [] : divideBandwidth(ours, this.#traffic)
    const shared = limit === 0 ? [] : this.#sharedTopics()
    for (let lane = 0; lane < lanes.size; lane++) {
      const topics = ratesIn(lane, limit, shared)
      lanes.limitBandwidth(lane, { bytesPerSecond: shares[lane] ?? 0, topics })
    }
  }

  #sharedTopics (): readonly SharedTopic[] {
    const { placements, shareOf } = this.#options
    return placements().flatMap(placement => {
      const share = shareOf(placement.topic)
      return share >= wholeShare ? [] : [{ ...placement, share }]
    })
  }

  #measure (): readonly LaneTraffic[] {
    const { clock, countersOf, lanes } = this.#options
    const nowMs = clock.monotonic()
    const seconds = this.#seenMs === undefined ? 1 : Math.max(nowMs - this.#seenMs, 1) / 1000
    const seen = Array.from({ length: lanes.size }, (_, lane) => {
      const counters = countersOf(lane)
      return counters &&
        {
          fetchedBytes: counters.fetchResponseBytes,
          waitMs: counters.bandwidthWaitMs,
          holds: counters.bandwidthHolds
        }
    })
    this.#hasHeld = seen.some((now, lane) => {
      const before = this.#seen[lane]
      return now !== undefined && before !== undefined && now.holds > before.holds
    })
    // The counters of a lane that was restarted begin at 0.
    const traffic = seen.map((now, lane) => {
      const before = this.#seen[lane]
      if (now === undefined || before === undefined) return idle
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

function ratesIn (
  lane: number, limit: number, topics: readonly SharedTopic[]
): LaneBandwidth['topics'] {
  return topics.map(({ lanes, partitions, share, topic }) => {
    // Also where the lane has no partition of the topic yet: the next one is limited at once.
    const portion = Math.max(lanes.get(lane) ?? 0, 1) / partitions
    const bytesPerSecond = BigInt(Math.max(1, Math.floor(limit * share / wholeShare * portion)))
    return { topic, bytesPerSecond }
  })
}
