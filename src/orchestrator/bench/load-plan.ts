// When each batch of a load is due. Records are created at a steady rate, whether the source keeps
// up or not, and a batch carries the times at which its records were to be created: a source or a
// mirror that stalls makes later records late, and does not hide them (no coordinated omission).
// Pure.
import { recordsPerSecond, type BenchSettings } from './bench-table.ts'
import { recordsOfBatch, type BatchSpec } from './batch-template.ts'

export interface LoadPlan {
  readonly spec: BatchSpec
  /** Between two batches of one partition; 0: as fast as the source accepts them. */
  readonly intervalMs: number
}

export function planLoad (settings: BenchSettings): LoadPlan {
  const { batchLinger, batchSize, compression, partitions, randomBytes, recordSize } = settings
  const perSecond = recordsPerSecond(settings)
  const fitting = recordsOfBatch(batchSize, recordSize)
  const perPartitionMs = (perSecond ?? Infinity) / partitions / 1000
  const records = perSecond === undefined
    ? fitting
    : Math.min(fitting, Math.max(1, Math.floor(perPartitionMs * batchLinger) + 1))
  const intervalMs = perSecond === undefined ? 0 : records / perPartitionMs
  // The first record of a batch waits for the last one, which is created `records - 1` steps later.
  const spanMs = Math.floor(intervalMs * (records - 1) / records)
  const spec = { records, recordSize, randomPercent: randomBytes, codec: compression, spanMs }
  return { spec, intervalMs }
}

export interface DueBatch {
  readonly partition: number
  /** When the last record of the batch is created. The batch is sent then, or later. */
  readonly dueMs: number
}

/** The batches of all partitions, in the order in which they are due. */
export class Schedule {
  readonly #intervalMs: number
  readonly #next: number[]

  /** Partitions begin one after another, so that the load is even from its first interval on. */
  constructor (partitions: number, intervalMs: number, startMs: number) {
    this.#intervalMs = intervalMs
    this.#next = Array.from({ length: partitions },
      (_, partition) => startMs + intervalMs * (partition + 1) / partitions)
  }

  /** The partition whose batch is due first. */
  first (): number {
    return this.#next.indexOf(Math.min(...this.#next))
  }

  /** When the first batch is due, in whole milliseconds, as timestamps are. */
  firstMs (): number { return Math.ceil(Math.min(...this.#next)) }

  /** Removes one due batch of each of these partitions, up to `countMax`, the oldest first. */
  take (partitions: readonly number[], countMax: number, nowMs: number): readonly DueBatch[] {
    const due = partitions.map(partition => ({ partition, dueMs: this.#nextMs(partition) }))
      .filter(({ dueMs }) => dueMs <= nowMs)
      .sort((one, other) => one.dueMs - other.dueMs)
      .slice(0, countMax)
    // Without an interval a batch is created when it is sent, and its partition then comes last.
    if (this.#intervalMs === 0) {
      for (const { partition } of due) this.#next[partition] = nowMs
      return due.map(({ partition }) => ({ partition, dueMs: nowMs }))
    }
    for (const { partition } of due) {
      this.#next[partition] = (this.#next[partition] ?? 0) + this.#intervalMs
    }
    return due
  }

  #nextMs (partition: number): number { return Math.ceil(this.#next[partition] ?? Infinity) }
}
