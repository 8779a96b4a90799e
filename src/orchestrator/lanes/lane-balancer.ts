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
  /** Bytes acked of each partition, by id, as its lane counts them. */
  readonly bytesById: () => ReadonlyMap<number, number>
  /** The partition's lane drains the partition; then lane `to` is assigned it. */
  readonly move: (partition: Partition, to: number) => void
  readonly log: Log
  readonly clock: Clock
}

interface Measurement {
  readonly atMs: number
  readonly bytesById: ReadonlyMap<number, number>
}

export class LaneBalancer<Partition extends BalancedPartition> {
  readonly #options: LaneBalancerOptions<Partition>
  #earlier: Measurement

  constructor (options: LaneBalancerOptions<Partition>) {
    this.#options = options
    this.#earlier = { atMs: options.clock.monotonic(), bytesById: new Map() }
  }

  /** Measures the traffic since the last round, and makes the worthwhile moves. */
  round (): void {
    const { lanes, log, move, partitions } = this.#options
    const byId = new Map([...partitions()].map(partition => [partition.id, partition]))
    const carried = this.#measure(byId)
    for (const { id, to } of rebalanceLanes(carried, lanes)) {
      const partition = byId.get(id)
      if (partition === undefined) continue
      const { lane, partition: number, topic } = partition
      const bytesPerSecond = Math.round(
        carried.find(each => each.id === id)?.bytesPerSecond ?? 0)
      log.info({ topic, partition: number, from: lane, to, bytesPerSecond },
        `moving ${topic}-${number} from lane ${lane} to lane ${to}`)
      move(partition, to)
    }
  }

  /** Of partitions that can be moved: one that does not run, or changes state, stays. */
  #measure (byId: ReadonlyMap<number, Partition>): CarriedPartition[] {
    const { bytesById, clock } = this.#options
    const earlier = this.#earlier
    const now = this.#earlier = { atMs: clock.monotonic(), bytesById: bytesById() }
    const seconds = Math.max(now.atMs - earlier.atMs, 1) / 1000
    return [...byId.values()].flatMap(({ id, lane, report, state }) => {
      if (state !== 'assigned' || report.state !== 'running') return []
      const bytes = now.bytesById.get(id) ?? 0
      const before = earlier.bytesById.get(id) ?? 0
      // Counters restart at 0 after a restart of the lane, or a new assignment of the partition.
      return [{ id, lane, bytesPerSecond: (bytes < before ? bytes : bytes - before) / seconds }]
    })
  }
}
