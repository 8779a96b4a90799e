// The offset map leads from each record of a topic to the same record of its remote topic and back:
// after markers and aborted records, after gaps from a log cleaner, in batches that were re-encoded
// or split, and beside another producer; over a kill and a hand-over.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { produce, type ProducedRecord } from '../kafka/kafka-producer.ts'
import {
  alterTopicConfig, compactedTopicConfigs, untilCompacted, untilLogRests
} from '../kafka/partition-operations.ts'
import { gapCount } from '../kafka/raw-log.ts'
import { rawBatches, untilRecords } from './comparison.ts'
import { interleaveTransactions } from './interleaved-transactions.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'
import { assertTranslates } from './offset-translation.ts'

const neverCleaned = {
  'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': String(2n ** 63n - 1n)
}
const batches = { codec: 'lz4', lingerMs: 50, batchRecordsMax: 40 } as const

test('each position translates in both directions, wherever the offsets differ', async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('ledger', { partitions: 2 })
  await source.createTopic('cleaned', { configs: compactedTopicConfigs })
  await source.createTopic('wide')
  // So that the records of the mirror remain, and the test can read them.
  await target.createTopic('east.cleaned')
  await target.createTopic('east.wide', { configs: { 'max.message.bytes': '20000' } })
  const counts = { ledger: 0, cleaned: 0, wide: 0 }

  await produce(source.bootstrapServers, 'cleaned', numbered(400), batches)
  const cleaned = await untilCompacted(source, 'cleaned', 0)
  assert.ok(gapCount(cleaned) > 5)
  await alterTopicConfig(source, 'cleaned', neverCleaned)
  await untilLogRests(source, 'cleaned', 1)
  counts.cleaned = rawBatches(source, 'cleaned', 0).reduce((sum, each) => sum + each.recordCount, 0)

  let written = 400
  const more = async (): Promise<void> => {
    counts.ledger += (await interleaveTransactions(source.bootstrapServers, 'ledger')).length
    await produce(source.bootstrapServers, 'cleaned', numbered(50, written), batches)
    await produce(source.bootstrapServers, 'wide', numbered(60, written), batches)
    written += 60
    counts.cleaned += 50
    counts.wide += 60
  }
  const mirrored = async (mirror: MirrorProcess): Promise<void> => {
    for (const [topic, count] of Object.entries(counts)) {
      await untilRecords(mirror, target, `east.${topic}`, count)
    }
  }
  const writeBeside = async (): Promise<void> => {
    for (const topic of ['east.wide', 'east.ledger']) {
      await produce(target.bootstrapServers, topic, [0, 1, 2].map(n =>
        ({ value: `beside ${written} ${n}`, partition: 0 })))
    }
    counts.wide += 3
    counts.ledger += 3
  }

  const file = createPropertiesFile(t, flowProperties(clusters, {
    'topics': 'ledger, cleaned, wide', 'target.not.empty': 'begin',
    'sync.topic.configs.enabled': false
  }))
  await more()
  const killed = await startMirror(t, file)
  await mirrored(killed)
  await writeBeside()
  await more()
  await killed.kill()

  const first = await startMirror(t, file)
  await mirrored(first)
  await writeBeside()
  const second = await startMirror(t, file)
  await more()
  assert.equal((await first.stop()).code, 0)
  await more()
  await mirrored(second)
  assert.equal((await second.stop()).code, 0)

  // Otherwise the batches were not split.
  assert.ok(rawBatches(target, 'east.wide', 0).length > rawBatches(source, 'wide', 0).length + 2)
  for (const topic of Object.keys(counts)) await assertTranslates(clusters, topic)
})

/** Few keys, so that a cleaner removes records; values that no codec makes smaller. */
function numbered (count: number, first = 0): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `key ${index % 13}`, value: `${first + index} ${randomBytes(350).toString('hex')}`,
    partition: 0
  }))
}
