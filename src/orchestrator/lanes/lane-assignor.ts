// Spreads topic-partitions over lanes: new ones by count, running ones by measured traffic. Pure.

/**
 * Chooses a lane for each of `count` new partitions: each time the lane with the fewest, so that
 * the partitions of a new topic are spread. `partitions` is the present number of each lane.
 */
export function assignLanes (count: number, partitions: readonly number[]): readonly number[] {
  const carried = [...partitions]
  return Array.from({ length: count }, () => {
    const least = carried.indexOf(Math.min(...carried))
    carried[least] = (carried[least] ?? 0) + 1
    return least
  })
}

/** A running topic-partition, with its lane and its traffic. */
export interface CarriedPartition {
  readonly id: number
  readonly lane: number
  readonly bytesPerSecond: number
}

export interface LaneMove {
  readonly id: number
  readonly to: number
}

/** When a move is worthwhile: each move stops its partition for some round trips. */
export const rebalanceLimits = {
  /** Lanes with less traffic than this are idle enough, however uneven they are. */
  bytesPerSecondMin: 256 * 1024,
  /** By how much a move must relieve the busiest lane. Prevents moves because of noise. */
  gainMin: 0.1,
  /** In one round; the next round measures the effect of these moves. */
  movesMax: 8
} as const

/**
 * The moves that even out the lanes' traffic: always from the busiest lane to the idlest, the
 * partition that brings their loads closest together. A partition whose traffic exceeds the
 * difference stays: its move would only make another lane the busiest.
 */
export function rebalanceLanes (
  partitions: readonly CarriedPartition[], lanes: number
): readonly LaneMove[] {
  const { bytesPerSecondMin, gainMin, movesMax } = rebalanceLimits
  const carried = Array.from({ length: lanes }, (_, lane) =>
    partitions.filter(partition => partition.lane === lane))
  const loads = carried.map(ofLane =>
    ofLane.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0))
  const moves: LaneMove[] = []
  while (moves.length < movesMax) {
    const from = loads.indexOf(Math.max(...loads))
    const to = loads.indexOf(Math.min(...loads))
    const busiest = loads[from] ?? 0
    const gap = busiest - (loads[to] ?? 0)
    if (busiest < bytesPerSecondMin) break
    const chosen = carried[from]?.reduce<CarriedPartition | undefined>((best, each) =>
      best === undefined || gainOf(each, gap) > gainOf(best, gap) ? each : best, undefined)
    if (chosen === undefined || gainOf(chosen, gap) < busiest * gainMin) break
    // Not moved again in this round: each move stops the partition for some round trips.
    carried[from] = carried[from]?.filter(each => each !== chosen) ?? []
    loads[from] = busiest - chosen.bytesPerSecond
    loads[to] = (loads[to] ?? 0) + chosen.bytesPerSecond
    moves.push({ id: chosen.id, to })
  }
  return moves
}

/** By how much a move relieves the busier of two lanes whose loads differ by `gap`. */
function gainOf ({ bytesPerSecond }: CarriedPartition, gap: number): number {
  return Math.min(bytesPerSecond, gap - bytesPerSecond)
}
