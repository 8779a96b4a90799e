// How far the source is on the target behind a position that MirrorMaker 2 has committed. Pure.
//
// MirrorMaker 2 commits once a minute, so a MirrorMaker 2 that was killed has mirrored records
// that its position does not count: the tail. The tail has no sequences, other batches than the
// source, doubles of retries, and perhaps records of other producers between. So the records
// themselves are compared: those of the source from the committed position on, in order, with those
// of the target. Each source record must be found behind the one before; the mirror continues at
// the first one that is not found. A record is skipped only against a target record of its own, so
// that nothing is lost.
//
//   source  ... w x y z | a b c d e ...        | the committed position
//   target  ... w x y o z a b o b c            o another producer, or a double
//               ^ anchor            ^ d is not found: continue at d
//
// Without the anchor the comparison would not know where in the target to begin, and might take an
// older equal record for a newer one. The anchor begins with a record that differs from the records
// before it, and ends at the committed position.

/** What a record says, as one value: timestamp, key, value and headers. */
export type Digest = string

export interface SourceRecord {
  readonly offset: bigint
  readonly timestampMs: number
  readonly digest: Digest
}

/**
 * Of the records before the committed position, in order, those that the comparison begins with:
 * from the newest one that differs from all before it. `isWhole`: the log has no earlier records.
 * Undefined: in a log that repeats itself the place of no record is sure.
 */
export function anchorOf (
  records: readonly SourceRecord[], isWhole: boolean
): readonly SourceRecord[] | undefined {
  if (isWhole) return records
  const seen = new Set<Digest>()
  let start = 0
  for (const [i, { digest }] of records.entries()) {
    if (seen.has(digest)) continue
    seen.add(digest)
    start = i
  }
  // Records that repeat a pattern differ from those before only at the start of what was read.
  const isSure = start > 0 && start >= Math.floor(records.length / 2)
  return isSure ? records.slice(start) : undefined
}

export class TailComparison {
  readonly #target: readonly Digest[]
  #next = 0

  /** The target's records from a place at or before the first record of the anchor. */
  constructor (target: readonly Digest[]) {
    this.#target = target
  }

  /** Whether the target holds the record, behind those that were found before. */
  finds ({ digest }: Pick<SourceRecord, 'digest'>): boolean {
    const found = this.#target.indexOf(digest, this.#next)
    if (found < 0) return false
    this.#next = found + 1
    return true
  }
}
