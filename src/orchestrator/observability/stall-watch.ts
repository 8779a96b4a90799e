// Notices partitions that are stalled although the source has more for them, whatever their state
// says: the last line of defence against a mirror that is silent and stuck.
import type { PartitionSnapshot, PartitionState } from './snapshot.ts'

export interface Stall {
  /** Since when no partition of the flow has moved although some could; undefined: it moves. */
  readonly flowSinceMs: number | undefined
  /** Partitions that have stood still for long, each by itself. */
  readonly partitions: readonly PartitionSnapshot[]
}

interface Position {
  readonly upstream: string
  readonly sinceMs: number
}

/** Beyond this a partition is stalled, however many others share its lane, broker and quota. */
const partitionStallMs = 60_000
/** In these states it is known why nothing moves, or that nothing is to move. */
const excusedStates: ReadonlySet<PartitionState> = new Set(['paused', 'faulted', 'removed'])

export class StallWatch {
  #latest: readonly PartitionSnapshot[] = []
  #behind: readonly PartitionSnapshot[] = []
  #positions: ReadonlyMap<string, Position> = new Map()
  #movedMs: number | undefined

  /**
   * Call it every second or so, also while no snapshot changes: a flow that is idle must not look
   * as if it had been stalled since its last record. Times are epoch ms.
   */
  observe (partitions: readonly PartitionSnapshot[], nowMs: number): Stall {
    const hasMoved = partitions !== this.#latest && this.#compare(partitions, nowMs)
    const isStill = !hasMoved && this.#behind.length > 0
    if (!isStill) this.#movedMs = nowMs
    this.#movedMs ??= nowMs
    return {
      flowSinceMs: isStill ? this.#movedMs : undefined,
      partitions: this.#behind.filter(partition =>
        nowMs - (this.#positions.get(keyOf(partition))?.sinceMs ?? nowMs) >= partitionStallMs)
    }
  }

  /** Whether a partition that is behind has moved. */
  #compare (partitions: readonly PartitionSnapshot[], nowMs: number): boolean {
    const positions = new Map<string, Position>()
    let hasMoved = false
    this.#behind = partitions.filter(partition => fetchableRecords(partition) > 0)
    for (const partition of this.#behind) {
      const upstream = String(partition.upstreamOffset)
      const known = this.#positions.get(keyOf(partition))
      const isSame = known?.upstream === upstream
      hasMoved ||= known !== undefined && !isSame
      positions.set(keyOf(partition), { upstream, sinceMs: isSame ? known.sinceMs : nowMs })
    }
    this.#positions = positions
    this.#latest = partitions
    return hasMoved
  }
}

function keyOf ({ partition, topic }: PartitionSnapshot): string { return `${topic}/${partition}` }

/** Records that could be mirrored now: nothing that is paused, and nothing that nobody may read. */
function fetchableRecords (partition: PartitionSnapshot): number {
  if (excusedStates.has(partition.state)) return 0
  return Math.max(0, (partition.lagRecords ?? 0) - partition.lagOpenTransactionRecords)
}
