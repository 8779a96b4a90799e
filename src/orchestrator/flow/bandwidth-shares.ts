// Divides a limit of the bandwidth over the lanes of a process. Pure.
//
// A lane that waited for its share wants more; a lane that did not wait needs what it fetched. The
// shares together never exceed the limit, so a lane with a backlog gets what the others leave.

export interface LaneTraffic {
  /** Fetched lately, in bytes a second. */
  readonly bytesPerSecond: number
  /** Whether a Fetch of the lane has waited for its share lately. */
  readonly hasWaited: boolean
}

/** What a lane that did not wait may grow by before the next division. */
const growth = 1.25

/** Bytes a second for each lane, in the order of `lanes`; at least 1 each. */
export function divideBandwidth (limit: number, lanes: readonly LaneTraffic[]): readonly number[] {
  // An idle lane may begin at once with this much.
  const least = limit / lanes.length / 8
  const needs = lanes.map(({ bytesPerSecond, hasWaited }) =>
    hasWaited ? Infinity : Math.max(least, bytesPerSecond * growth))
  const shares = new Map<number, number>()
  let left = limit
  // The lane with the smallest need first: what it leaves of an equal share goes to the others.
  const order = needs.map((need, lane) => ({ lane, need })).sort((a, b) => a.need - b.need)
  for (const [done, { lane, need }] of order.entries()) {
    const share = Math.min(need, left / (lanes.length - done))
    shares.set(lane, share)
    left -= share
  }
  // If no lane waits, a part of the limit is left, and each lane gets an equal part of it.
  return lanes.map((_, lane) =>
    Math.max(1, Math.floor((shares.get(lane) ?? 0) + left / lanes.length)))
}
