// Writes the checkpoints of a flow as MirrorMaker 2's MirrorCheckpointConnector does: the offsets
// at which each consumer group of the source would continue in the remote topics, for Kafka's
// RemoteClusterUtils.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import {
  ensureInternalTopic, writeError, type InternalTopic, type InternalTopicUse
} from '../cluster/internal-topic.ts'
import type { FlowConfig } from '../config/config.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { encodeCheckpoint, type Checkpoint } from '../mirror-maker/internal-records.ts'
import type { CheckpointSnapshot } from '../observability/snapshot.ts'
import type { Duty } from '../ownership/duties.ts'
import type { Clock } from '../time/clock.ts'
import { logOnce } from './group-duties.ts'
import { keyOf } from './group-offset-rules.ts'
import type { GroupPosition, GroupPositions } from './group-positions.ts'

export interface CheckpointDutyOptions {
  readonly slot: number
  readonly intervalMs: Duty['intervalMs']
  readonly positions: Pick<GroupPositions, 'read'>
  readonly topic: Pick<InternalTopic, 'write' | 'close'>
  /** For errors: the name and the replication factor of the topic, and the alias of its cluster. */
  readonly named: {
    readonly topic: string, readonly replicationFactor: number, readonly cluster: string
  }
  /** The written checkpoints, kept up to date for the metrics. */
  readonly written: Map<string, CheckpointSnapshot>
  readonly onRefused: (error: ReplicatorError) => void
  readonly clock: Clock
}

export function checkpointDuty (options: CheckpointDutyOptions): Duty {
  const { clock, intervalMs, named, onRefused, positions, slot, topic, written: shown } = options
  const say = logOnce(onRefused)
  /** By group and partition; as many as groups have committed offsets of mirrored partitions. */
  const written = new Map<string, Checkpoint>()
  return {
    name: 'checkpoints',
    slot,
    intervalMs,
    run: async (_slot, signal) => {
      const startedMs = clock.monotonic()
      const { failures, positions: read } = await positions.read(signal)
      say(failures)
      const due = read.flatMap(checkpointsOf)
        .filter(each => isNew(each, written.get(nameOf(each))))
      if (due.length === 0) return
      try {
        await topic.write(due.map(encodeCheckpoint), signal)
      } catch (thrown) {
        signal.throwIfAborted()
        // If the topic was deleted, the recreated topic needs the checkpoints of all groups.
        written.clear()
        throw writeError(thrown, topicUse(named))
      }
      const latencyMs = clock.monotonic() - startedMs
      for (const each of due) {
        const name = nameOf(each)
        written.set(name, each)
        shown.set(name, withAnother(shown.get(name), each, latencyMs))
      }
    },
    // Another process writes checkpoints now: if this process has the duty again, it must write all
    // of them.
    end: async () => {
      written.clear()
      shown.clear()
      await topic.close()
    }
  }
}

function withAnother (
  before: CheckpointSnapshot | undefined, { group, partition, topic }: Checkpoint, latencyMs: number
): CheckpointSnapshot {
  const written = (before?.written ?? 0) + 1
  return { group, topic, partition, written, latencySumMs: (before?.latencySumMs ?? 0) + latencyMs }
}

function checkpointsOf ({ group, offsets }: GroupPosition): readonly Checkpoint[] {
  return offsets.map(offset => ({ group, ...offset }))
}

function nameOf (checkpoint: Checkpoint): string {
  return `${checkpoint.group}/${keyOf(checkpoint)}`
}

/** As MirrorMaker 2: the group has moved forward on the target, or back on the source. */
function isNew (now: Checkpoint, before: Checkpoint | undefined): boolean {
  return before === undefined || now.downstream > before.downstream ||
    now.upstream < before.upstream
}

/** Whether the flow writes checkpoints. */
export function writesCheckpoints ({ settings }: Pick<FlowConfig, 'settings'>): boolean {
  return settings['emit.checkpoints.enabled'] && settings['emit.checkpoints.interval.seconds'] >= 0
}

/** The error with which the target would refuse now; undefined: none. Creates nothing. */
export async function checkCheckpoints (
  { policy, settings, target }: FlowConfig,
  admin: Pick<ClusterAdmin, 'describeTopics' | 'createTopics'>
): Promise<ReplicatorError | undefined> {
  const replicationFactor = settings['checkpoints.topic.replication.factor']
  const topic = policy.checkpointsTopic
  try {
    await ensureInternalTopic({ admin, name: topic, replicationFactor }, { validateOnly: true })
    return undefined
  } catch (thrown) {
    return writeError(thrown, topicUse({ topic, replicationFactor, cluster: target.alias }))
  }
}

function topicUse (
  { cluster, replicationFactor, topic }: CheckpointDutyOptions['named']
): InternalTopicUse {
  return {
    name: topic,
    cluster,
    replicationFactor,
    factorSetting: 'checkpoints.topic.replication.factor',
    refusal: 'CHECKPOINTS_REFUSED',
    what: 'checkpoints',
    where: `to the topic ${topic} on ${cluster}`,
    off: 'set emit.checkpoints.enabled=false to write none'
  }
}
