// The offset map leads from each record of a topic to the same record of its remote topic and back:
// after markers and aborted records, after gaps from a log cleaner, in batches that were re-encoded
// or split, and beside another producer; over a kill and a hand-over.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { translate } from '../../src/orchestrator/offsets/offset-map.ts'
import { offsetMapOf } from '../../src/orchestrator/progress/offset-map-record.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce, TestProducer, type ProducedRecord } from '../kafka/kafka-producer.ts'
import {
  alterTopicConfig, compactedTopicConfigs, untilCompacted, untilLogRests
} from '../kafka/partition-operations.ts'
import { gapCount } from '../kafka/raw-log.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { rawBatches, untilRecords } from './comparison.ts'
import { commitOffsets } from './group-commit.ts'
import { interleaveTransactions } from './interleaved-transactions.ts'
import {
  createPropertiesFile, runCommand, startMirror, type MirrorProcess
} from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'
import { assertTranslates, positionOf } from './offset-translation.ts'

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

// The map keeps 128 spans: of more transactions the old ones had answers that were early by the
// number of their markers.
test('a position among old transactions is exact again once the records are read', async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('entries')
  const producer = await TestProducer.open(source.bootstrapServers, { transactionalId: 'entries' })
  for (let transaction = 0; transaction < 400; transaction++) {
    await producer.begin()
    await producer.sendAll('entries', [0, 1, 2].map(n =>
      ({ value: `entry ${transaction} ${n}`, partition: 0 })))
    // A reader must not take an aborted record for one that is mirrored.
    if (transaction % 7 === 0) await producer.abort()
    else await producer.commit()
  }
  await producer.close()
  const records = await readTopic(source.bootstrapServers, 'entries')
  const [atSource, atTarget] = [source, target].map(({ bootstrapServers }) =>
    createAdmin(t, bootstrapServers))
  assert.ok(atSource !== undefined && atTarget !== undefined)
  const old = records[301]
  assert.ok(old !== undefined)
  await commitOffsets(atSource, 'old',
    [{ topic: 'entries', partition: 0, offset: BigInt(old.offset), metadata: '' }])

  const file = createPropertiesFile(t, flowProperties(clusters,
    { 'topics': 'entries', 'sync.group.offsets.enabled': true }))
  const mirror = await startMirror(t, file)
  await untilRecords(mirror, target, 'east.entries', records.length)
  const there = await readTopic(target.bootstrapServers, 'east.entries')
  const placeOf = (value: Buffer | null): bigint =>
    BigInt(there.find(each => String(each.value) === String(value))?.offset ?? -1)
  await mirror.until('the exact offset of the group', async () =>
    (await atTarget.groupOffsets(['old']))[0]?.offsets[0]?.offset === placeOf(old.value))
  assert.equal((await mirror.stop()).code, 0)

  const progress = await positionOf(target.bootstrapServers, 'entries', 0)
  const answer = translate(offsetMapOf(progress), BigInt(old.offset), progress)
  assert.equal(answer.kind, 'thinned', 'or the test shows nothing')
  for (const record of [records[20], old, records[500]]) {
    assert.ok(record !== undefined)
    const [upstream, downstream] = [String(record.offset), String(placeOf(record.value))]
    // Both names of the topic are understood.
    for (const [topic, offset, to, field, ...back] of [
      ['entries', upstream, downstream, 'targetOffset'],
      ['east.entries', downstream, upstream, 'sourceOffset', '--back']
    ] as const) {
      const { stdout } = await runCommand(['offsets', 'translate', file, '-o', 'json', '--topic',
        topic, '--partition', '0', '--offset', offset, ...back])
      const [row] = JSON.parse(stdout) as ReadonlyArray<Readonly<Record<string, string>>>
      assert.deepEqual([row?.['kind'], row?.[field]], ['exact', to], stdout)
    }
  }
})

/** Few keys, so that a cleaner removes records; values that no codec makes smaller. */
function numbered (count: number, first = 0): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `key ${index % 13}`, value: `${first + index} ${randomBytes(350).toString('hex')}`,
    partition: 0
  }))
}
