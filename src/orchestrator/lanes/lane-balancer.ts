// Evens out the lanes while they run: measures what each partition brings a second, and moves
// partitions from busy lanes to idle ones.
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { rebalanceLanes, type CarriedPartition } from './lane-assignor.ts'

/** What the balancer asks of a partition. */
export interface BalancedPartition {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly lane: number
  /** Of the control plane; only an `assigned` partition can be moved. */
  readonly state: string
  /** What its lane says of it. */
  readonly report: { readonly state: string }
}

export interface LaneBalancerOptions<Partition extends BalancedPartition> {
  readonly lanes: number
  /** Every partition there is. */
  readonly partitions: () => Iterable<Partition>
  /** Bytes acked of each partition, by id, as its lane counts them. */
  readonly bytesById: () => ReadonlyMap<number, number>
  /** Has the lane of the partition drain it, and assigns it to lane `to` then. */
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

  /** Measures the time since the last round, and moves what is worth it. */
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

  /** Of those that can be moved: a partition that does not run, or is on its way, stays. */
  #measure (byId: ReadonlyMap<number, Partition>): CarriedPartition[] {
    const { bytesById, clock } = this.#options
    const earlier = this.#earlier
    const now = this.#earlier = { atMs: clock.monotonic(), bytesById: bytesById() }
    const seconds = Math.max(now.atMs - earlier.atMs, 1) / 1000
    return [...byId.values()].flatMap(({ id, lane, report, state }) => {
      if (state !== 'assigned' || report.state !== 'running') return []
      const bytes = now.bytesById.get(id) ?? 0
      const before = earlier.bytesById.get(id) ?? 0
      // Counters begin at 0 where a lane was started again, or was assigned the partition since.
      return [{ id, lane, bytesPerSecond: (bytes < before ? bytes : bytes - before) / seconds }]
    })
  }
}
