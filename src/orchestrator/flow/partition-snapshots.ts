// The snapshots of all partitions of a flow, recreated only of those that have changed.
//
// The problem: a flow has ten thousand partitions, nearly all of them quiet, and metrics and
// readiness are computed from snapshots of all of them, every second. A snapshot depends on its
// partition's condition, on the row that its lane has counted, and, unless nothing is left to
// mirror, on the time. So whoever changes a condition or a row says so, and the snapshot of a
// partition with nothing left stays right until then, or until the end of the source's log is too
// old to say so. Whoever computes totals recognises by the same objects what has not changed.
import type { PartitionSnapshot } from '../observability/snapshot.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'

export interface SnapshotSources {
  /** All partitions; the same ones in the same order as long as `version` is the same. */
  readonly all: () => Iterable<FlowPartition>
  readonly version: string
  /** Those whose condition or row has changed since the last update. */
  readonly changed: Iterable<FlowPartition>
  readonly create: (partition: FlowPartition) => PartitionSnapshot
  /** Epoch ms from when on the end of the source's log is too old. */
  readonly staleFrom: (partition: FlowPartition) => number
  readonly nowMs: number
}

export class PartitionSnapshots {
  #version = ''
  /** Where the snapshot of a partition is, by its id. */
  readonly #indexes = new Map<number, number>()
  #values: PartitionSnapshot[] = []
  /** Partitions whose snapshots depend on the time. */
  readonly #unsteady = new Set<FlowPartition>()
  /** Epoch ms when the first of the others is to be looked at. */
  #staleFromMs = Infinity

  /** The same array as long as nothing has changed. */
  get values (): readonly PartitionSnapshot[] { return this.#values }

  update (sources: SnapshotSources): void {
    if (sources.version !== this.#version) this.#recreateAll(sources)
    else this.#recreateChanged(sources)
    if (sources.nowMs >= this.#staleFromMs) this.#findStale(sources)
  }

  #recreateAll (sources: SnapshotSources): void {
    this.#version = sources.version
    this.#indexes.clear()
    this.#unsteady.clear()
    this.#staleFromMs = Infinity
    this.#values = []
    for (const partition of sources.all()) {
      this.#indexes.set(partition.id, this.#values.length)
      this.#values.push(this.#create(partition, sources))
    }
  }

  #recreateChanged (sources: SnapshotSources): void {
    const due = new Set([...sources.changed, ...this.#unsteady])
    if (due.size === 0) return
    this.#values = [...this.#values]
    for (const partition of due) {
      const index = this.#indexes.get(partition.id)
      if (index === undefined) continue // of a partition that has left the table
      this.#values[index] = this.#create(partition, sources)
    }
  }

  #create (partition: FlowPartition, sources: SnapshotSources): PartitionSnapshot {
    const snapshot = sources.create(partition)
    if (isSteady(snapshot)) {
      this.#unsteady.delete(partition)
      this.#staleFromMs = Math.min(this.#staleFromMs, sources.staleFrom(partition))
    } else {
      this.#unsteady.add(partition)
    }
    return snapshot
  }

  /** Most partitions whose end would be old by now have had it reported again. */
  #findStale (sources: SnapshotSources): void {
    const stale: FlowPartition[] = []
    this.#staleFromMs = Infinity
    for (const partition of sources.all()) {
      const staleFromMs = sources.staleFrom(partition)
      if (this.#unsteady.has(partition)) continue
      if (staleFromMs <= sources.nowMs) stale.push(partition)
      else this.#staleFromMs = Math.min(this.#staleFromMs, staleFromMs)
    }
    if (stale.length > 0) this.#recreateChanged({ ...sources, changed: stale })
  }
}

/** Where records have dates of the future, the newest one becomes known as time passes. */
function isSteady (
  { lagRecords, lagSeconds, newestRecordMs, records }: PartitionSnapshot
): boolean {
  return lagRecords === 0 && lagSeconds === 0 && (newestRecordMs !== undefined || records === 0n)
}
