// Refines the answers of an offset map where the map is thinned: the answer names a window in which
// the record must be, so reading this window and the record itself on the other side shows where
// the record is. The map stays as it is; a reading costs as many records as the window is wide.
import { flowLogReaders } from '../cluster/flow-log-readers.ts'
import type { LogReader, LogRecord } from '../cluster/log-reader.ts'
import type { FlowConfig } from '../config/config.ts'
import type { TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import type { OffsetAnswer, OffsetPair } from './offset-map.ts'
import { placeOf } from './record-places.ts'

export interface RefinementQuestion {
  /** The name on the source. */
  readonly source: TopicPartition
  readonly position: bigint
  /** The translation is from the target to the source. */
  readonly isBack: boolean
  /** The position up to which the partition is mirrored. */
  readonly progress: OffsetPair
}

export type Refine = (
  answer: OffsetAnswer, question: RefinementQuestion, signal?: AbortSignal
) => Promise<OffsetAnswer>

type Reader = Pick<LogReader, 'read'>

export interface RefinementReaders {
  readonly ofSource: Reader
  readonly ofTarget: Reader
  readonly remoteTopic: (topic: string) => string
}

/**
 * At 100 bytes of memory a record. A wider window needs as many transactions or gaps between two
 * points of the map: its answer stays early.
 */
export const windowMax = 100_000n
/** How many more records are read, of which one tells equal records apart. */
const followers = 16n

/**
 * Returns the answer itself unless the map is thinned there, or if the logs do not tell more. Among
 * equal records that were mirrored twice the answer may be that of an earlier copy.
 */
export async function refineAnswer (
  answer: OffsetAnswer, question: RefinementQuestion, readers: RefinementReaders,
  signal?: AbortSignal
): Promise<OffsetAnswer> {
  const { early, kind, offset } = answer
  if (kind !== 'thinned' || offset === undefined || early >= windowMax) return answer
  const { isBack, position, progress, source: { partition, topic } } = question
  const { ofSource, ofTarget, remoteTopic } = readers
  const source = { reader: ofSource, topic, end: progress.upstream }
  const target = { reader: ofTarget, topic: remoteTopic(topic), end: progress.downstream }
  const [from, to] = isBack ? [target, source] : [source, target]
  const last = offset + early
  const window = await recordsOf(to.reader, { ...to, partition, from: offset }, Infinity,
    last + early + followers, signal)
  const records = await recordsOf(
    from.reader, { ...from, partition, from: position }, window.length + 1, from.end, signal)
  const place = placeOf(records, window)
  if (place === undefined || place.to > last) return answer
  return { kind: place.from === position ? 'exact' : 'gap', offset: place.to, early: 0n }
}

async function recordsOf (
  reader: Reader,
  { end, from, partition, topic }: {
    readonly topic: string, readonly partition: number, readonly from: bigint, readonly end: bigint
  },
  max: number, before: bigint, signal?: AbortSignal
): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = []
  await reader.read({ topic, partition, from, end: before < end ? before : end }, record => {
    records.push(record)
    return records.length < max
  }, signal)
  return records
}

/** The result of `work` with the readers of a flow; closes them in any case. */
export async function withRefinement<Result> (
  flow: FlowConfig, clock: Clock, work: (refine: Refine) => Promise<Result>
): Promise<Result> {
  // The mirror writes no transactions; an open one of another writer would hide its records.
  const [ofSource, ofTarget] = flowLogReaders(flow, 'read_uncommitted', clock)
  const remoteTopic = (topic: string): string => flow.policy.remoteTopic(topic)
  try {
    return await work(async (answer, question, signal) =>
      await refineAnswer(answer, question, { ofSource, ofTarget, remoteTopic }, signal))
  } finally {
    await Promise.all([ofSource.close(), ofTarget.close()])
  }
}
