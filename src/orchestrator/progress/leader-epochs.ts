// The leader epochs of mirrored batches, and the source offset up to which batches of each epoch
// were mirrored. They show at which offset a truncated source diverged from the mirror. Kafka's
// followers keep the same list (LeaderEpochFileCache) and truncate their logs by it (KIP-101,
// KIP-595).
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
  // The first end, where the list begins, always stays. If another end is dropped, the search finds
  // an older end: the mirror moves back further than necessary, never less.
  if (earlier.length > earlierMax) earlier.splice(1, 1)
  return { ...rest, upstream, leaderEpoch, earlierEpochs: earlier }
}

/**
 * The progress at the last offset up to which the source still holds the mirrored records. The
 * source reports its largest epoch that is not above the mirror's, `epoch`, and where that epoch
 * ends, `end`. If the source holds more of that epoch than was mirrored (its leader was unavailable
 * and has returned), the mirror's own end counts.
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

/** The progress at an earlier mirrored offset, because the target lost the records after it. */
export function backToOffset (progress: Progress, upstream: bigint): Progress {
  const { earlierEpochs = [], leaderEpoch = unknown, ...rest } = progress
  const ends = [...earlierEpochs, { epoch: leaderEpoch, end: progress.upstream }]
  const at = ends.findIndex(({ end }) => end >= upstream)
  const epoch = ends[at]?.epoch ?? unknown
  if (epoch === unknown) return { ...rest, upstream }
  return { ...rest, upstream, leaderEpoch: epoch, earlierEpochs: ends.slice(0, at) }
}
