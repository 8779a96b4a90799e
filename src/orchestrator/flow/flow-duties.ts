// The duties of a flow: what the owner of a slot does for all processes that share the flow.
import { TopicAclSync } from '../acls/topic-acl-sync.ts'
import { canaryDuty } from '../canary/canary-duty.ts'
import type { CanaryFigures } from '../canary/canary-figures.ts'
import { groupOf } from '../cluster/flow-group.ts'
import { InternalTopic } from '../cluster/internal-topic.ts'
import { TopicReader } from '../cluster/topic-reader.ts'
import { TopicWriter } from '../cluster/topic-writer.ts'
import type { FlowConfig } from '../config/config.ts'
import type { Side } from '../config/property-path.ts'
import { checkpointDuty, writesCheckpoints } from '../groups/checkpoint-duty.ts'
import { groupOffsetDuty } from '../groups/group-duties.ts'
import { GroupPositions, type GroupPosition } from '../groups/group-positions.ts'
import { heartbeatDuty } from '../heartbeats/heartbeat-duty.ts'
import { offsetSyncDuty, type OffsetSyncDutyOptions } from '../offset-syncs/offset-sync-duty.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log } from '../observability/log.ts'
import type { CheckpointSnapshot } from '../observability/snapshot.ts'
import { withRefinement } from '../offsets/offset-refinement.ts'
import { Duties, type Duty } from '../ownership/duties.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import { heartbeatsTopic } from '../policy/replication-policy.ts'
import type { FlowProgress } from '../progress/flow-progress.ts'
import { retentionLookMs } from '../progress/progress-retention.ts'
import type { TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { listed } from '../topics/left-out-settings.ts'
import { TopicConfigSync } from '../topics/topic-config-sync.ts'
import type { ClusterPair } from './cluster-pair.ts'
import { positionsOf } from './flow-positions.ts'
import type { TopicRefresh } from './topic-refresh.ts'

export interface FlowDutiesOptions {
  readonly config: FlowConfig
  /** Of this moment: the settings that a running flow adopts. */
  readonly live: () => FlowConfig
  readonly clusters: ClusterPair
  readonly topics: TopicRefresh
  readonly progress: FlowProgress
  readonly partitions: FlowPartitions
  /** Receives what the checkpoint duty has written, by group and partition. */
  readonly checkpoints: Map<string, CheckpointSnapshot>
  /** Receives the positions of groups whenever a duty has read them. */
  readonly onGroups: (positions: readonly GroupPosition[]) => void
  /** Unique among the processes of the flow. */
  readonly memberName: string
  /** Whether an operator has paused the partition. */
  readonly isPaused: (partition: TopicPartition) => boolean
  readonly canary: CanaryFigures
  readonly problems: FlowProblems
  readonly log: Log
  readonly clock: Clock
}

/** The owner of this slot has the duties that concern the whole flow. */
const flowSlot = 0
/** How long the canary waits for the answer of a cluster. */
const canaryStandstillMs = 10_000

export function openFlowDuties (options: FlowDutiesOptions): Duties {
  const { clock, config: { settings }, problems } = options
  return new Duties({
    duties: [
      progressRetention(options),
      ...settings['sync.topic.configs.enabled'] ? [topicConfigSync(options)] : [],
      ...settings['sync.topic.acls.enabled'] ? [topicAclSync(options)] : [],
      ...groupOffsets(options),
      ...checkpoints(options),
      ...offsetSyncs(options),
      ...heartbeats(options),
      ...canaryDuties(options)
    ],
    onError: error => { problems.warn(error) },
    clock
  })
}

function progressRetention (
  { clusters, config, log, partitions, progress }: FlowDutiesOptions
): Duty {
  const look = {
    source: clusters.source,
    isMirrored: partitions.mirrors.bind(partitions),
    onRemoved: partitions.forgetPosition.bind(partitions)
  }
  return {
    name: 'progress retention',
    intervalMs: retentionLookMs(config.settings['progress.retention.ms']),
    run: async (slot, signal) => {
      const removed = await progress.retainOnce(slot, look, signal)
      if (removed.length === 0) return
      const topics = [...new Set(removed.map(({ topic }) => topic))]
      log.info({ slot, topics }, `removed the progress of ${removed.length} partitions, as the ` +
        `source has not had them for progress.retention.ms: ${topics.join(', ')}`)
    }
  }
}

function topicConfigSync (
  { clusters, config: { configProperties }, live, log, problems, topics }: FlowDutiesOptions
): Duty {
  const { source, target } = clusters
  const sync = new TopicConfigSync({ source, target, configProperties, refused: topics.refused })
  return {
    name: 'topic config sync',
    slot: flowSlot,
    intervalMs: () => live().settings['sync.topic.configs.interval.seconds'] * 1000,
    first: 'immediate', // the last run of the previous owner may be long ago
    run: async (_slot, signal) => {
      const { changed, failure, warnings } =
        await sync.syncOnce(await topics.mirrored(signal), signal)
      for (const warning of warnings) problems.warn(warning)
      if (changed.length > 0) {
        log.info({ topics: changed }, `copied changed settings to the remote topics of ` +
          listed(changed))
      }
      if (failure !== undefined) throw failure
    }
  }
}

function heartbeats (options: FlowDutiesOptions): readonly Duty[] {
  const { clock, clusters, config } = options
  return config.heartbeats.map(pair => heartbeatDuty({
    pair,
    slot: flowSlot,
    admin: clusters[pair.side],
    openWriter: () => openWriter(options, pair.side, heartbeatsTopic),
    clock
  }))
}

function canaryDuties (options: FlowDutiesOptions): readonly Duty[] {
  const { canary, clock, clusters, config, isPaused, memberName, topics } = options
  if (config.canary === undefined) return []
  const { topic } = config.canary
  const intervalMs = config.settings['canary.interval.ms']
  let begun = 0
  return [canaryDuty({
    ...config.canary,
    config,
    slot: flowSlot,
    source: clusters.source,
    target: clusters.target,
    openWriter: () => openWriter(options, 'source', topic),
    openReader: (side, name) => new TopicReader({
      topic: name,
      client: config[side].admin,
      group: groupOf(config.name),
      standstillMs: canaryStandstillMs,
      idleMs: 2 * intervalMs,
      clock
    }),
    writer: () => `${memberName}-${++begun}`,
    isPaused: () => isPaused({ topic, partition: 0 }),
    onCreated: () => { topics.lookNow() },
    figures: canary,
    clock
  })]
}

function groupOffsets (options: FlowDutiesOptions): readonly Duty[] {
  const { clusters, config: { settings }, live, log, problems } = options
  const interval = 'sync.group.offsets.interval.seconds'
  if (!settings['sync.group.offsets.enabled'] || settings[interval] < 0) return []
  return [groupOffsetDuty({
    positions: groupPositions(options),
    target: clusters.target,
    slot: flowSlot,
    intervalMs: () => Math.max(live().settings[interval], 1) * 1000,
    onRefused: error => { problems.warn(error) },
    log
  })]
}

function checkpoints (options: FlowDutiesOptions): readonly Duty[] {
  const { clock, config: { policy, settings }, live, problems } = options
  const interval = 'emit.checkpoints.interval.seconds'
  if (!writesCheckpoints({ settings })) return []
  return [checkpointDuty({
    ...internalTopic(options, 'target', policy.checkpointsTopic,
      settings['checkpoints.topic.replication.factor']),
    slot: flowSlot,
    intervalMs: () => Math.max(live().settings[interval], 1) * 1000,
    positions: groupPositions(options),
    written: options.checkpoints,
    onRefused: error => { problems.warn(error) },
    clock
  })]
}

function offsetSyncs (options: FlowDutiesOptions): readonly Duty[] {
  const { clock, config: { offsetSyncs, settings }, partitions: { table } } = options
  const { side, topic } = offsetSyncs
  if (!settings['emit.offset-syncs.enabled']) return []
  return [offsetSyncDuty({
    ...internalTopic(options, side, topic, settings['offset-syncs.topic.replication.factor']),
    lagMax: settings['offset.lag.max'],
    moved: slot => table.takeMoved(slot).map(({ partition, progress, topic: name }) =>
      ({ topic: name, partition, offsets: progress?.offsets })),
    isMirrored: partition => table.byName(partition) !== undefined,
    clock
  })]
}

/** A topic that a duty writes, and its names for errors. */
function internalTopic (
  options: FlowDutiesOptions, side: Side, name: string, replicationFactor: number
): { topic: InternalTopic, named: OffsetSyncDutyOptions['named'] } {
  const { clock, clusters: { [side]: admin }, config: { [side]: { alias } } } = options
  return {
    topic: new InternalTopic({
      name, replicationFactor, admin, openWriter: () => openWriter(options, side, name), clock
    }),
    named: { topic: name, replicationFactor, cluster: alias }
  }
}

function openWriter (
  { clock, config }: FlowDutiesOptions, side: Side, topic: string
): TopicWriter {
  const { settings: { 'admin.timeout.ms': timeoutMs }, [side]: { admin: client } } = config
  return new TopicWriter({ topic, client, timeoutMs, clock })
}

/** One for each duty: each duty lists the groups separately. */
function groupPositions (
  { clock, clusters, config, live, onGroups, partitions, progress, topics }: FlowDutiesOptions
): GroupPositions {
  return new GroupPositions({
    source: clusters.source,
    filter: () => live().groups,
    selection: () => topics.selection,
    progressOf: async (wanted, signal) => await positionsOf(
      wanted, { partitions, progress, slots: config.settings['task.slots'] }, signal),
    refreshMs: () => live().settings['refresh.groups.enabled']
      ? live().settings['refresh.groups.interval.seconds'] * 1000
      : undefined,
    withRefinement: async work => { await withRefinement(config, clock, work) },
    onRead: onGroups,
    clock
  })
}

function topicAclSync (
  { clusters, config: { settings }, live, log, topics }: FlowDutiesOptions
): Duty {
  const { source, target } = clusters
  const sync = new TopicAclSync({
    source,
    target,
    selection: () => topics.selection,
    copiesPrefixed: settings['sync.topic.acls.prefixed.enabled'],
    deletes: settings['sync.topic.acls.delete.enabled']
  })
  const said = new Set<string>()
  return {
    name: 'topic ACL sync',
    slot: flowSlot,
    intervalMs: () => live().settings['sync.topic.acls.interval.seconds'] * 1000,
    first: 'immediate',
    run: async (_slot, signal) => {
      const mirrored = await topics.mirrored(signal)
      const { created, deleted, failure, withoutAuthorizer } =
        await sync.syncOnce(mirrored.map(({ topic }) => topic), signal)
      if (withoutAuthorizer !== undefined && !said.has(withoutAuthorizer)) {
        said.add(withoutAuthorizer)
        log.info({}, `${withoutAuthorizer} has no authorizer: no ACLs are copied to ` +
          target.cluster)
      }
      if (created + deleted > 0) {
        log.info({ created, deleted }, `changed the ACLs of remote topics on ${target.cluster}`)
      }
      if (failure !== undefined) throw failure
    }
  }
}
