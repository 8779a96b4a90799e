// Compares the records of a source partition with those of the target partition. Pure. All parts of
// a record identify it (key, value, headers, timestamp), so a record with other bytes is another
// record. A record that the source has twice may be on the target twice.

/** One record as two texts: the number from its producer, and a digest of all its parts. */
export interface CheckedRecord {
  readonly number: string
  readonly digest: string
}

export interface LogFindings {
  readonly records: number
  /** On the source, not on the target. */
  readonly lost: number
  /** On the target more often than on the source. */
  readonly doubled: number
  /** After a record that follows it on the source; duplicates are not counted. */
  readonly reordered: number
  /**
   * On the target with a number of the source and other bytes; or with bytes that no producer
   * wrote.
   */
  readonly altered: number
  /** The first few findings of each kind, for people. */
  readonly examples: readonly string[]
}

const examplesMax = 3

export function checkLog (
  source: readonly CheckedRecord[], target: readonly CheckedRecord[]
): LogFindings {
  const placesLeft = placesByDigest(source)
  const isKnown = new Set(placesLeft.keys())
  const examples: string[] = []
  const example = (count: number, text: string): void => {
    if (count <= examplesMax) examples.push(text)
  }
  let doubled = 0
  let reordered = 0
  let altered = 0
  let furthest = -1
  const alteredNumbers = new Set<string>()
  for (const [at, { number, digest }] of target.entries()) {
    const place = placesLeft.get(digest)?.shift()
    if (place !== undefined) {
      if (place < furthest) {
        reordered += 1
        example(reordered, `reordered: ${number} at target record ${at}`)
      }
      furthest = Math.max(furthest, place)
    } else if (isKnown.has(digest)) {
      doubled += 1
      example(doubled, `doubled: ${number} at target record ${at}`)
    } else {
      altered += 1
      alteredNumbers.add(number)
      example(altered, `altered: ${number} at target record ${at}`)
    }
  }
  let lost = 0
  for (const places of placesLeft.values()) {
    for (const place of places) {
      const number = source[place]?.number ?? ''
      if (alteredNumbers.delete(number)) continue // on the target, but altered
      lost += 1
      example(lost, `lost: ${number}, source record ${place}`)
    }
  }
  return { records: source.length, lost, doubled, reordered, altered, examples }
}

function placesByDigest (records: readonly CheckedRecord[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [place, { digest }] of records.entries()) {
    const known = places.get(digest)
    if (known === undefined) places.set(digest, [place])
    else known.push(place)
  }
  return places
}
