// Which offset syncs of one slot are due. Pure. An offset sync pairs the offset of a source record
// with its offset on the target; MirrorMaker 2's readers derive every later position from it. So an
// offset sync may name only a record whose target offset is known, and no position between records:
// after a sync of the position behind a transaction marker, a reader would skip the next record.
import { isExact, type OffsetMap, type OffsetPair } from '../offsets/offset-map.ts'
import { partitionKey, type TopicPartition } from '../progress/progress.ts'
import type { OffsetSync } from '../mirror-maker/internal-records.ts'

export interface PlacedPartition extends TopicPartition {
  /** Undefined: the target offsets of its records are not known. */
  readonly offsets: OffsetMap | undefined
}

const knownMaxLeast = 1_000

interface Known {
  readonly written: OffsetPair | undefined
  /** The newest record when the partition was checked last. */
  readonly seen: OffsetPair | undefined
  readonly partition: TopicPartition
}

/** The last record whose target offset is known; undefined: the newest span has none. */
export function lastRecord (map: OffsetMap | undefined): OffsetPair | undefined {
  const span = map?.spans.at(-1)
  if (span === undefined || !isExact(span) || span.records === 0n) return undefined
  const { downstream, records, upstream } = span
  return { upstream: upstream + records - 1n, downstream: downstream + records - 1n }
}

export class DueOffsetSyncs {
  readonly #lagMax: bigint
  readonly #known = new Map<string, Known>()
  /** By partitionKey: the partitions that may be due, in the order in which they were noted. */
  readonly #waiting = new Map<string, OffsetSync>()
  #knownMax = knownMaxLeast

  /** `lagMax`: offset.lag.max. */
  constructor (lagMax: number) {
    this.#lagMax = BigInt(lagMax)
  }

  /** Adds partitions that may have mirrored more since the last call. */
  note (
    partitions: readonly PlacedPartition[], isMirrored: (partition: TopicPartition) => boolean
  ): void {
    if (this.#known.size > this.#knownMax) this.#forget(isMirrored)
    for (const { offsets, partition, topic } of partitions) {
      const newest = lastRecord(offsets)
      if (newest === undefined) continue
      this.#waiting.set(partitionKey({ topic, partition }), { topic, partition, ...newest })
    }
  }

  /**
   * The offset syncs to write now, `max` at most. Due are: the first sync of a partition, a sync
   * more than offset.lag.max after the last one, a sync after a gap on either side, and a last sync
   * once a partition is idle.
   */
  take (max: number): readonly OffsetSync[] {
    const due: OffsetSync[] = []
    for (const [name, sync] of this.#waiting) {
      if (due.length === max) break
      const known = this.#known.get(name)
      if (isSame(known?.written, sync)) {
        this.#waiting.delete(name)
      } else if (isSame(known?.seen, sync) || this.#isFar(known?.written, sync)) {
        due.push(sync)
      } else {
        this.#known.set(name, { written: known?.written, seen: sync, partition: sync })
      }
    }
    return due
  }

  written (syncs: readonly OffsetSync[]): void {
    for (const sync of syncs) {
      const name = partitionKey(sync)
      this.#known.set(name, { written: sync, seen: sync, partition: sync })
      if (isSame(this.#waiting.get(name), sync)) this.#waiting.delete(name)
    }
  }

  /**
   * Forgets partitions that are no longer mirrored here. Checks all of them, so it waits until
   * twice as many are known.
   */
  #forget (isMirrored: (partition: TopicPartition) => boolean): void {
    for (const [name, { partition }] of this.#known) {
      if (isMirrored(partition)) continue
      this.#known.delete(name)
      this.#waiting.delete(name)
    }
    this.#knownMax = Math.max(knownMaxLeast, 2 * this.#known.size)
  }

  #isFar (written: OffsetPair | undefined, { downstream, upstream }: OffsetPair): boolean {
    if (written === undefined) return true
    const moved = downstream - written.downstream
    return moved > this.#lagMax || moved < 0n || upstream - written.upstream !== moved
  }
}

function isSame (one: OffsetPair | undefined, other: OffsetPair): boolean {
  return one?.upstream === other.upstream && one.downstream === other.downstream
}
