// Compares the records on the target with the written records, partition by partition: content
// (key, value, headers, timestamp), order and count. Holds one number for each partition and a few
// differences.
import { claimedNumber, type DemoRecord, type DemoRecords } from './demo-record.ts'
import type { WrittenPartition } from './demo-topics.ts'

export interface FoundRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

export interface Difference {
  /** On the target. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly what: string
}

const differencesKept = 10

/** Counts all differences and keeps the first few for a report. */
export class Differences {
  readonly #first: Difference[] = []
  #count = 0

  get count (): number { return this.#count }
  get first (): readonly Difference[] { return this.#first }

  add (difference: Difference): void {
    this.#count += 1
    if (this.#first.length < differencesKept) this.#first.push(difference)
  }
}

export class PartitionCheck {
  readonly #written: WrittenPartition
  readonly #records: DemoRecords
  readonly #differences: Differences
  /** The number of the next record, which is also its offset. */
  #next = 0
  #checked = 0

  constructor (written: WrittenPartition, records: DemoRecords, differences: Differences) {
    this.#written = written
    this.#records = records
    this.#differences = differences
  }

  /** Records that were compared, including those that differ. */
  get checked (): number { return this.#checked }

  /** Compares records in the order in which the target returns them. */
  take (found: FoundRecord): void {
    const expected = this.#next
    this.#checked += 1
    this.#next += 1
    const { offset, timestampMs } = found
    const { topic, partition, count } = this.#written
    if (expected >= count && offset >= count) {
      this.#differ(offset, `a record too many: ${count} were written`)
    } else if (offset !== expected) {
      this.#differ(offset, `the record after offset ${expected - 1} has offset ${offset}`)
      this.#next = offset + 1
    } else {
      const wanted = this.#records.create(topic.name, partition, expected, timestampMs)
      const what = firstDifference(wanted, found)
      if (what !== undefined) this.#differ(offset, this.#explain(what, found, expected))
    }
  }

  /** Call it after the last record. */
  end (): void {
    const { count } = this.#written
    if (this.#next < count) {
      this.#differ(this.#next, `missing: ends after ${this.#next} of ${count} records`)
    }
  }

  #explain (what: string, found: FoundRecord, expected: number): string {
    const claimed = claimedNumber(found)
    return claimed === undefined || claimed === expected
      ? what
      : `record ${claimed} of the source stands here`
  }

  #differ (offset: number, what: string): void {
    const { topic, partition } = this.#written
    this.#differences.add({ topic: topic.remoteName, partition, offset, what })
  }
}

function firstDifference (wanted: DemoRecord, found: FoundRecord): string | undefined {
  if (wanted.key !== found.key) return `key ${show(found.key)}, written ${show(wanted.key)}`
  const value = valueDifference(wanted.value, found.value)
  if (value !== undefined) return value
  if (wanted.headers.length !== found.headers.length) {
    return `${found.headers.length} headers, written ${wanted.headers.length}`
  }
  const index = wanted.headers.findIndex(([name, value], i) =>
    name !== found.headers[i]?.[0] || value !== found.headers[i]?.[1])
  if (index === -1) return undefined
  return `header ${show(found.headers[index]?.join('='))}, ` +
    `written ${show(wanted.headers[index]?.join('='))}`
}

/** The timestamp is part of value and headers, so a changed timestamp also changes them. */
function valueDifference (wanted: Buffer | null, found: Buffer | null): string | undefined {
  if (wanted === null || found === null) {
    if (wanted === found) return undefined
    return found === null ? 'no value, written with one' : 'a value, written without'
  }
  if (wanted.equals(found)) return undefined
  if (wanted.length !== found.length) {
    return `value of ${found.length} bytes, written ${wanted.length}`
  }
  return `value differs from byte ${wanted.findIndex((byte, i) => byte !== found[i])} on`
}

function show (text: string | null | undefined): string {
  return text === null || text === undefined ? 'none' : JSON.stringify(text)
}
