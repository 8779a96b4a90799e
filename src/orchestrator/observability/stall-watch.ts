// Notices partitions that stand still although the source has more for them, whatever their state
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

/** Beyond this a partition stands still, however many others share its lane, broker and quota. */
const partitionStallMs = 60_000
/** In these states it is known why nothing moves, or that nothing is to move. */
const excusedStates: ReadonlySet<PartitionState> = new Set(['paused', 'faulted', 'removed'])

export class StallWatch {
  #positions: ReadonlyMap<string, Position> = new Map()
  #movedMs: number | undefined

  /** Call it every second or so; times are epoch ms. */
  observe (partitions: readonly PartitionSnapshot[], nowMs: number): Stall {
    const positions = new Map<string, Position>()
    const behind: PartitionSnapshot[] = []
    let hasMoved = false
    for (const partition of partitions) {
      if (fetchableRecords(partition) === 0) continue
      const key = `${partition.topic}/${partition.partition}`
      const upstream = String(partition.upstreamOffset)
      const known = this.#positions.get(key)
      hasMoved ||= known !== undefined && known.upstream !== upstream
      const isSame = known?.upstream === upstream
      positions.set(key, { upstream, sinceMs: isSame ? known.sinceMs : nowMs })
      behind.push(partition)
    }
    this.#positions = positions
    if (hasMoved || behind.length === 0) this.#movedMs = nowMs
    this.#movedMs ??= nowMs
    return {
      flowSinceMs: hasMoved || behind.length === 0 ? undefined : this.#movedMs,
      partitions: behind.filter(({ partition, topic }) =>
        nowMs - (positions.get(`${topic}/${partition}`)?.sinceMs ?? nowMs) >= partitionStallMs)
    }
  }
}

/** Records that could be mirrored now: nothing that is paused, and nothing that nobody may read. */
function fetchableRecords (partition: PartitionSnapshot): number {
  if (excusedStates.has(partition.state)) return 0
  return Math.max(0, (partition.lagRecords ?? 0) - partition.lagOpenTransactionRecords)
}
