// The plan of an import of MirrorMaker 2's positions for a flow: a position for each partition that
// MirrorMaker 2 has mirrored and the flow mirrors, and why the other partitions have none.
import type {
  ClusterAdmin, Isolation, ListedOffset, WantedOffset
} from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ConnectOffset } from '../mirror-maker/connect-offsets.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import { comparePartitions, partitionKey, type TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import type { MigratedPartition, TailResult } from './partition-tail.ts'

/** `committed`: the next offset that MirrorMaker 2 would mirror. */
export interface PlannedPosition extends MigratedPartition, TailResult {}

export interface LeftOutPosition extends TopicPartition {
  readonly committed: bigint
  readonly reason: string
}

export interface ImportPlan {
  readonly positions: readonly PlannedPosition[]
  readonly leftOut: readonly LeftOutPosition[]
}

export interface ImportPlanOptions {
  readonly flow: FlowConfig
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly committed: readonly ConnectOffset[]
  readonly findTail: (partition: MigratedPartition) => Promise<TailResult>
  readonly clock: Clock
  readonly onPartition: (done: number, of: number) => void
}

/** How many partitions are compared at a time: each comparison has two clients. */
export const comparisonsMax = 4

export async function planImport (options: ImportPlanOptions): Promise<ImportPlan> {
  const { findTail, onPartition } = options
  const selected = await selectPartitions(options)
  const all = await locate(selected.wanted, options)
  const located = all.filter(isOnSource)
  const leftOut = [...selected.leftOut, ...all.filter(each => !isOnSource(each))
    .map(each => beyondSource(each, options.source.cluster))]
  const positions: PlannedPosition[] = []
  const queue = [...located]
  await Promise.all(Array.from({ length: comparisonsMax }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      positions.push({ ...next, ...await findTail(next) })
      onPartition(positions.length, located.length)
    }
  }))
  // Without a commit, only source records on the target show that MirrorMaker 2 has begun.
  const committed = new Set(committedOf(options).map(partitionKey))
  return {
    positions: positions.filter(each => committed.has(partitionKey(each)) || each.found > 0n)
      .sort(comparePartitions),
    leftOut: leftOut.sort(comparePartitions)
  }
}

/** A log that ends before the committed position is not the one that was mirrored. */
function isOnSource ({ committed, sourceHighWatermark }: MigratedPartition): boolean {
  return committed <= sourceHighWatermark
}

function beyondSource (
  { committed, partition, sourceHighWatermark, topic }: MigratedPartition, cluster: string
): LeftOutPosition {
  return {
    topic,
    partition,
    committed,
    reason: `the partition on ${cluster} ends at offset ${sourceHighWatermark}: the topic was ` +
      `recreated, or ${cluster} is another cluster than the one that was mirrored`
  }
}

type Wanted = Pick<MigratedPartition, 'topic' | 'remoteTopic' | 'partition' | 'committed'>

function committedOf ({ committed }: ImportPlanOptions): readonly ConnectOffset[] {
  return committed.filter(({ offset }) => offset !== undefined)
}

async function selectPartitions (
  options: ImportPlanOptions
): Promise<{ readonly wanted: readonly Wanted[], readonly leftOut: readonly LeftOutPosition[] }> {
  const { flow, source, target } = options
  const [onSource, onTarget] = await Promise.all([countsOf(source), countsOf(target)])
  const wanted: Wanted[] = []
  const leftOut: LeftOutPosition[] = []
  for (const { offset = -1n, partition, topic } of committedOf(options)) {
    const remoteTopic = flow.policy.remoteTopic(topic)
    const next = { topic, partition, committed: offset + 1n }
    const verdict = judgeTopic(flow.topics, topic)
    const reason = verdict !== 'mirrored'
      ? `${flow.name} does not mirror the topic (${verdict})`
      : partition >= (onSource.get(topic) ?? 0)
        ? `${source.cluster} does not have the partition`
        : partition >= (onTarget.get(remoteTopic) ?? 0)
          ? `${target.cluster} does not have ${remoteTopic}-${partition}: it begins as a new one`
          : undefined
    if (reason === undefined) wanted.push({ ...next, remoteTopic })
    else leftOut.push({ ...next, reason })
  }
  return { wanted: [...wanted, ...uncommitted(options, onSource, onTarget)], leftOut }
}

