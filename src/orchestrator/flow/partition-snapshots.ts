// The snapshots of all partitions of a flow, recreated only of those that have changed.
//
// The problem: a flow has ten thousand partitions, most of them quiet, and metrics and readiness
// are computed every second from snapshots of all of them. A snapshot depends on its partition's
// condition, on the row that its lane has counted, and, if records are left to mirror, on the time.
// So the code that changes a condition or a row reports the change. The snapshot of a partition
// without records left stays valid until such a report, or until the end of the source's log is too
// old. Totals recognize unchanged partitions by the same objects.
import type { PartitionSnapshot } from '../observability/snapshot.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'

export interface SnapshotSources {
  /** All partitions; the same ones in the same order as long as `version` is the same. */
  readonly all: () => Iterable<FlowPartition>
  readonly version: string
  /** Partitions whose condition or row has changed since the last update. */
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
  /** Epoch ms when the first of the other partitions must be checked. */
  #staleFromMs = Infinity

  /** The same array as long as no snapshot has changed. */
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

  /** Most partitions with an old end have had their end reported again. */
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

/** If records have timestamps in the future, the newest timestamp becomes known as time passes. */
function isSteady (
  { lagRecords, lagSeconds, newestRecordMs, records }: PartitionSnapshot
): boolean {
  return lagRecords === 0 && lagSeconds === 0 && (newestRecordMs !== undefined || records === 0n)
}
