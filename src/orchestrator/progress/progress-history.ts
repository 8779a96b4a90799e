// Older positions of a partition, kept with its progress: where to resume if the target has lost
// records that it had acknowledged (an unclean election).
//
//   begin                                             position
//     |          .      .   .  . ......................|      downstream offset ->
//     first point, kept          ever denser, 12 points
//
// The points are dense near the position and ever sparser before it, because an election seldom
// loses more than the newest moments. The resume scans the target from a point to the target's end
// and skips the records that it finds there, so an older point costs a longer scan and duplicates
// nothing.
import { cut } from '../offsets/offset-map.ts'
import { backToOffset } from './leader-epochs.ts'
import type { Progress, ProgressPoint } from './progress.ts'

const pointsMax = 12
// A point stays if its distance to the position is at most a third of the distance of the point
// before it. With a point a second, ten of them reach back 3^10 s: most of a day.
const spacing = 3n

/** The progress with its own position as the newest point; the first point always stays. */
export function withPoint (progress: Progress): Progress {
  const { upstream, downstream, sequence, history = [] } = progress
  const kept: ProgressPoint[] = []
  const older = history.filter(point => point.downstream < downstream)
  for (const point of [...older, { upstream, downstream, sequence }]) {
    const before = kept.at(-1)
    const isSpaced = before === undefined ||
      spacing * (downstream - point.downstream) <= downstream - before.downstream
    if (isSpaced) kept.push(point)
  }
  if (kept.length > pointsMax) kept.splice(1, kept.length - pointsMax)
  return { ...progress, history: kept }
}

/** The newest position whose records a target log that ends at `end` still holds. */
export function newestPointUpTo (
  { history = [] }: Progress, end: bigint
): ProgressPoint | undefined {
  return history.findLast(({ downstream }) => downstream <= end)
}

/** Moves the progress back to a point of the history; later points are dropped. */
export function backTo (progress: Progress, point: ProgressPoint): Progress {
  const { history = [] } = progress
  return nextEra({
    ...backToOffset(progress, point.upstream),
    ...point,
    history: history.slice(0, history.indexOf(point) + 1)
  })
}

/** Call after a skip: older points no longer pair source and target offsets. */
export function withoutHistory (progress: Progress): Progress {
  return nextEra(withPoint({ ...progress, history: [] }))
}

/**
 * Points on record, which may be older than this progress, no longer count for it. Of its offset
 * map, only the part before the new position on both sides counts.
 */
function nextEra (progress: Progress): Progress {
  const { era = 0, offsets } = progress
  const kept = offsets === undefined ? {} : { offsets: cut(offsets, progress) }
  return { ...progress, ...kept, era: era + 1 }
}
