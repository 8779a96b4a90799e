// The leader epochs of mirrored batches, and up to which source offset batches of each epoch were
// mirrored: with them the offset is found at which a truncated source parted from the mirror.
// Kafka's followers keep the same list (LeaderEpochFileCache) and truncate themselves by it
// (KIP-101, KIP-595).
import type { Progress } from './progress.ts'

/** Batches below offset `end` are of this epoch or of older ones; -1: the epoch is not known. */
export interface EpochEnd {
  readonly epoch: number
  readonly end: bigint
}

const earlierMax = 16
const unknown = -1

/** The progress at `upstream`, behind a batch of this epoch; -1: the epoch is not known. */
export function movedTo (progress: Progress, upstream: bigint, leaderEpoch: number): Progress {
  const { earlierEpochs = [], leaderEpoch: known = unknown, ...rest } = progress
  if (leaderEpoch <= unknown) return { ...rest, upstream }
  if (leaderEpoch === known) return { ...progress, upstream }
  const earlier = [...earlierEpochs, { epoch: known, end: progress.upstream }]
  // The first end is where the list begins, and stays. Where another end is dropped, the search
  // finds an older one: the mirror goes back further than it must, never less.
  if (earlier.length > earlierMax) earlier.splice(1, 1)
  return { ...rest, upstream, leaderEpoch, earlierEpochs: earlier }
}

/**
 * The progress at the last offset up to which the source still holds what was mirrored. The source
 * reports its largest epoch that is not above ours, `epoch`, and where that epoch ends, `end`. Of
 * an epoch of which the source holds more than was mirrored (its leader was lost and is back), our
 * own end counts.
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

/** The progress at an offset that was mirrored before, because the target lost what followed. */
export function backToOffset (progress: Progress, upstream: bigint): Progress {
  const { earlierEpochs = [], leaderEpoch = unknown, ...rest } = progress
  const ends = [...earlierEpochs, { epoch: leaderEpoch, end: progress.upstream }]
  const at = ends.findIndex(({ end }) => end >= upstream)
  const epoch = ends[at]?.epoch ?? unknown
  if (epoch === unknown) return { ...rest, upstream }
  return { ...rest, upstream, leaderEpoch: epoch, earlierEpochs: ends.slice(0, at) }
}
