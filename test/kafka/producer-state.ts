// What a broker remembers of idempotent producers: without it, it takes any sequence.

import type { KafkaCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { int32, requestRaw } from './raw-request.ts'

// KIP-664; its only version has tagged fields.
const describeProducersApi = { key: 61, version: 0 }
const noTags = Buffer.from([0])

/**
 * Broker settings with which it soon forgets the producers of records that are older than a day,
 * which `oldTimestamp` is, and remembers those of new ones.
 */
export const forgetfulOfOldRecords = { 'producer.id.expiration.check.interval.ms': '200' }
export const oldTimestamp = 1_700_000_000_000

/** Resolves once the leader holds no state of any producer of the partition. */
export async function untilProducersForgotten (
  cluster: KafkaCluster, topic: string, partition = 0
): Promise<void> {
  await eventually(`no producers of ${topic}-${partition}`, async () =>
    await producerCount(cluster, topic, partition) === 0)
}

/** Topic names of up to 126 bytes: then every length here is one byte. */
async function producerCount (
  cluster: KafkaCluster, topic: string, partition: number
): Promise<number> {
  const leader = cluster.broker(await cluster.admin.leaderOf(topic, partition))
  const name = Buffer.from(topic)
  const response = await requestRaw(leader, describeProducersApi, Buffer.concat([
    noTags, Buffer.from([2, name.length + 1]), name, Buffer.from([2]), int32(partition),
    noTags, noTags]))
  // Tags, throttle time, one topic of that name, one partition, its index; then its error.
  const at = 1 + 4 + 1 + 1 + name.length + 1 + 4
  const error = response.readInt16BE(at)
  if (error !== 0) throw new Error(`producers of ${topic}-${partition}: error ${error}`)
  return response.readUInt8(at + 3) - 1
}
