// A compacted topic: each key is written several times, and the cleaner has left the last record of
// each. So most batches lack records, and no mirror can pass them through.

import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { TestProducer, type ProducedRecord } from '../../test/kafka/kafka-producer.ts'
import { alterTopicConfig, compactedTopicConfigs } from '../../test/kafka/partition-operations.ts'
import { logDirOf } from './brokers.ts'
import { untilCleaned } from './cleaner.ts'
import { recordText, type Load } from './load.ts'

/** How often each key is written, on average. */
const writesPerKey = 3
/** The harness makes the cleaner look for work several times a second. */
const restMs = 10_000

export async function writeCompactedLog (
  cluster: KafkaCluster, load: Load, partitions: number, say: (text: string) => void
): Promise<void> {
  const { batchBytes, codec, records, topic } = load
  await cluster.createTopic(topic, { partitions, configs: compactedTopicConfigs })
  const producer = await TestProducer.open(cluster.bootstrapServers, {
    codec, lingerMs: 20, properties: { 'batch.size': batchBytes, 'batch.num.messages': 1_000_000 }
  })
  try {
    await producer.sendAll(topic, keyedRecords(load))
    // Only an append closes a segment.
    await producer.sendAll(topic, Array.from({ length: partitions }, (_, partition) =>
      ({ key: 'last', value: 'last', partition })))
  } finally {
    await producer.close()
  }
  say(`${records.toLocaleString('en')} records written; waiting for the cleaner`)
  await untilCleaned(logDirOf(cluster), topic, restMs, say)
  // Mirrors copy the configuration: the cleaner of the target must not remove what they write.
  await alterTopicConfig(cluster, topic, { 'cleanup.policy': 'delete', 'segment.ms': '604800000' })
}

function * keyedRecords ({ recordBytes, records }: Load): Generator<ProducedRecord> {
  const random = createRandom(20_240_501)
  const keys = Math.ceil(records / writesPerKey)
  for (let i = 0; i < records; i++) {
    yield { key: `key-${Math.floor(random() * keys)}`, value: recordText(random, i, recordBytes) }
  }
}
