// Reads and replaces the positions of a flow on record, for commands that run while no process of
// the flow runs.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { groupOf, groupSize } from '../cluster/flow-group.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ClusterPair } from '../flow/cluster-pair.ts'
import type { Log } from '../observability/log.ts'
import { withOffsetLookup } from '../offsets/offset-lookup.ts'
import { slotOf } from '../progress/task-slots.ts'
import { KnownTopicIds } from '../partitions/topic-ids.ts'
import { openFlowProgress } from '../progress/flow-progress.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import type { Progress, TopicIds, TopicPartition } from '../progress/progress.ts'
import type { PartitionOnRecord } from '../progress/slot-contents.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline } from '../time/deadline.ts'

export interface OnRecordOptions {
  readonly flow: FlowConfig
  readonly clusters: ClusterPair
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface NewPosition extends TopicPartition {
  readonly remoteTopic: string
  readonly progress: Progress
}

const deletionMsMax = 30_000
const lookMs = 200

/** Rejects while a process of the flow runs: that process would overwrite the positions. */
export async function refuseRunning (
  flow: FlowConfig, target: ClusterAdmin
): Promise<void> {
  const members = await groupSize(target, groupOf(flow.name))
  if (members === 0) return
  throw new ReplicatorError('FLOW_RUNS', `${flow.name} is mirrored by ${members} ` +
    `${members === 1 ? 'process' : 'processes'} of Longhaul`)
}

/** Empty if the progress topic does not exist. */
export async function positionsOnRecord (
  { clock, clusters: { target }, flow, log, signal }: OnRecordOptions
): Promise<readonly PartitionOnRecord[]> {
  const topic = progressTopicOf(flow.source.alias)
  if (!await exists(target, topic)) return []
  return await withOffsetLookup(flow, log, clock, async lookup => await lookup.all(signal))
}

/** The topic ids of the partitions' topics on both clusters; absent if a cluster has none. */
export async function topicsOfToday (
  names: ReadonlyArray<{ readonly topic: string, readonly remoteTopic: string }>,
  { source, target }: ClusterPair
): Promise<(of: { readonly topic: string, readonly remoteTopic: string }) => TopicIds> {
  const ids = new KnownTopicIds(source, target)
  await ids.learn(names)
  return of => ids.complete(of, { upstream: 0n, downstream: 0n, sequence: 0 }).topicIds ?? {}
}

/**
 * Creates the progress topic if it is missing. The positions name the ids of the present topics.
 */
export async function writePositions (
  positions: readonly NewPosition[], options: OnRecordOptions
): Promise<void> {
  const { clock, clusters, flow, log, signal } = options
  const progress = await openFlowProgress({
    config: flow,
    target: clusters.target,
    sourceClusterId: clusters.sourceDescription.clusterId,
    group: groupOf(flow.name),
    everything: () => [],
    onWarning: warning => { log.warn({}, warning.message) },
    onRewritten: () => {},
    log,
    clock,
    signal
  })
  try {
    const ids = new KnownTopicIds(clusters.source, clusters.target)
    await ids.learn(positions)
    const { producerId } = progress.producer
    await progress.write(positions.map(({ partition, progress: at, remoteTopic, topic }) => ({
      slot: slotOf(topic, partition, progress.slots),
      record: {
        kind: 'partition',
        source: { topic, partition },
        progress: ids.complete({ topic, remoteTopic }, at),
        producerId
      }
    })), signal)
  } finally {
    await progress.close()
  }
}

/** Deletes all records of the flow: positions, offset maps, its producer id, control records. */
export async function deletePositions (
  { clock, clusters: { target }, flow, signal }: OnRecordOptions
): Promise<void> {
  const topic = progressTopicOf(flow.source.alias)
  if (!await exists(target, topic)) return
  const [deleted] = await target.deleteTopics([topic])
  if (deleted?.error !== undefined) throw deleted.error
  const deadline = new Deadline(clock, deletionMsMax)
  while (await exists(target, topic)) {
    if (deadline.remainingMs() === 0) {
      throw new ReplicatorError('TIMED_OUT', `the deletion of ${topic} on ${target.cluster}`)
    }
    await clock.sleep(lookMs, signal)
  }
  deadline.cancel()
}

async function exists (cluster: ClusterAdmin, topic: string): Promise<boolean> {
  const [described] = await cluster.describeTopics([topic])
  if (described?.error === undefined) return true
  if (described.error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') return false
  throw described.error
}
