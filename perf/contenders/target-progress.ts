// The progress of a mirror, measured at the target cluster: the records readable there.

import type { KafkaAdmin } from '../../test/kafka/kafka-admin.ts'
import type { MirrorJob } from './contender.ts'

/**
 * Returns 0 while the topic does not exist, as before a mirror's first record; a partition without
 * an elected leader counts as empty. The process of a mirror shows whether it failed.
 */
export function targetProgress (job: MirrorJob, targetTopic: string): () => Promise<number> {
  let exists = false
  return async () => {
    exists ||= await hasTopic(job.target.admin, targetTopic)
    if (!exists) return 0
    const partitions = Array.from({ length: job.partitions }, (_, partition) => partition)
    const counts = await Promise.all(partitions.map(async partition => {
      const offsets = await job.target.admin.offsets(targetTopic, partition).catch(() => undefined)
      return offsets === undefined ? 0 : offsets.high - offsets.low
    }))
    return counts.reduce((sum, count) => sum + count, 0) / job.records
  }
}

async function hasTopic (admin: KafkaAdmin, topic: string): Promise<boolean> {
  return (await admin.topicNames()).includes(topic)
}
