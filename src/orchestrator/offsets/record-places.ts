// Finds the record of one log in a window of another log that holds the same records at other
// offsets, among records of others and without those that a cleaner removed. Pure.
//
//   records   a a b u c        u is the first record that either side holds once: the three records
//   window  x a a a b u        before u are equal on both sides, so the first of them is found
//
// Equal records alone tell nothing: their number may differ. So the answer needs a record that is
// unique on both sides, and the records before it must be equal one by one, or all be absent.
export interface PlacedRecord {
  readonly offset: bigint
  /** Equal for equal records. */
  readonly digest: string
}

export interface RecordPlace {
  /** Of the record, in its own log. */
  readonly from: bigint
  /** Of the same record in the window. */
  readonly to: bigint
}

/**
 * The first of the records that the window holds, and its place there. Undefined: no record is
 * there, or equal records leave a doubt. The records must reach as far as the window.
 */
export function placeOf (
  records: readonly PlacedRecord[], window: readonly PlacedRecord[]
): RecordPlace | undefined {
  const own = onlyPlaces(records)
  const places = onlyPlaces(window)
  const isUnique = ({ digest }: PlacedRecord): boolean =>
    own.get(digest) !== undefined && places.get(digest) !== undefined
  const ofUnique = records.findIndex(isUnique)
  const unique = records[ofUnique]
  const place = unique && places.get(unique.digest)
  if (unique === undefined || place === undefined) return undefined
  const before = records.slice(0, ofUnique)
  const first = window[place - ofUnique]
  const isSame = before.every(({ digest }, i) => window[place - ofUnique + i]?.digest === digest)
  if (isSame && records[0] !== undefined && first !== undefined) {
    return { from: records[0].offset, to: first.offset }
  }
  const there = window[place]
  return there === undefined || before.some(({ digest }) => places.has(digest))
    ? undefined
    : { from: unique.offset, to: there.offset }
}

/** The index of each digest; undefined for one that occurs several times. */
function onlyPlaces (records: readonly PlacedRecord[]): ReadonlyMap<string, number | undefined> {
  const places = new Map<string, number | undefined>()
  for (const [at, { digest }] of records.entries()) {
    places.set(digest, places.has(digest) ? undefined : at)
  }
  return places
}
