// The snapshots of all partitions of a flow, recreated only of those that have changed.
//
// The problem: a flow has ten thousand partitions, nearly all of them quiet, and metrics and
// readiness are computed from snapshots of all of them, every second. A snapshot depends on its
// partition's condition, on the row that its lane has counted, and, unless nothing is left to
// mirror, on the time. Conditions and rows are replaced and never changed in place. So the snapshot
// of a partition with nothing left stays right as long as these are the same objects, and until the
// end of the source's log is too old to say so. Whoever computes totals recognises by the same
// objects what has not changed.
import type { PartitionCounters } from '../../dataplane/index.ts'
import type { PartitionSnapshot } from '../observability/snapshot.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'

export interface SnapshotSources {
  readonly rowOf: (partition: FlowPartition) => PartitionCounters | undefined
  /** Epoch ms from when on the end of the source's log is too old. */
  readonly staleFrom: (partition: FlowPartition) => number
  readonly create: (
    partition: FlowPartition, row: PartitionCounters | undefined
  ) => PartitionSnapshot
  readonly nowMs: number
}

interface Kept {
  readonly partition: FlowPartition
  /** What the snapshot was created from. */
  readonly condition: FlowPartition
  readonly row: PartitionCounters | undefined
  readonly snapshot: PartitionSnapshot
  /** Epoch ms; the snapshot depends on the time from then on. */
  validUntilMs: number
}

export class PartitionSnapshots {
  #kept: readonly Kept[] = []
  #values: readonly PartitionSnapshot[] = []

  /** The same array as long as nothing has changed. */
  get values (): readonly PartitionSnapshot[] { return this.#values }

  update (groups: ReadonlyArray<Iterable<FlowPartition>>, sources: SnapshotSources): void {
    const kept: Kept[] = []
    let isSame = true
    for (const group of groups) {
      for (const partition of group) {
        // Partitions keep their order, and few of them come and go.
        const before = this.#kept[kept.length]
        const now = refreshed(before, partition, sources)
        isSame &&= now === before
        kept.push(now)
      }
    }
    if (isSame && kept.length === this.#kept.length) return
    this.#kept = kept
    this.#values = kept.map(({ snapshot }) => snapshot)
  }
}

function refreshed (
  before: Kept | undefined, partition: FlowPartition, sources: SnapshotSources
): Kept {
  const row = sources.rowOf(partition)
  if (before?.partition === partition && before.row === row && isUnchanged(before.condition,
    partition)) {
    if (before.validUntilMs <= sources.nowMs && isSteady(before.snapshot)) {
      before.validUntilMs = sources.staleFrom(partition)
    }
    if (before.validUntilMs > sources.nowMs) return before
  }
  const snapshot = sources.create(partition, row)
  const validUntilMs = isSteady(snapshot) ? sources.staleFrom(partition) : -Infinity
  return { partition, condition: { ...partition }, row, snapshot, validUntilMs }
}

/** Where records have dates of the future, the newest one becomes known as time passes. */
function isSteady (
  { lagRecords, lagSeconds, newestRecordMs, records }: PartitionSnapshot
): boolean {
  return lagRecords === 0 && lagSeconds === 0 && (newestRecordMs !== undefined || records === 0n)
}

function isUnchanged (before: FlowPartition, now: FlowPartition): boolean {
  return before.progress === now.progress && before.state === now.state &&
    before.lane === now.lane && before.report === now.report && before.trouble === now.trouble &&
    before.pause === now.pause
}
