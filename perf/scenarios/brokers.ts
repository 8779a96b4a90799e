// The clusters of the scenarios that compare contenders.

import type { KafkaCluster } from '../../test/kafka/cluster.ts'

/** Brokers with the settings of production: G1, a full compiler and segments of a gigabyte. */
export const brokerOptions = {
  jvm: {
    heapMb: 1024,
    flags: ['-Xms1g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']
  },
  config: { 'log.segment.bytes': '1073741824', 'num.network.threads': '3', 'num.io.threads': '8' }
} as const

/** The broker of a cluster with one broker. */
export function logDirOf (cluster: KafkaCluster): string {
  const [broker] = cluster.brokers
  if (broker === undefined) throw new Error('a cluster without brokers')
  return broker.logDir
}

/**
 * Deletes the topics that a contender created, including its state: the next run starts empty, even
 * with the same contender.
 */
export async function deleteTopicsExcept (
  { admin }: KafkaCluster, isKept: (topic: string) => boolean = () => false
): Promise<void> {
  const topics = await admin.topicNames()
  const ofContender = topics.filter(topic => !topic.startsWith('__') && !isKept(topic))
  for (const topic of ofContender) await admin.deleteTopic(topic)
}
