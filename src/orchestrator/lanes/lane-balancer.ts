// Evens out the load of running lanes: measures the traffic of each partition, and moves partitions
// from busy lanes to idle ones.
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { rebalanceLanes, type CarriedPartition } from './lane-assignor.ts'

/** The properties of a partition that the balancer reads. */
export interface BalancedPartition {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly lane: number
  /** The state in the control plane; only an `assigned` partition can be moved. */
  readonly state: string
  /** The state that the lane reports. */
  readonly report: { readonly state: string }
}

export interface LaneBalancerOptions<Partition extends BalancedPartition> {
  readonly lanes: number
  /** Every partition of the flow in this process. */
  readonly partitions: () => Iterable<Partition>
  /** Bytes acked of a partition, as its lane counts them. */
  readonly bytesOf: (partition: Partition) => number
  /** The partition's lane drains the partition; then lane `to` is assigned it. */
  readonly move: (partition: Partition, to: number) => void
  readonly log: Log
  readonly clock: Clock
}

interface Carried<Partition> extends CarriedPartition {
  readonly partition: Partition
}

export class LaneBalancer<Partition extends BalancedPartition> {
  readonly #options: LaneBalancerOptions<Partition>
  #measuredMs: number
  /** By id, at the last round. Most of thousands of partitions are quiet, and keep their entry. */
  readonly #bytes = new Map<number, number>()

  constructor (options: LaneBalancerOptions<Partition>) {
    this.#options = options
    this.#measuredMs = options.clock.monotonic()
  }

  /** Measures the traffic since the last round, and makes the worthwhile moves. */
  round (): void {
    const { lanes, log, move } = this.#options
    const carried = this.#measure()
    for (const { id, to } of rebalanceLanes(carried, lanes)) {
      const moved = carried.find(each => each.id === id)
      if (moved === undefined) continue
      const { lane, partition: number, topic } = moved.partition
      const bytesPerSecond = Math.round(moved.bytesPerSecond)
      log.info({ topic, partition: number, from: lane, to, bytesPerSecond },
        `moving ${topic}-${number} from lane ${lane} to lane ${to}`)
      move(moved.partition, to)
    }
  }

  /** Of partitions that have traffic and can be moved: one that changes state stays. */
  #measure (): ReadonlyArray<Carried<Partition>> {
    const { bytesOf, clock, partitions } = this.#options
    const nowMs = clock.monotonic()
    const seconds = Math.max(nowMs - this.#measuredMs, 1) / 1000
    this.#measuredMs = nowMs
    const carried: Array<Carried<Partition>> = []
    let count = 0
    for (const partition of partitions()) {
      const { id, lane, report, state } = partition
      count++
      const bytes = bytesOf(partition)
      const before = this.#bytes.get(id) ?? 0
      if (bytes === before) continue
      this.#bytes.set(id, bytes)
      if (state !== 'assigned' || report.state !== 'running') continue
      // Counters restart at 0 after a restart of the lane, or a new assignment of the partition.
      const bytesPerSecond = (bytes < before ? bytes : bytes - before) / seconds
      carried.push({ partition, id, lane, bytesPerSecond })
    }
    if (this.#bytes.size > count) this.#forgetOthers()
    return carried
  }

  #forgetOthers (): void {
    const ids = new Set([...this.#options.partitions()].map(({ id }) => id))
    for (const id of this.#bytes.keys()) if (!ids.has(id)) this.#bytes.delete(id)
  }
}
