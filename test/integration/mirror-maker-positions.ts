// Writes the state that a killed MirrorMaker 2 leaves: its positions, and records on the target
// after them.
import assert from 'node:assert/strict'
import {
  decodeConnectOffset, encodeConnectOffset
} from '../../src/orchestrator/mirror-maker/connect-offsets.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce, type ProducedRecord } from '../kafka/kafka-producer.ts'
import type { MirroredClusters } from './mirrored-clusters.ts'

export const offsetsTopic = 'mm2-offsets.east.internal'

/** Timestamps that differ from the target's append times; a mirror must keep them. */
const startMs = Date.UTC(2026, 0, 1)

export function numbered (partition: number, from: number, to: number): ProducedRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    partition,
    key: `key ${from + i}`,
    value: `record ${from + i}`,
    headers: [['number', String(from + i)]],
    // Ten records a millisecond.
    timestamp: startMs + Math.floor((from + i) / 10)
  }))
}

/** The last mirrored source offset of each partition, in the order of the partitions. */
export async function commitAsMirrorMaker (
  { target }: MirroredClusters, topic: string, offsets: readonly number[],
  { cluster = 'east', connector = 'MirrorSourceConnector', to = offsetsTopic } = {}
): Promise<void> {
  if (!(await target.admin.topicNames()).includes(to)) {
    const configs = { 'cleanup.policy': 'compact' }
    await target.createTopic(to, { partitions: 3, configs })
  }
  await produce(target.bootstrapServers, to, offsets.map((offset, partition) => {
    const position = { connector, cluster, topic, partition }
    return encodeConnectOffset({ ...position, offset: BigInt(offset) })
  }))
}

/** As a Kafka Connect worker writes them: the key of a position determines its partition. */
export async function committedByMirrorMaker (
  { target }: MirroredClusters, topic: string, from = offsetsTopic
): Promise<readonly number[]> {
  const offsets: number[] = []
  const heldIn = new Map<string, number>()
  for (const { key, partition, value } of await readTopic(target.bootstrapServers, from)) {
    const position = decodeConnectOffset(key, value)
    if (position?.topic !== topic) continue
    assert.equal(heldIn.get(String(key)) ?? partition, partition, `${String(key)} is in both`)
    heldIn.set(String(key), partition)
    offsets[position.partition] = Number(position.offset)
  }
  return offsets
}
