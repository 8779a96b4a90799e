// When the older points of a partition are written: at once where the position would otherwise not
// match them, else about once a minute, because they are several times as large as a position.
import { systemRandom, type Clock, type Random } from '../time/clock.ts'
import { partitionKey, type Progress, type TopicPartition } from './progress.ts'

interface Written {
  readonly era: number
  readonly leaderEpoch: number | undefined
  readonly dueMs: number
}

/**
 * What a crash costs: the newest point on record may be this old, so that a resume after an unclean
 * election of the target scans a minute of records more.
 */
const intervalMs = 60_000

export class HistoryInterval {
  readonly #clock: Clock
  readonly #random: Random
  readonly #written = new Map<string, Written>()

  constructor (clock: Clock, random: Random = systemRandom) {
    this.#clock = clock
    this.#random = random
  }

  isDue (source: TopicPartition, { era = 0, history = [], leaderEpoch }: Progress): boolean {
    const last = this.#written.get(partitionKey(source))
    // A partition that has just begun has no point but its position.
    if (last === undefined) return history.length > 1 || leaderEpoch !== undefined || era > 0
    return era !== last.era || leaderEpoch !== last.leaderEpoch ||
      (history.length > 1 && this.#clock.monotonic() >= last.dueMs)
  }

  /** Partitions that begin together are spread over the second half of the interval. */
  written (source: TopicPartition, { era = 0, leaderEpoch }: Progress): void {
    const dueMs = this.#clock.monotonic() + intervalMs * (1 - this.#random() / 2)
    this.#written.set(partitionKey(source), { era, leaderEpoch, dueMs })
  }

  /** Its history is no longer on record. */
  forget (source: TopicPartition): void {
    this.#written.delete(partitionKey(source))
  }

  clear (): void {
    this.#written.clear()
  }
}
