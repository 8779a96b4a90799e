// Asks the source for the end offsets that no Fetch response reports: of partitions that are
// faulted, paused or waiting, and of those whose broker does not answer. Few requests, short
// timeouts.
import type {
  ClusterAdmin, Isolation, ListedOffset, WantedOffset
} from '../cluster/cluster-admin.ts'
import type { Clock } from '../time/clock.ts'
import type { TopicPartition } from '../progress/progress.ts'
import type { SourceEnd } from './partition-lag.ts'

export interface AskedEnd<Partition> {
  readonly partition: Partition
  readonly end: SourceEnd
  /** The log start offset, where it was asked for. */
  readonly start: bigint | undefined
}

/** Five requests of the admin client. The next round asks for further partitions. */
const partitionsPerRound = 10_000
/** A broker that hangs must not delay the answers of the other brokers beyond the next round. */
const timeoutMs = 8_000

export class EndOffsets {
  readonly #source: ClusterAdmin
  readonly #isolation: Isolation
  readonly #clock: Clock
  #turn = 0

  constructor (source: ClusterAdmin, isolation: Isolation, clock: Clock) {
    this.#source = source
    this.#isolation = isolation
    this.#clock = clock
  }

  /**
   * The result omits partitions that the source did not answer for. Rejects if it answered for
   * none.
   */
  async ask<Partition extends TopicPartition> (
    partitions: readonly Partition[], needsStart: (partition: Partition) => boolean
  ): Promise<ReadonlyArray<AskedEnd<Partition>>> {
    const asked = this.#take(partitions)
    const knownMs = this.#clock.now()
    const starting = asked.filter(needsStart)
    const [highWatermarks, stable, starts] = await Promise.all([
      this.#list(asked, 'latest', 'read_uncommitted'),
      this.#isolation === 'read_committed' ? this.#list(asked, 'latest', 'read_committed') : [],
      this.#list(starting, 'earliest', 'read_uncommitted')
    ])
    const startOf = new Map(starting.map((partition, i) => [partition, offsetOf(starts[i])]))
    return asked.flatMap((partition, i) => {
      const highWatermark = offsetOf(highWatermarks[i])
      if (highWatermark === undefined) return []
      const lastStableOffset = offsetOf(stable[i]) ?? -1n
      const end = { highWatermark, lastStableOffset, knownMs }
      return [{ partition, end, start: startOf.get(partition) }]
    })
  }

  /**
   * Returns one round's share of the partitions; over several rounds every partition is asked for.
   */
  #take<Partition> (partitions: readonly Partition[]): readonly Partition[] {
    if (partitions.length <= partitionsPerRound) return partitions
    const from = this.#turn % partitions.length
    this.#turn = from + partitionsPerRound
    return [...partitions.slice(from), ...partitions.slice(0, from)].slice(0, partitionsPerRound)
  }

  async #list (
    partitions: readonly TopicPartition[], at: 'earliest' | 'latest', isolation: Isolation
  ): Promise<readonly ListedOffset[]> {
    if (partitions.length === 0) return []
    const wanted = partitions.map(({ partition, topic }): WantedOffset =>
      ({ topic, partition, at }))
    return await this.#source.listOffsets(wanted, isolation, { timeoutMs })
  }
}

function offsetOf (listed: ListedOffset | undefined): bigint | undefined {
  return listed === undefined || listed.error !== undefined ? undefined : listed.offset
}