/**
 * Partitions that MirrorMaker 2 has begun and not committed yet, such as those of a new topic. If
 * its start is not the earliest offset, the offset at which MirrorMaker 2 began is unknown.
 */
function uncommitted (
  options: ImportPlanOptions, onSource: ReadonlyMap<string, number>,
  onTarget: ReadonlyMap<string, number>
): readonly Wanted[] {
  const { flow } = options
  if (flow.settings['auto.offset.reset'] !== 'earliest') return []
  const known = new Set(committedOf(options).map(partitionKey))
  return [...onSource].filter(([topic]) => judgeTopic(flow.topics, topic) === 'mirrored')
    .flatMap(([topic, count]) => {
      const remoteTopic = flow.policy.remoteTopic(topic)
      const both = Math.min(count, onTarget.get(remoteTopic) ?? 0)
      return Array.from({ length: both }, (_, partition) =>
        ({ topic, remoteTopic, partition, committed: 0n }))
    })
    .filter(each => !known.has(partitionKey(each)))
}

async function countsOf (cluster: ClusterAdmin): Promise<ReadonlyMap<string, number>> {
  return new Map((await cluster.listTopics())
    .map(({ name, partitionCount }) => [name, partitionCount]))
}

async function locate (
  wanted: readonly Wanted[], { clock, flow, source, target }: ImportPlanOptions
): Promise<readonly MigratedPartition[]> {
  const list = async (
    cluster: ClusterAdmin, name: 'topic' | 'remoteTopic', at: 'earliest' | 'latest',
    isolation: Isolation = 'read_uncommitted'
  ): Promise<readonly bigint[]> => {
    const asked = wanted.map((each): WantedOffset =>
      ({ topic: each[name], partition: each.partition, at }))
    return (await listOffsetsPatiently(cluster, asked, isolation, clock)).map(offsetOf)
  }
  const [sourceStart, sourceEnd, sourceHighWatermark, targetStart, targetEnd,
    appendTimes] = await Promise.all([
    list(source, 'topic', 'earliest'),
    list(source, 'topic', 'latest', flow.settings['isolation.level']),
    list(source, 'topic', 'latest'),
    list(target, 'remoteTopic', 'earliest'), list(target, 'remoteTopic', 'latest'),
    topicsWithAppendTimes(target, [...new Set(wanted.map(({ remoteTopic }) => remoteTopic))])
  ])
  return wanted.map((each, i) => ({
    ...each,
    committed: each.committed === 0n ? sourceStart[i] ?? 0n : each.committed,
    sourceStart: sourceStart[i] ?? 0n,
    sourceEnd: sourceEnd[i] ?? 0n,
    sourceHighWatermark: sourceHighWatermark[i] ?? 0n,
    targetStart: targetStart[i] ?? 0n,
    targetEnd: targetEnd[i] ?? 0n,
    hasAppendTimes: appendTimes.has(each.remoteTopic)
  }))
}

function offsetOf ({ error, offset, partition, topic }: ListedOffset): bigint {
  if (error === undefined) return offset
  throw new ReplicatorError(error.row, `${topic}-${partition}: ${error.detail}`, { cause: error })
}

async function topicsWithAppendTimes (
  target: ClusterAdmin, topics: readonly string[]
): Promise<ReadonlySet<string>> {
  const described = topics.length === 0
    ? []
    : await target.describeConfigs(topics.map(name => ({ type: 'topic', name })))
  return new Set(described.filter(({ entries }) => entries.some(({ name, value }) =>
    name === 'message.timestamp.type' && value === 'LogAppendTime')).map(({ name }) => name))
}
