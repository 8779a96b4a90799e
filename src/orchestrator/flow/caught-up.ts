// Waits until a flow has mirrored everything that its source held at one moment: the end offsets of
// that moment, and the positions of all partitions, whichever process mirrors them.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import type { FlowConfig } from '../config/config.ts'
import { judgeTopic, type TopicSelection } from '../policy/topic-filter.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'

export interface CaughtUpOptions {
  readonly source: Pick<ClusterAdmin, 'listTopics' | 'listOffsets' | 'cluster'>
  readonly selection: TopicSelection
  readonly isolation: FlowConfig['settings']['isolation.level']
  /** Undefined: all topics of the flow. */
  readonly topic: string | undefined
  readonly timeoutMs: number
  /** By partitionKey; without the partitions that have no position. */
  readonly positionsOf: (
    partitions: readonly TopicPartition[], signal: AbortSignal
  ) => Promise<ReadonlyMap<string, Progress>>
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface PartitionBehind extends TopicPartition {
  /** The source's end at the moment of the question. */
  readonly end: bigint
  /** The next source offset to mirror; undefined: no position is known. */
  readonly upstream: bigint | undefined
}

export interface CaughtUp {
  readonly isCaughtUp: boolean
  /** Epoch ms when the end offsets were requested. */
  readonly asOfMs: number
  readonly waitedMs: number
  /** How many partitions have an end. */
  readonly partitions: number
  /** Those that have not reached their end. */
  readonly behind: readonly PartitionBehind[]
}

const lookMs = 500

/**
 * Resolves when every partition has reached its end, or at the timeout with the others. Rejects if
 * the positions cannot be read at first, or not at the timeout.
 */
export async function untilCaughtUp (options: CaughtUpOptions): Promise<CaughtUp> {
  const { clock, signal, timeoutMs } = options
  const startedMs = clock.monotonic()
  const asOfMs = clock.now()
  const ends = await endsOf(options)
  let behind = ends
  for (let hasLooked = false; ;) {
    try {
      behind = await stillBehind(behind, options)
      hasLooked = true
    } catch (thrown) {
      // An outage of the target may end in time. A wrong address or permission shows at once.
      const isOver = clock.monotonic() - startedMs >= timeoutMs
      if (!hasLooked || isOver || signal.aborted) throw thrown
    }
    const waitedMs = clock.monotonic() - startedMs
    if (behind.length === 0 || waitedMs >= timeoutMs) {
      const isCaughtUp = behind.length === 0
      return { isCaughtUp, asOfMs, waitedMs: Math.round(waitedMs), partitions: ends.length, behind }
    }
    await clock.sleep(Math.min(lookMs, timeoutMs - waitedMs), signal)
  }
}

async function stillBehind (
  behind: readonly PartitionBehind[],
  { positionsOf, signal }: Pick<CaughtUpOptions, 'positionsOf' | 'signal'>
): Promise<readonly PartitionBehind[]> {
  if (behind.length === 0) return behind
  const positions = await positionsOf(
    behind.map(({ partition, topic }) => ({ partition, topic })), signal)
  return behind
    .map(each => ({ ...each, upstream: positions.get(partitionKey(each))?.upstream }))
    .filter(({ end, upstream }) => upstream === undefined || upstream < end)
}

async function endsOf (
  { clock, isolation, selection, source, topic }: CaughtUpOptions
): Promise<readonly PartitionBehind[]> {
  const wanted = (await source.listTopics())
    .filter(({ name }) => (topic ?? name) === name && judgeTopic(selection, name) === 'mirrored')
    .flatMap(({ name, partitionCount }) => Array.from({ length: partitionCount },
      (_, partition) => ({ topic: name, partition, at: 'latest' as const })))
  const listed = await listOffsetsPatiently(source, wanted, isolation, clock)
  return wanted.map(({ partition, topic: name }, i) => {
    const { error, offset = -1n } = listed[i] ?? {}
    if (error !== undefined) throw error
    return { topic: name, partition, end: offset, upstream: undefined }
  })
}
