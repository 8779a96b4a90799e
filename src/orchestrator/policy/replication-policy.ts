// The names of source topics on the target, and the names that are never mirrored: the rules of
// MirrorMaker 2's DefaultReplicationPolicy and IdentityReplicationPolicy.

import { prefixOf } from './topic-cycle.ts'
import type { Renamed } from './topic-rename.ts'

export type PolicyName = 'DefaultReplicationPolicy' | 'IdentityReplicationPolicy'

export interface ReplicationPolicyOptions {
  readonly policy: PolicyName
  readonly sourceAlias: string
  readonly separator?: string
  /**
   * Whether the separator is also part of the names of MirrorMaker 2's internal topics (KIP-949).
   */
  readonly internalTopicSeparator?: boolean
  /** The name that topic.rename sets for a topic; undefined: none. */
  readonly renamed?: Renamed
}

export interface ReplicationPolicy {
  /**
   * Whether a topic has the same name on both clusters, unless topic.rename names it;
   * heartbeats topics may not.
   */
  readonly keepsNames: boolean
  /** The topic on the target for the checkpoints of groups of the source. */
  readonly checkpointsTopic: string
  /** The topic for offset syncs; `alias` is that of the cluster at the other end of the flow. */
  offsetSyncsTopic (alias: string): string
  /** The name on the target of a topic of the source. */
  remoteTopic (topic: string): string
  /** The prefix of the remote names of topics with this prefix, unless topic.rename names them. */
  remotePrefix (prefix: string): string
  /**
   * The alias of the cluster that a topic came from; undefined: the topic is not a remote topic.
   */
  topicSource (topic: string): string | undefined
  /** The name of a remote topic on the cluster from which it came. */
  upstreamTopic (topic: string): string | undefined
  /** The name of the topic on the first cluster, before any mirror. */
  originalTopic (topic: string): string
  isHeartbeatsTopic (topic: string): boolean
  /** Topics of Kafka, Connect, MirrorMaker 2 and Longhaul themselves: never mirrored. */
  isInternalTopic (topic: string): boolean
}

export const progressTopicPrefix = 'longhaul-progress.'
/** MirrorMaker 2's topic of heartbeats; policy and separator do not change its name. */
export const heartbeatsTopic = 'heartbeats'

/** The topic on the source for the canary of the flow to this target. */
export function canaryTopicOf (targetAlias: string): string {
  return `${canaryTopicPrefix}${targetAlias}${canaryTopicSuffix}`
}

const canaryTopicPrefix = 'longhaul-canary.'
/** MirrorMaker 2 mirrors no topic with this ending. */
const canaryTopicSuffix = '.internal'

/** Also a remote one, whatever other flows have put before its name. */
function isCanaryTopic (topic: string): boolean {
  return topic.includes(canaryTopicPrefix) && topic.endsWith(canaryTopicSuffix)
}

export function createReplicationPolicy (options: ReplicationPolicyOptions): ReplicationPolicy {
  const { policy, renamed, sourceAlias, separator = '.', internalTopicSeparator = true } = options
  const internalSeparator = internalTopicSeparator ? separator : '.'
  const isIdentity = policy === 'IdentityReplicationPolicy'
  // Before Kafka 3.0, files kept topic names by an empty alias and an empty separator.
  const keepsNames = isIdentity || `${sourceAlias}${separator}` === ''
  // Heartbeats topics of several clusters must not collide on the target, so every policy renames
  // them.
  const keepsName = (topic: string) => isIdentity && !topic.endsWith(heartbeatsTopic)

  const remotePrefix = (topic: string) =>
    keepsName(topic) ? topic : `${sourceAlias}${separator}${topic}`

  const topicSource = (topic: string) =>
    keepsName(topic) ? sourceAlias : prefixOf(topic, separator)

  const upstreamTopic = (topic: string) => {
    if (keepsName(topic)) return topic
    const source = prefixOf(topic, separator)
    return source === undefined ? undefined : topic.slice(source.length + separator.length)
  }

  const originalTopic = (topic: string) => {
    let original = topic
    for (let upstream = upstreamTopic(original);
      upstream !== undefined && upstream !== original;
      upstream = upstreamTopic(original)) original = upstream
    return original
  }

  const isHeartbeatsTopic = (topic: string) => originalTopic(topic) === heartbeatsTopic

  // Kafka's MirrorClient looks for heartbeats under the name of the policy.
  const isNamedByPolicy = (topic: string) => isHeartbeatsTopic(topic) || isCanaryTopic(topic)
  const remoteTopic = (topic: string) =>
    (isNamedByPolicy(topic) ? undefined : renamed?.(topic)) ?? remotePrefix(topic)

  return {
    keepsNames,
    checkpointsTopic:
      `${sourceAlias}${internalSeparator}checkpoints${internalSeparator}internal`,
    offsetSyncsTopic: alias =>
      `mm2-offset-syncs${internalSeparator}${alias}${internalSeparator}internal`,
    remoteTopic,
    remotePrefix,
    topicSource,
    upstreamTopic,
    originalTopic,
    isHeartbeatsTopic,
    isInternalTopic: topic =>
      topic.startsWith('__') || topic.startsWith('.') ||
      topic.startsWith(progressTopicPrefix) || isCanaryTopic(topic) ||
      (topic.startsWith('mm2') && topic.endsWith(`${internalSeparator}internal`)) ||
      topic.endsWith(`${internalSeparator}checkpoints${internalSeparator}internal`)
  }
}
