// The timestamp of the first record that the target lacks, found by the source's time index.
//
// The problem: after a restart no process knows since when a paused partition has been behind, and
// no lane reads its records. ListOffsets does not return the timestamp of an offset; it returns the
// first record with a given timestamp or a later one, with its offset and its own timestamp. So the
// search asks for ever earlier times until the answer is before the position, and then halves the
// interval between:
//
//    before the position | behind it
//    ---------x----------P----o-----o----------  offsets ->
//             ^earlier   ^    ^best  ^later
//
// Whatever the order of timestamps, each answer after the position is a record that the target
// lacks. So the smallest timestamp of those answers never makes the lag longer than it is.
import type { ClusterAdmin, WantedOffset } from '../cluster/cluster-admin.ts'
import type { TopicPartition } from '../progress/progress.ts'

/** A partition, and the offset of the first record that the target lacks. */
export interface RecordsFrom<Partition> {
  readonly partition: Partition
  readonly from: bigint
}

export interface RecordTime<Partition> extends RecordsFrom<Partition> {
  /** Epoch ms; undefined: the timestamps do not show it. */
  readonly timestampMs: number | undefined
}

/** A year is found in 25 doublings of the first step, and a hundredth of it in 7 halvings more. */
const stepsMax = 48
const firstStepMs = 1_000
const precisionMs = 500
const timeoutMs = 8_000

/** The result omits partitions that the source did not answer for. Rejects if it did not answer. */
export async function recordTimes<Partition extends TopicPartition> (
  source: ClusterAdmin, wanted: ReadonlyArray<RecordsFrom<Partition>>, nowMs: number
): Promise<ReadonlyArray<RecordTime<Partition>>> {
  const searches = wanted.map(each => new TimeSearch(each, nowMs))
  const active = new Set(searches)
  for (let step = 0; active.size > 0 && step < stepsMax; step++) {
    const asked = [...active]
    const listed = await source.listOffsets(asked.map((search): WantedOffset => {
      const { wanted: { partition: { partition, topic } } } = search
      return { topic, partition, at: BigInt(search.nextMs) }
    }), 'read_uncommitted', { timeoutMs })
    for (const [i, search] of asked.entries()) {
      const { error, offset = -1n, timestamp = -1n } = listed[i] ?? {}
      if (error === undefined) search.learn(offset, Number(timestamp))
      else search.fail()
      if (search.isDone) active.delete(search)
    }
  }
  return searches.flatMap(({ bestMs, hasFailed, wanted }) =>
    hasFailed ? [] : [{ ...wanted, timestampMs: bestMs }])
}

class TimeSearch<Partition> {
  readonly wanted: RecordsFrom<Partition>
  readonly #nowMs: number
  #stepMs = firstStepMs
  /** No record before the position has this timestamp or a later one. */
  #laterMs: number
  /** The first record of this time or later is before the position. */
  #earlierMs: number | undefined
  #bestMs: number | undefined
  #isDone = false
  #hasFailed = false

  constructor (wanted: RecordsFrom<Partition>, nowMs: number) {
    this.wanted = wanted
    this.#nowMs = this.#laterMs = nowMs
  }

  get isDone (): boolean { return this.#isDone }

  get hasFailed (): boolean { return this.#hasFailed }

  /**
   * The smallest timestamp of a record after the position; timestamps in the future do not count.
   */
  get bestMs (): number | undefined { return this.#bestMs }

  get nextMs (): number {
    return this.#earlierMs === undefined
      ? Math.max(0, Math.floor(this.#nowMs - this.#stepMs))
      : Math.floor((this.#earlierMs + this.#laterMs) / 2)
  }

  fail (): void { this.#isDone = this.#hasFailed = true }

  /** `offset`: of the first record with timestamp `nextMs` or later; -1n: no such record. */
  learn (offset: bigint, timestampMs: number): void {
    const askedMs = this.nextMs
    const { from } = this.wanted
    this.#stepMs *= 2
    if (offset >= 0n && offset < from) {
      this.#earlierMs = Math.max(askedMs, timestampMs)
    } else {
      this.#laterMs = askedMs
      if (offset >= from && timestampMs <= this.#nowMs) {
        this.#bestMs = Math.min(this.#bestMs ?? timestampMs, timestampMs)
      }
      if (offset === from || askedMs === 0) this.#isDone = true
    }
    const closeMs = Math.max(precisionMs, (this.#nowMs - this.#laterMs) / 100)
    if (this.#earlierMs !== undefined && this.#laterMs - this.#earlierMs <= closeMs) {
      this.#isDone = true
    }
  }
}
