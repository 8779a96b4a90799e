// Writes the heartbeats of one pair of clusters as MirrorMaker 2's MirrorHeartbeatConnector does:
// to partition 0 of the compacted topic `heartbeats` on the pair's target, where Kafka's
// MirrorClient and a flow that mirrors this cluster find them.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import {
  ensureInternalTopic, InternalTopic, type InternalTopicWriter
} from '../cluster/internal-topic.ts'
import type { HeartbeatPair } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { encodeHeartbeat } from '../mirror-maker/internal-records.ts'
import type { Duty } from '../ownership/duties.ts'
import { heartbeatsTopic } from '../policy/replication-policy.ts'
import type { Clock } from '../time/clock.ts'

export interface HeartbeatDutyOptions {
  readonly pair: HeartbeatPair
  /** Its owner writes, so that one process writes whatever number shares the flow. */
  readonly slot: number
  /** Of the target of the pair. */
  readonly admin: Pick<ClusterAdmin, 'describeTopics' | 'createTopics'>
  /** Of the topic of heartbeats there; the duty closes it. */
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
        throw explained(ReplicatorError.from(thrown), pair)
      }
    },
    end: async () => { await topic.close() }
  }
}

/** What the pair's target would refuse now; nothing is created. Undefined: nothing. */
export async function checkHeartbeats (
  pair: HeartbeatPair, admin: HeartbeatDutyOptions['admin']
): Promise<ReplicatorError | undefined> {
  const { replicationFactor } = pair
  try {
    await ensureInternalTopic({ admin, name: heartbeatsTopic, replicationFactor },
      { validateOnly: true })
    return undefined
  } catch (thrown) {
    return explained(ReplicatorError.from(thrown), pair)
  }
}

/** With what the operator can do about it; what passes by itself is a problem of the cluster. */
function explained (error: ReplicatorError, pair: HeartbeatPair): ReplicatorError {
  const { replicationFactor, source, target } = pair
  const what = `${source}->${target}, to the topic ${heartbeatsTopic} on ${target}`
  if (error.retriable) {
    return new ReplicatorError(error.row, `${error.detail} [heartbeats of ${what}]`,
      { cause: error, cluster: target })
  }
  const off = `set ${source}->${target}.emit.heartbeats.enabled=false to write none`
  const refused = (cure: string, setting?: string): ReplicatorError =>
    new ReplicatorError('HEARTBEATS_REFUSED', `${what}: ${error.row.text}: ${error.detail}`, {
      cause: error, cluster: target, action: `${cure}, or ${off}`, ...setting && { setting }
    })
  switch (error.errorName) {
    case 'INVALID_REPLICATION_FACTOR': {
      const setting = 'heartbeats.topic.replication.factor'
      return refused(`Lower ${setting}=${replicationFactor} to the number of brokers of ${target}`,
        setting)
    }
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return refused(`Grant CREATE and WRITE on topic ${heartbeatsTopic} to the principal of ` +
        `cluster ${target}`)
    default: return refused(error.action)
  }
}
