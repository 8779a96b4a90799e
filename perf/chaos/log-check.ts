// Compares what a partition of the source holds with what the target made of it. Pure.
// A record is known by all its parts (key, value, headers, timestamp), so that one that came with
// other bytes is not the same record. What the source itself holds twice may be there twice.

/** One record as two texts: the number its producer gave it, and a digest of all its parts. */
export interface CheckedRecord {
  readonly number: string
  readonly digest: string
}

export interface LogFindings {
  readonly records: number
  /** In the source, not in the target. */
  readonly lost: number
  /** In the target more often than in the source. */
  readonly doubled: number
  /** Behind a record that the source has after it, not counting doubled ones. */
  readonly reordered: number
  /** In the target with a number of the source's, and other bytes; or with bytes of nobody's. */
  readonly altered: number
  /** The first few of each of these, for people. */
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
      if (alteredNumbers.delete(number)) continue // there, if not as it was
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
