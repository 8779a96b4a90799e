// The leader epochs of the batches that were mirrored, and how far each is known to have gone: what
// it takes to find where a source that was truncated parted from what was mirrored. Kafka's
// followers keep the same (LeaderEpochFileCache) and truncate themselves by it (KIP-101, KIP-595).
import type { Progress } from './progress.ts'

/** Batches up to offset `end`, not including it, are of this epoch or older ones; -1: unknown. */
export interface EpochEnd {
  readonly epoch: number
  readonly end: bigint
}

// Ends of epochs too short to be kept only cost doubles: see where they are left out.
const earlierMax = 16
const unknown = -1

/** The same progress at `upstream`, behind a batch of this epoch; -1: of which, nobody knows. */
export function movedTo (progress: Progress, upstream: bigint, leaderEpoch: number): Progress {
  const { earlierEpochs = [], leaderEpoch: known = unknown, ...rest } = progress
  if (leaderEpoch <= unknown) return { ...rest, upstream }
  if (leaderEpoch === known) return { ...progress, upstream }
  const earlier = [...earlierEpochs, { epoch: known, end: progress.upstream }]
  // The first end is where all that is known begins. Without one of the others an older one takes
  // its place: the mirror would go back further than it must, never less.
  if (earlier.length > earlierMax) earlier.splice(1, 1)
  return { ...rest, upstream, leaderEpoch, earlierEpochs: earlier }
}

/**
 * Progress at the last offset up to which the source holds what was mirrored, when its largest
 * epoch not above ours is `epoch` and ends at `end`. That epoch may have gone on beyond what was
 * mirrored of it, on a leader that was lost and is back: then not its end counts, but ours.
 */
export function backToCommon (progress: Progress, epoch: number, end: bigint): Progress {
  const { earlierEpochs = [], leaderEpoch = unknown, upstream, ...rest } = progress
  const ends = [...earlierEpochs, { epoch: leaderEpoch, end: upstream }]
  const at = ends.findLastIndex(each => each.epoch <= epoch)
  const ours = ends[at] ?? { epoch: unknown, end: upstream }
  const common = end < ours.end ? end : ours.end
  if (ours.epoch === unknown) return { ...rest, upstream: common }
  const before = ends.slice(0, at)
  return { ...rest, upstream: common, leaderEpoch: ours.epoch, earlierEpochs: before }
}

/** Progress at an offset that was mirrored before, as the target lost what came after it. */
export function backToOffset (progress: Progress, upstream: bigint): Progress {
  const { earlierEpochs = [], leaderEpoch = unknown, ...rest } = progress
  const ends = [...earlierEpochs, { epoch: leaderEpoch, end: progress.upstream }]
  const at = ends.findIndex(({ end }) => end >= upstream)
  const epoch = ends[at]?.epoch ?? unknown
  if (epoch === unknown) return { ...rest, upstream }
  return { ...rest, upstream, leaderEpoch: epoch, earlierEpochs: ends.slice(0, at) }
}
