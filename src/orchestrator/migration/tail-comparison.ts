// How many source records after MirrorMaker 2's committed position are on the target. Pure.
//
// MirrorMaker 2 commits once a minute, so a MirrorMaker 2 that was killed has mirrored records that
// its position does not count: the tail. The tail has no sequences, other batches than the source,
// duplicates of retries, and perhaps records of other producers. So the records themselves are
// compared: those of the source from the committed position on, in order, with those of the target.
// Each source record must be found after the record before it; the mirror continues at the first
// record that is not found. Each target record matches one source record only, so that no record is
// lost.
//
//   source  ... w x y z | a b c d e ...        | the committed position
//   target  ... w x y o z a b o b c            o another producer, or a double
//               ^ anchor            ^ d is not found: continue at d
//
// Without the anchor the comparison would not know at which target record to begin, and could match
// an older equal record. The anchor begins with a record that differs from the records before it,
// and ends at the committed position.

/** The content of a record as one value: timestamp, key, value and headers. */
export type Digest = string

export interface SourceRecord {
  readonly offset: bigint
  readonly timestampMs: number
  readonly digest: Digest
}

/**
 * The records before the committed position, in order, with which the comparison begins: from the
 * newest record that differs from all records before it. `isWhole`: the log has no earlier records.
 * Undefined: in a log that repeats a pattern, the place of no record is certain.
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
  // Repeating records differ from the records before them only at the start of what was read.
  const isSure = start > 0 && start >= Math.floor(records.length / 2)
  return isSure ? records.slice(start) : undefined
}

export class TailComparison {
  readonly #target: readonly Digest[]
  #next = 0

  /** The target's records, from a record at or before the first record of the anchor. */
  constructor (target: readonly Digest[]) {
    this.#target = target
  }

  /** Whether the target holds the record after the records that were found before. */
  finds ({ digest }: Pick<SourceRecord, 'digest'>): boolean {
    const found = this.#target.indexOf(digest, this.#next)
    if (found < 0) return false
    this.#next = found + 1
    return true
  }
}
