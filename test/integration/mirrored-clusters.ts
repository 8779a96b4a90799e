// Two real clusters, `east` and `west`, and the properties that mirror east to west.
import {
  startKafkaCluster, type KafkaCluster, type KafkaClusterOptions
} from '../kafka/cluster.ts'
import type { Properties } from './mirror-process.ts'

export interface MirroredClusters {
  /** `east` in the properties. */
  readonly source: KafkaCluster
  /** `west` in the properties. */
  readonly target: KafkaCluster
  close (): Promise<void>
}

/** Started in parallel; the caller closes them, because most files share one pair. */
export async function startClusters (
  source: KafkaClusterOptions = {}, target: KafkaClusterOptions = source
): Promise<MirroredClusters> {
  const started = await Promise.allSettled(
    [startKafkaCluster(undefined, source), startKafkaCluster(undefined, target)])
  const clusters = started.flatMap(each => each.status === 'fulfilled' ? [each.value] : [])
  const close = async (): Promise<void> => {
    await Promise.all(clusters.map(async cluster => { await cluster.close() }))
  }
  const [first, second] = clusters
  if (first === undefined || second === undefined) {
    await close()
    throw started.find(each => each.status === 'rejected')?.reason
  }
  return { source: first, target: second, close }
}

/** The properties that a test does not set; `more` wins. */
export function flowProperties (
  { source, target }: Pick<MirroredClusters, 'source' | 'target'>, more: Properties
): Properties {
  return {
    'clusters': 'east, west',
    'east.bootstrap.servers': source.bootstrapServers,
    'west.bootstrap.servers': target.bootstrapServers,
    'east->west.enabled': true,
    'replication.factor': target.brokers.length,
    'progress.topic.replication.factor': target.brokers.length,
    'checkpoints.topic.replication.factor': target.brokers.length,
    'refresh.topics.interval.seconds': 1,
    // Each would be another mirrored topic, and another flow to a cluster.
    'emit.heartbeats.enabled': false,
    'offset-syncs.topic.replication.factor': source.brokers.length,
    'metrics.port': 0,
    ...more
  }
}

/** For many flows of one topic with one broker: as small as possible. */
export const smallFlows: Properties = {
  'topics': 'orders',
  'lanes': 1,
  'task.slots': 1,
  'replication.factor': 1,
  'offset.storage.replication.factor': 1,
  'emit.heartbeats.enabled': false,
  'emit.offset-syncs.enabled': false,
  'metrics.port': 0
}

/** As a Java client would write it, for clusters with `sasl`. */
export function login (cluster: string, user: string, password: string): Properties {
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  return {
    [`${cluster}.security.protocol`]: 'SASL_PLAINTEXT',
    [`${cluster}.sasl.mechanism`]: 'PLAIN',
    [`${cluster}.sasl.jaas.config`]: `${module} required username="${user}" password="${password}";`
  }
}
