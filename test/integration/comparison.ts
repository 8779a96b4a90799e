// What a mirrored topic must share with its source: every record, in order, with all its parts;
// and, for batches that passed through, the same bytes.
import assert from 'node:assert/strict'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { readTopic, type ConsumedRecord, type ReadSettings } from '../kafka/kafka-consumer.ts'
import { dataBatches, readRawLog, type RawBatch } from '../kafka/raw-log.ts'
import type { MirrorProcess } from './mirror-process.ts'
import type { MirroredClusters } from './mirrored-clusters.ts'

export interface MirroredTopicName {
  readonly topic: string
  readonly remoteTopic: string
}

export function remoteOf (topic: string): MirroredTopicName {
  return { topic, remoteTopic: `east.${topic}` }
}

/**
 * The number of offsets in a topic without gaps, which is that of records. 0 for an absent topic.
 */
export async function countRecords (cluster: KafkaCluster, topic: string): Promise<number> {
  const count = (await cluster.admin.topicNames()).includes(topic)
    ? await cluster.admin.partitionCount(topic)
    : 0
  const sizes = await Promise.all(Array.from({ length: count }, async (_, partition) => {
    const { low, high } = await cluster.admin.offsets(topic, partition)
    return high - low
  }))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Resolves as soon as the topic has that many records or more. */
export async function untilRecords (
  mirror: MirrorProcess, cluster: KafkaCluster, topic: string, count: number
): Promise<void> {
  let seen: number | Error = 0
  try {
    await mirror.until(`${count} records in ${topic}`, async () => {
      // A broker that was just killed may fail the request, which is then repeated.
      seen = await countRecords(cluster, topic).catch((error: Error) => error)
      return typeof seen === 'number' && seen >= count
    })
  } catch (error) {
    throw new Error(`${(error as Error).message}\nseen: ${String(seen)}`)
  }
}

/** The same, for the present number of records and some more; a new topic needs a moment. */
export async function untilMoreRecords (
  mirror: MirrorProcess, cluster: KafkaCluster, topic: string, more: number
): Promise<void> {
  const present = await mirror.until(`the size of ${topic}`, async () =>
    await countRecords(cluster, topic).catch(() => undefined))
  await untilRecords(mirror, cluster, topic, present + more)
}

/**
 * Reads both sides to their ends, compares everything but offsets, and returns the target's
 * records.
 */
export async function assertSameRecords (
  { source, target }: MirroredClusters, { topic, remoteTopic }: MirroredTopicName,
  settings: ReadSettings = {}
): Promise<ConsumedRecord[]> {
  const [expected, actual] = await Promise.all([
    readTopic(source.plainBootstrapServers, topic),
    readTopic(target.plainBootstrapServers, remoteTopic, settings)])
  assert.ok(expected.length > 0, `${topic} has no records to compare`)
  assertSameLines(actual.map(describeRecord), expected.map(describeRecord), remoteTopic)
  return actual
}

/** deepEqual's diff of ten thousand records would need minutes and show less. */
export function assertSameLines (
  actual: readonly string[], expected: readonly string[], of: string
): void {
  const at = expected.findIndex((line, index) => line !== actual[index])
  if (at >= 0) {
    assert.equal(actual[at], expected[at],
      `${of} differs at record ${at}; it has ${actual.length} of ${expected.length}`)
  }
  assert.equal(actual.length, expected.length, `${of} has more records than its source`)
}

export function describeRecord (record: ConsumedRecord): string {
  const { headers, key, partition, timestamp, value } = record
  return JSON.stringify([partition, timestamp, hex(key), hex(value),
    headers.map(([name, bytes]) => [name, hex(bytes)])])
}

function hex (bytes: Buffer | null): string | null {
  return bytes?.toString('hex') ?? null
}

/**
 * Equally many batches, each with the payload bytes of its counterpart. Returns the target's
 * batches.
 */
export async function assertSamePayloads (
  { source, target }: MirroredClusters, { topic, remoteTopic }: MirroredTopicName
): Promise<RawBatch[]> {
  const all: RawBatch[] = []
  const count = await source.admin.partitionCount(topic)
  for (let partition = 0; partition < count; partition++) {
    const upstream = dataBatches(rawBatches(source, topic, partition))
    const downstream = rawBatches(target, remoteTopic, partition)
    assertSameLines(downstream.map(describeBatch), upstream.map(describeBatch),
      `${remoteTopic}-${partition}`)
    all.push(...downstream)
  }
  return all
}

export function rawBatches (cluster: KafkaCluster, topic: string, partition: number): RawBatch[] {
  return readRawLog(cluster.brokers[0]?.logDir ?? '', topic, partition)
}

/** Everything that must be kept; ids, epochs, sequences, offsets and CRC belong to the cluster. */
function describeBatch (batch: RawBatch): string {
  const { baseTimestamp, byteCount, codec, lastOffsetDelta, maxTimestamp, payloadHash } = batch
  return [codec, byteCount, batch.recordCount, lastOffsetDelta, baseTimestamp, maxTimestamp,
    payloadHash].join(' ')
}
