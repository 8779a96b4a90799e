// What a broker remembers of idempotent producers: without this state it accepts any sequence.

import type { KafkaCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { compactString, int32, noTags, requestRaw } from './raw-request.ts'
import { ResponseReader } from './raw-response.ts'

// KIP-664; its only version has tagged fields.
const describeProducersApi = { key: 61, version: 0 }
const one = Buffer.from([2]) // the length of a compact array of one element

/**
 * Broker settings with which it soon forgets the producers of records older than a day, as at
 * `oldTimestamp`, and remembers those of new ones.
 */
export const forgetfulOfOldRecords = { 'producer.id.expiration.check.interval.ms': '200' }
export const oldTimestamp = 1_700_000_000_000

/** Resolves once the leader has no state of any producer of the partition. */
export async function untilProducersForgotten (
  cluster: KafkaCluster, topic: string, partition = 0
): Promise<void> {
  await eventually(`no producers of ${topic}-${partition}`, async () =>
    await producerCount(cluster, topic, partition) === 0)
}

async function producerCount (
  cluster: KafkaCluster, topic: string, partition: number
): Promise<number> {
  const leader = cluster.broker(await cluster.admin.leaderOf(topic, partition))
  const reader = new ResponseReader(await requestRaw(leader, describeProducersApi, Buffer.concat([
    noTags, one, compactString(topic), one, int32(partition), noTags, noTags])))
  reader.tags()
  reader.int32() // throttle time
  const [[found] = []] = reader.compactArray(() => {
    reader.compactString()
    return reader.compactArray(() => {
      reader.int32() // partition
      const error = reader.int16()
      reader.compactString() // error text
      return { error, count: reader.compactArrayLength() } // the rest is not read
    })
  })
  if (found?.error !== 0) throw new Error(`producers of ${topic}-${partition}: ${found?.error}`)
  return found.count
}
