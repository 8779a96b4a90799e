// When the older points of a partition are written: at once if they would otherwise not match the
// position, else about once a minute, because they are several times as large as a position.
import { systemRandom, type Clock, type Random } from '../time/clock.ts'
import { partitionKey, type Progress, type TopicPartition } from './progress.ts'

interface Written {
  readonly era: number
  readonly leaderEpoch: number | undefined
  readonly dueMs: number
}

/**
 * The cost after a crash: the newest point on record may be this old, so a resume after an unclean
 * election on the target scans up to a minute of records more.
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
    // The only point of a partition that has just begun is its position.
    if (last === undefined) return history.length > 1 || leaderEpoch !== undefined || era > 0
    return era !== last.era || leaderEpoch !== last.leaderEpoch ||
      (history.length > 1 && this.#clock.monotonic() >= last.dueMs)
  }

  /** Partitions that begin together write at different times in the second half of the interval. */
  written (source: TopicPartition, { era = 0, leaderEpoch }: Progress): void {
    const dueMs = this.#clock.monotonic() + intervalMs * (1 - this.#random() / 2)
    this.#written.set(partitionKey(source), { era, leaderEpoch, dueMs })
  }

  /** The history of the partition is no longer on record. */
  forget (source: TopicPartition): void {
    this.#written.delete(partitionKey(source))
  }

  clear (): void {
    this.#written.clear()
  }
}
