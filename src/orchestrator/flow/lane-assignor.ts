// Spreads topic-partitions over lanes. Pure.

/** What a lane carries at the moment. */
export interface LaneLoad {
  readonly lane: number
  readonly partitions: number
  /** Bytes a second, measured; 0 while unknown. */
  readonly bytesPerSecond: number
}

/**
 * A lane for each of `count` new partitions: always the one with the fewest partitions, and among
 * equals the one with the least traffic, so that the partitions of a new topic go round.
 */
export function assignLanes (count: number, loads: readonly LaneLoad[]): readonly number[] {
  const carried = loads.map(load => ({ ...load }))
  return Array.from({ length: count }, () => {
    const least = carried.reduce((best, lane) =>
      lane.partitions < best.partitions ||
      (lane.partitions === best.partitions && lane.bytesPerSecond < best.bytesPerSecond)
        ? lane
        : best)
    least.partitions += 1
    return least.lane
  })
}
