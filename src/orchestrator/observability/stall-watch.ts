// Detects partitions that are stalled although the source has more records for them, whatever their
// state is: the last check against a mirror that stalls without an error.
import type { PartitionSnapshot, PartitionState } from './snapshot.ts'

export interface Stall {
  /**
   * Since when no partition of the flow has made progress although some could; undefined: the flow
   * makes progress.
   */
  readonly flowSinceMs: number | undefined
  /** Records that could be mirrored now, of all partitions. */
  readonly fetchableRecords: number
  /** Partitions that have been stalled for long, each judged separately. */
  readonly partitions: readonly PartitionSnapshot[]
}

interface Position {
  readonly upstream: string
  readonly sinceMs: number
}

/** After this time a partition is stalled, however many others share its lane, broker and quota. */
const partitionStallMs = 60_000
/** In these states the reason for the stall is known, or the partition must not move. */
const excusedStates: ReadonlySet<PartitionState> = new Set(['paused', 'faulted', 'removed'])

export class StallWatch {
  #latest: readonly PartitionSnapshot[] = []
  #behind: readonly PartitionSnapshot[] = []
  #positions: ReadonlyMap<string, Position> = new Map()
  #movedMs: number | undefined

  /**
   * Call it about every second, even if no snapshot changes: an idle flow must not look stalled
   * since its last record. Times are epoch ms.
   */
  observe (partitions: readonly PartitionSnapshot[], nowMs: number): Stall {
    const hasMoved = partitions !== this.#latest && this.#compare(partitions, nowMs)
    const isStill = !hasMoved && this.#behind.length > 0
    if (!isStill) this.#movedMs = nowMs
    this.#movedMs ??= nowMs
    return {
      flowSinceMs: isStill ? this.#movedMs : undefined,
      fetchableRecords: this.#behind.reduce((sum, each) => sum + fetchableRecords(each), 0),
      partitions: this.#behind.filter(partition =>
        nowMs - (this.#positions.get(keyOf(partition))?.sinceMs ?? nowMs) >= partitionStallMs)
    }
  }

  /**
   * Whether a partition has made progress since the last look: also one that is not behind, as most
   * partitions catch up between two looks.
   */
  #compare (partitions: readonly PartitionSnapshot[], nowMs: number): boolean {
    const positions = new Map<string, Position>()
    this.#behind = partitions.filter(partition => fetchableRecords(partition) > 0)
    for (const partition of this.#behind) {
      const upstream = String(partition.upstreamOffset)
      const known = this.#positions.get(keyOf(partition))
      const isSame = known?.upstream === upstream
      positions.set(keyOf(partition), { upstream, sinceMs: isSame ? known.sinceMs : nowMs })
    }
    const hasMoved = partitions.some((each, index) => isBeyond(each, this.#latest[index]))
    this.#positions = positions
    this.#latest = partitions
    return hasMoved
  }
}

/** A retry of a faulted partition is no progress. Unchanged snapshots are the same objects. */
function isBeyond (partition: PartitionSnapshot, before: PartitionSnapshot | undefined): boolean {
  if (before === undefined || before === partition) return false
  if (excusedStates.has(partition.state) || keyOf(before) !== keyOf(partition)) return false
  return String(before.upstreamOffset) !== String(partition.upstreamOffset)
}

function keyOf ({ partition, topic }: PartitionSnapshot): string { return `${topic}/${partition}` }

/**
 * Records that could be mirrored now: not of paused partitions, and not after the start of an open
 * transaction.
 */
function fetchableRecords (partition: PartitionSnapshot): number {
  if (excusedStates.has(partition.state)) return 0
  return Math.max(0, (partition.lagRecords ?? 0) - partition.lagOpenTransactionRecords)
}
