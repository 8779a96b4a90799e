// The clusters of the scenarios that compare contenders.

import type { KafkaCluster } from '../../test/kafka/cluster.ts'

/** Brokers as their users run them: G1, a full compiler and segments of a gigabyte. */
export const brokerOptions = {
  jvm: {
    heapMb: 1024,
    flags: ['-Xms1g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']
  },
  config: { 'log.segment.bytes': '1073741824', 'num.network.threads': '3', 'num.io.threads': '8' }
} as const

/** Of a cluster of one broker. */
export function logDirOf (cluster: KafkaCluster): string {
  const [broker] = cluster.brokers
  if (broker === undefined) throw new Error('a cluster without brokers')
  return broker.logDir
}

/**
 * Deletes the topics that a contender created, its state with them: the next run starts from
 * nothing, also one of the same contender.
 */
export async function deleteTopicsExcept (
  { admin }: KafkaCluster, isKept: (topic: string) => boolean = () => false
): Promise<void> {
  const topics = await admin.topicNames()
  const ofContender = topics.filter(topic => !topic.startsWith('__') && !isKept(topic))
  for (const topic of ofContender) await admin.deleteTopic(topic)
}
