// Writes the heartbeats of one pair of clusters as MirrorMaker 2's MirrorHeartbeatConnector does:
// to partition 0 of the compacted topic `heartbeats` on the pair's target, where Kafka's
// MirrorClient reads them, and from where flows that mirror this target copy them.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import {
  ensureInternalTopic, InternalTopic, writeError, type InternalTopicUse, type InternalTopicWriter
} from '../cluster/internal-topic.ts'
import type { HeartbeatPair } from '../config/config.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { encodeHeartbeat } from '../mirror-maker/internal-records.ts'
import type { Duty } from '../ownership/duties.ts'
import { heartbeatsTopic } from '../policy/replication-policy.ts'
import type { Clock } from '../time/clock.ts'

export interface HeartbeatDutyOptions {
  readonly pair: HeartbeatPair
  /** The owner of this slot writes, so exactly one of the processes that share the flow does. */
  readonly slot: number
  /** Connected to the target of the pair. */
  readonly admin: Pick<ClusterAdmin, 'describeTopics' | 'createTopics'>
  /** The topic `heartbeats` on the target; the duty closes it. */
  readonly openWriter: () => InternalTopicWriter
  readonly clock: Clock
}

export function heartbeatDuty (options: HeartbeatDutyOptions): Duty {
  const { admin, clock, openWriter, pair, slot } = options
  const topic = new InternalTopic({
    name: heartbeatsTopic, replicationFactor: pair.replicationFactor, admin, openWriter, clock
  })
  return {
    name: `heartbeats ${pair.source}->${pair.target}`,
    slot,
    intervalMs: pair.intervalMs,
    run: async (_slot, signal) => {
      const { source, target } = pair.aliases
      const heartbeat = { sourceAlias: source, targetAlias: target, timestampMs: clock.now() }
      try {
        await topic.write([encodeHeartbeat(heartbeat)], signal)
      } catch (thrown) {
        signal.throwIfAborted()
        throw writeError(thrown, topicUse(pair))
      }
    },
    end: async () => { await topic.close() }
  }
}

/** The error with which the pair's target would refuse now; undefined: none. Creates nothing. */
export async function checkHeartbeats (
  pair: HeartbeatPair, admin: HeartbeatDutyOptions['admin']
): Promise<ReplicatorError | undefined> {
  const { replicationFactor } = pair
  try {
    await ensureInternalTopic({ admin, name: heartbeatsTopic, replicationFactor },
      { validateOnly: true })
    return undefined
  } catch (thrown) {
    return writeError(thrown, topicUse(pair))
  }
}

function topicUse ({ replicationFactor, source, target }: HeartbeatPair): InternalTopicUse {
  return {
    name: heartbeatsTopic,
    cluster: target,
    replicationFactor,
    factorSetting: 'heartbeats.topic.replication.factor',
    refusal: 'HEARTBEATS_REFUSED',
    what: 'heartbeats of',
    where: `${source}->${target}, to the topic ${heartbeatsTopic} on ${target}`,
    off: `set ${source}->${target}.emit.heartbeats.enabled=false to write none`
  }
}
