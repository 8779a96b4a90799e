// Batches that cannot be forwarded unchanged: consumers of the target read the same records as
// consumers of the source, and the reason is counted.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce, type Codec, type ProducedRecord } from '../kafka/kafka-producer.ts'
import {
  alterTopicConfig, compactedTopicConfigs, deleteRecords, untilCompacted, untilLogRests
} from '../kafka/partition-operations.ts'
import { gapCount } from '../kafka/raw-log.ts'
import {
  assertSamePayloads, assertSameRecords, rawBatches, remoteOf, untilRecords
} from './comparison.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const firstTimestamp = 1_700_000_000_000
const oneMegabyte = 1024 * 1024
const neverCleaned = {
  'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': String(2n ** 63n - 1n)
}

describe('record batches that are re-encoded', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('a compacted topic with gaps arrives as its consumers read it, in order', async t => {
    const { source, target } = clusters
    const codecs: Codec[] = ['none', 'lz4', 'zstd']
    await source.createTopic('compacted',
      { partitions: codecs.length, configs: compactedTopicConfigs })
    for (const [partition, codec] of codecs.entries()) {
      await produce(source.bootstrapServers, 'compacted',
        updates(400).map(record => ({ ...record, partition })),
        { codec, lingerMs: 50, batchRecordsMax: 100 })
      const batches = await untilCompacted(source, 'compacted', partition)
      assert.ok(gapCount(batches) > 50, `${gapCount(batches)} gaps`)
    }
    // From here on neither side cleans: the records that were read can be compared. A pass that has
    // begun still ends.
    await alterTopicConfig(source, 'compacted', neverCleaned)
    await untilLogRests(source, 'compacted', codecs.length)

    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'compacted' }))
    const mirror = await startMirror(t, file)
    const upstream = codecs.flatMap((_, partition) => rawBatches(source, 'compacted', partition))
    const count = upstream.reduce((sum, batch) => sum + batch.recordCount, 0)
    await untilRecords(mirror, target, 'east.compacted', count)
    assert.equal((await mirror.stop()).code, 0)
    await assertSameRecords(clusters, remoteOf('compacted'))
    for (const [partition, codec] of codecs.entries()) {
      const mirrored = rawBatches(target, 'east.compacted', partition)
      assert.ok(mirrored.some(batch => batch.codec === codec && batch.recordCount > 1))
    }
    const thinned = upstream.filter(batch => batch.thinned && batch.recordCount > 0)
    assert.ok(thinned.length >= codecs.length)
    assert.deepEqual(mirror.summary().flows[0]?.reencoded, { compacted: thinned.length })
  })

  test('consumers of both sides of a LogAppendTime topic see the same timestamps', async t => {
    const { source, target } = clusters
    await source.createTopic('append-time',
      { configs: { 'message.timestamp.type': 'LogAppendTime' } })
    await produce(source.bootstrapServers, 'append-time', updates(200),
      { codec: 'lz4', batchRecordsMax: 40 })
    const upstream = rawBatches(source, 'append-time', 0)
    assert.equal(upstream.every(batch => batch.logAppendTime), true)
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'append-time' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.append-time', 200)
    assert.equal((await mirror.stop()).code, 0)
    const read = await assertSameRecords(clusters, remoteOf('append-time'))
    assert.equal(read.every(record => record.timestamp > firstTimestamp + oneMegabyte), true)
    assert.deepEqual(mirror.summary().flows[0]?.reencoded, { log_append_time: upstream.length })
  })

  test('with keep.producer.timestamps a LogAppendTime topic passes through', async t => {
    const { source, target } = clusters
    await source.createTopic('producer-time',
      { configs: { 'message.timestamp.type': 'LogAppendTime' } })
    const records = updates(200)
    await produce(source.bootstrapServers, 'producer-time', records,
      { codec: 'lz4', batchRecordsMax: 40 })
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': 'producer-time', 'keep.producer.timestamps': true }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.producer-time', 200)
    assert.equal((await mirror.stop()).code, 0)
    const payloads = (topic: string, cluster = target): string[] =>
      rawBatches(cluster, topic, 0).map(batch => batch.payloadHash)
    assert.deepEqual(payloads('east.producer-time'), payloads('producer-time', source))
    const read = await readTopic(target.bootstrapServers, 'east.producer-time')
    assert.deepEqual(read.map(record => record.timestamp), records.map(r => r.timestamp))
    assert.deepEqual(mirror.summary().flows[0]?.reencoded, {})
  })

  test('records of 10 MB pass through to a topic that has the source topic\'s settings',
    async t => {
      const { source, target } = clusters
      await source.createTopic('large',
        { configs: { 'max.message.bytes': String(16 * oneMegabyte) } })
      const records = Array.from({ length: 3 }, (_, index) =>
        ({ key: `large-${index}`, value: noise(10 * oneMegabyte, index), partition: 0 }))
      await produce(source.bootstrapServers, 'large', records)
      const file = createPropertiesFile(t,
        flowProperties(clusters, { 'east->west.topics': 'large' }))
      const mirror = await startMirror(t, file)
      await untilRecords(mirror, target, 'east.large', records.length)
      assert.equal((await mirror.stop()).code, 0)
      await assertSamePayloads(clusters, remoteOf('large'))
      assert.deepEqual(mirror.summary().flows[0]?.reencoded, {})
    })

  test('batches larger than the target accepts are split, and no record is lost', async t => {
    const { source, target } = clusters
    await source.createTopic('wide')
    await target.createTopic('east.wide', { configs: { 'max.message.bytes': '20000' } })
    const records = updates(600).map((record, index) =>
      ({ ...record, value: noise(700, index).toString('hex') }))
    await produce(source.bootstrapServers, 'wide', records,
      { codec: 'zstd', lingerMs: 100, batchRecordsMax: 150 })
    const tooLarge = rawBatches(source, 'wide', 0).filter(batch => batch.byteCount > 20_000).length
    assert.ok(tooLarge > 0)
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topics': 'wide' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.wide', records.length)
    assert.equal((await mirror.stop()).code, 0)
    await assertSameRecords(clusters, remoteOf('wide'))
    const parts = rawBatches(target, 'east.wide', 0)
    assert.equal(parts.some(batch => batch.byteCount > 20_000), false)
    // The parts count as batches, too.
    const [flow] = mirror.summary().flows
    assert.equal(flow?.batches, parts.length)
    assert.deepEqual(flow?.reencoded,
      { too_large: parts.length - (flow?.batchesPassedThrough ?? 0) })
    assert.ok(parts.length > tooLarge)
  })

  test('a record larger than the target accepts stops only its partition, with a clear error',
    async t => {
      const { source, target } = clusters
      await source.createTopic('heavy', { partitions: 2 })
      await target.createTopic('east.heavy',
        { partitions: 2, configs: { 'max.message.bytes': '20000' } })
      const light = { value: 'light', partition: 0 }
      await produce(source.bootstrapServers, 'heavy',
        [light, { value: noise(30_000, 1), partition: 0 }, light, { ...light, partition: 1 }],
        { batchRecordsMax: 1 })
      const file = createPropertiesFile(t,
        flowProperties(clusters, { 'east->west.topics': 'heavy' }))
      const mirror = await startMirror(t, file)
      const line = await mirror.untilLogged('the fault', ({ level }) => level === 'error')
      assert.match(line.text, /heavy-0 is faulted: .*larger than the target topic accepts/)
      assert.match(JSON.stringify(line), /max\.message\.bytes|RECORD_TOO_LARGE/)
      await untilRecords(mirror, target, 'east.heavy', 2)
      await produce(source.bootstrapServers, 'heavy', [{ ...light, partition: 1 }])
      await untilRecords(mirror, target, 'east.heavy', 3)
      assert.equal((await mirror.stop()).code, 0)
      assert.deepEqual(await target.admin.offsets('east.heavy', 0), { low: 0, high: 1 })
      assert.deepEqual(await target.admin.offsets('east.heavy', 1), { low: 0, high: 2 })
    })

  test('of a batch whose beginning was deleted only the remaining records arrive', async t => {
    const { source, target } = clusters
    await source.createTopic('trimmed')
    await produce(source.bootstrapServers, 'trimmed', updates(90),
      { codec: 'gzip', lingerMs: 200, batchRecordsMax: 30 })
    const cut = rawBatches(source, 'trimmed', 0)[1]
    assert.ok(cut !== undefined && cut.recordCount > 10)
    await deleteRecords(source, 'trimmed', 0, cut.baseOffset + 7)
    const left = 90 - cut.baseOffset - 7
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'trimmed' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.trimmed', left)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal((await assertSameRecords(clusters, remoteOf('trimmed'))).length, left)
    assert.deepEqual(mirror.summary().flows[0]?.reencoded, { mid_batch: 1 })
  })
})

/** Most of them with one of a few keys, so that compaction removes many; numbered and timed. */
function updates (count: number): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: index % 9 === 0 ? `once-${index}` : `often-${index % 4}`,
    value: index % 31 === 0 ? null : `value ${index} `.repeat(5),
    headers: [['index', String(index)]] as const,
    timestamp: firstTimestamp + index * 3,
    partition: 0
  }))
}

/** Bytes that no codec makes smaller, the same in every run (xorshift32). */
function noise (length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = seed + 1
  for (let at = 0; at < length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state & 0xFF
  }
  return bytes
}
