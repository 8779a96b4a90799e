// What a look at the topics of a flow needs of its configuration and of both clusters, whether the
// look changes the target or only checks it.
import type { FlowConfig } from '../config/config.ts'
import type { TopicCheckOptions } from '../topics/topic-check.ts'
import { mergedFrom, type ClusterPair } from './cluster-pair.ts'
import type { FlowsBack } from './flows-back.ts'
import type { TargetClaims } from './target-claims.ts'

export interface TopicLook {
  readonly config: FlowConfig
  readonly clusters: ClusterPair
  readonly claims: TargetClaims
  /** The flows that bring topics back; absent: the flow needs no such look. */
  readonly flowsBack?: Pick<FlowsBack, 'refusalOf'> | undefined
  readonly signal: AbortSignal
}

/** Checks and refreshes use the same options, so that a check reports what a start would do. */
export function topicOptions (
  { claims, clusters, config, flowsBack, signal }: TopicLook
): TopicCheckOptions {
  const clusterId = claimedCluster({ clusters, config })
  return {
    source: clusters.source,
    target: clusters.target,
    selection: config.topics,
    replicationFactor: config.settings['replication.factor'],
    configProperties: config.configProperties,
    claim: topic => claims.claim({
      clusterId, topic, flow: config.name, mergedFrom: mergedFrom(config, clusters)
    }),
    refuse: topic => flowsBack?.refusalOf(topic, config),
    signal
  }
}

/** For a Claim: the alias stands for the id of a cluster that reports none. */
export function claimedCluster (
  { clusters, config }: Pick<TopicLook, 'clusters' | 'config'>
): string {
  return clusters.targetDescription.clusterId ?? config.target.alias
}
