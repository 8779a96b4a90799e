// The topics that a flow writes besides remote topics, where settings decide their names.
import { canaryTopicOf, type ReplicationPolicy } from '../policy/replication-policy.ts'
import type { CanaryTopics, OffsetSyncPlace } from './config.ts'
import type { FlowSettings } from './config-table.ts'
import type { FlowName } from './precedence.ts'

/** `named` has the aliases of the flow in topic names. */
export function offsetSyncPlace (
  settings: FlowSettings, named: FlowName, policy: ReplicationPolicy
): OffsetSyncPlace {
  const side = settings['offset-syncs.topic.location']
  const other = side === 'source' ? named.target : named.source
  return { side, topic: policy.offsetSyncsTopic(other) }
}

export function canaryTopics (
  settings: FlowSettings, named: FlowName, policy: ReplicationPolicy
): CanaryTopics | undefined {
  if (!settings['canary.enabled']) return undefined
  const topic = canaryTopicOf(named.target)
  return { topic, remoteTopic: policy.remoteTopic(topic) }
}
