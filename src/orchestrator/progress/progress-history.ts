// Older positions of a partition, kept with its progress: where to begin again when the target has
// lost records that it had acked (unclean election). Dense near the newest and ever sparser before
// it, because an election seldom loses more than a moment; what lies between a point and the end of
// the target is found by the scan of a resume and not mirrored twice.
import { backToOffset } from './leader-epochs.ts'
import type { Progress, ProgressPoint } from './progress.ts'

const pointsMax = 12
// A point stays if it is this many times nearer than the one before it. With a point a second, ten
// of them then reach back most of a day.
const spacing = 3n

/** The progress with its own position as the newest point; the oldest one stays as it is. */
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

/** The newest position that a target which ends at `end` still holds. */
export function newestPointUpTo (
  { history = [] }: Progress, end: bigint
): ProgressPoint | undefined {
  return history.findLast(({ downstream }) => downstream <= end)
}

/** Back to a point; what was later is forgotten. */
export function backTo (progress: Progress, point: ProgressPoint): Progress {
  const { history = [] } = progress
  return {
    ...backToOffset(progress, point.upstream),
    ...point,
    history: history.slice(0, history.indexOf(point) + 1)
  }
}

/** What earlier points count is not what the source holds before this position any more. */
export function withoutHistory (progress: Progress): Progress {
  return withPoint({ ...progress, history: [] })
}
