// Spreads topic-partitions over lanes: new ones by count, running ones by measured traffic. Pure.

/**
 * A lane for each of `count` new partitions: each time the lane with the fewest, so that the
 * partitions of a new topic are spread. `partitions` is how many each lane carries.
 */
export function assignLanes (count: number, partitions: readonly number[]): readonly number[] {
  const carried = [...partitions]
  return Array.from({ length: count }, () => {
    const least = carried.indexOf(Math.min(...carried))
    carried[least] = (carried[least] ?? 0) + 1
    return least
  })
}

/** A topic-partition that runs, and where. */
export interface CarriedPartition {
  readonly id: number
  readonly lane: number
  readonly bytesPerSecond: number
}

export interface LaneMove {
  readonly id: number
  readonly to: number
}

/** What is worth a move: each stops its partition for some round trips. */
export const rebalanceLimits = {
  /** Lanes that carry less than this are idle enough, however uneven. */
  bytesPerSecondMin: 256 * 1024,
  /** By how much a move must relieve the busiest lane. Keeps noise from moving anything. */
  gainMin: 0.1,
  /** In one round; the next one measures what these came to. */
  movesMax: 8
} as const

/**
 * The moves that even out the lanes' traffic: always from the busiest lane to the idlest one, the
 * partition that brings the two closest together. A partition that alone outweighs the difference
 * stays: it would only make another lane the busiest.
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
    // Not moved a second time in this round: each move stops the partition for some round trips.
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
