// The topics that a flow keeps for itself on its clusters, and which of them a start would create.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import type { Side } from '../config/property-path.ts'
import { writesCheckpoints } from '../groups/checkpoint-duty.ts'
import { heartbeatsTopic } from '../policy/replication-policy.ts'
import { progressCorrections, progressTopicOf } from '../progress/progress-topic.ts'
import type { SettingChange } from '../topics/topic-config-sync.ts'
import type { FlowCheck, FlowLook } from './flow-check.ts'

export interface OwnTopic {
  readonly topic: string
  readonly side: Side
  /** The alias of the cluster that has it. */
  readonly cluster: string
  readonly holds: string
  readonly isMissing: boolean
  /** Settings of an existing topic that a start corrects: only of the progress topic. */
  readonly settings: readonly SettingChange[]
}

type Named = Pick<OwnTopic, 'holds' | 'side' | 'topic'>

export function ownTopicsOf (
  { canary, heartbeats, offsetSyncs, policy, settings, source }: FlowConfig
): readonly Named[] {
  return [
    { topic: progressTopicOf(source.alias), side: 'target', holds: 'progress' },
    ...writesCheckpoints({ settings })
      ? [{ topic: policy.checkpointsTopic, side: 'target' as const, holds: 'checkpoints' }]
      : [],
    ...settings['emit.offset-syncs.enabled']
      ? [{ topic: offsetSyncs.topic, side: offsetSyncs.side, holds: 'offset syncs' }]
      : [],
    ...canary === undefined
      ? []
      : [{ topic: canary.topic, side: 'source' as const, holds: 'canary records' }],
    ...[...new Set(heartbeats.map(({ side }) => side))].map(side =>
      ({ topic: heartbeatsTopic, side, holds: 'heartbeats' }))
  ]
}

/** `refused`: topics that a start would try in vain to create; a warning says why. */
export async function planOwnTopics (
  { clusters, config }: FlowLook, refused: FlowCheck['refused'] = []
): Promise<readonly OwnTopic[]> {
  const named = ownTopicsOf(config)
  const missing = {
    source: await missingOf(clusters.source, named, 'source'),
    target: await missingOf(clusters.target, named, 'target')
  }
  const progressTopic = progressTopicOf(config.source.alias)
  const corrected = missing.target.has(progressTopic)
    ? []
    : await correctionsOf(clusters.target, progressTopic)
  return named.map(each => ({
    ...each,
    cluster: config[each.side].alias,
    isMissing: missing[each.side].has(each.topic) &&
      !refused.some(({ side, topic }) => side === each.side && topic === each.topic),
    settings: each.holds === 'progress' ? corrected : []
  }))
}

/** Empty, too, if the target does not show the settings; the check of the flow warns then. */
async function correctionsOf (
  target: ClusterAdmin, topic: string
): Promise<readonly SettingChange[]> {
  const [described] = await target.describeConfigs([{ type: 'topic', name: topic }])
  if (described === undefined || described.error !== undefined) return []
  const present = new Map(described.entries.map(({ name, value }) => [name, value]))
  return Object.entries(progressCorrections(described)).map(([name, to]) =>
    ({ name, from: present.get(name) ?? null, to }))
}

async function missingOf (
  admin: ClusterAdmin, named: readonly Named[], side: Side
): Promise<ReadonlySet<string>> {
  const topics = named.filter(each => each.side === side).map(({ topic }) => topic)
  const described = topics.length === 0 ? [] : await admin.describeTopics(topics)
  return new Set(described.flatMap(({ error, name }) =>
    error?.errorName === 'UNKNOWN_TOPIC_OR_PARTITION' ? [name] : []))
}
