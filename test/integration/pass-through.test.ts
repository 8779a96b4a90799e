// A batch of the source arrives as the same batch: every codec, every kind of record, unchanged
// payload bytes.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { codecs, produce, type ProducedRecord } from '../kafka/kafka-producer.ts'
import { buildBatch } from '../kafka/raw-batch.ts'
import { produceRaw } from '../kafka/raw-produce.ts'
import {
  assertSamePayloads, assertSameRecords, remoteOf, untilRecords
} from './comparison.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const firstTimestamp = 1_700_000_000_000

function createRecords (count: number): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `key-${index % 97}`,
    value: `value ${index} `.repeat(1 + index % 40),
    headers: index % 3 === 0 ? [['trace', `id-${index}`], ['trace', 'again']] as const : [],
    timestamp: firstTimestamp + index * 7,
    partition: index % 3
  }))
}

describe('record batches that pass through', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('batches of every codec keep their payload bytes, and all of them pass through', async t => {
    const count = 3000
    for (const codec of codecs) {
      const topic = `codec-${codec}`
      await clusters.source.createTopic(topic, { partitions: 3 })
      await produce(clusters.source.bootstrapServers, topic, createRecords(count),
        { codec, lingerMs: 20, batchRecordsMax: 200 })
    }
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': 'codec-.*' }))
    const mirror = await startMirror(t, file)
    for (const codec of codecs) {
      await untilRecords(mirror, clusters.target, `east.codec-${codec}`, count)
    }
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })

    let batches = 0
    for (const codec of codecs) {
      const mirrored = await assertSamePayloads(clusters, remoteOf(`codec-${codec}`))
      assert.deepEqual(new Set(mirrored.map(batch => batch.codec)), new Set([codec]))
      batches += mirrored.length
      assert.equal((await assertSameRecords(clusters, remoteOf(`codec-${codec}`))).length, count)
    }
    const [flow] = mirror.summary().flows
    assert.equal(flow?.records, count * codecs.length)
    assert.equal(flow?.batches, batches)
    assert.equal(flow?.batchesPassedThrough, batches)
    assert.deepEqual(flow?.reencoded, {})
    assert.deepEqual(flow?.errors, {})
  })

  test('null keys, null values, headers and timestamps arrive as they are',
    async t => {
      const { source, target } = clusters
      await source.createTopic('shapes', { partitions: 2 })
      const records: ProducedRecord[] = [
        { key: null, value: 'no key' },
        { key: 'no value', value: null },
        { key: null, value: null },
        { key: Buffer.from([0, 255, 128]), value: Buffer.from([255, 0, 1]) },
        { key: 'headers', value: 'x', headers: [['a', '1'], ['a', ''], ['ü', 'é'], ['b', '2']] }
      ]
      const written = records.flatMap((record, index) => [0, 1].map(partition =>
        // Timestamps that decrease or stay equal pass through, too.
        ({ ...record, partition, timestamp: firstTimestamp - (index % 4) * 60_000 })))
      await produce(source.bootstrapServers, 'shapes', written, { codec: 'zstd', lingerMs: 50 })
      const file = createPropertiesFile(t, flowProperties(clusters,
        { 'east->west.topics': 'shapes' }))
      const mirror = await startMirror(t, file)
      await untilRecords(mirror, target, 'east.shapes', written.length)
      assert.equal((await mirror.stop()).code, 0)

      const mirrored = await assertSameRecords(clusters, remoteOf('shapes'))
      await assertSamePayloads(clusters, remoteOf('shapes'))
      const first = mirrored.filter(record => record.partition === 0)
      assert.deepEqual(first.map(({ key, timestamp, value }) => ({ key, timestamp, value })),
        records.map(({ key, value }, index) => ({
          key: bytesOf(key ?? null),
          timestamp: firstTimestamp - (index % 4) * 60_000,
          value: bytesOf(value)
        })))
      assert.deepEqual(first.at(-1)?.headers.map(([name, bytes]) => [name, bytes.toString()]),
        [['a', '1'], ['a', ''], ['ü', 'é'], ['b', '2']])
    })

  test('empty and null keys, values and headers are distinguished', async t => {
    const { source, target } = clusters
    await source.createTopic('nothings')
    const nothings = [null, Buffer.alloc(0)]
    const records = nothings.flatMap(key => nothings.flatMap(value => nothings.map(header =>
      ({ key, value, headers: [['', header], ['name', Buffer.from([0, 255])]] as const }))))
    const sent = await produceRaw(source, 'nothings', 0, buildBatch(records))
    assert.equal(sent.errorCode, 0)
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'nothings' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.nothings', records.length)
    assert.equal((await mirror.stop()).code, 0)
    await assertSamePayloads(clusters, remoteOf('nothings'))
  })

  test('the counters of /metrics equal those of the summary at the end', async t => {
    const { source, target } = clusters
    await source.createTopic('counted', { partitions: 3 })
    await produce(source.bootstrapServers, 'counted', createRecords(900), { lingerMs: 20 })
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'counted' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.counted', 900)
    const topic = '{source="east",target="west",topic="counted"}'
    const value = async (name: string): Promise<number | undefined> =>
      (await mirror.metrics()).series.get(`longhaul_${name}${topic}`)
    await mirror.until('the count of records', async () =>
      await value('records_forwarded_total') === 900)
    const batches = await value('batches_forwarded_total')
    assert.equal(await value('batches_passed_through_total'), batches)
    await mirror.until('no lag', async () => await value('lag_records') === 0)
    assert.equal((await mirror.stop()).code, 0)
    const [flow] = mirror.summary().flows
    assert.equal(flow?.records, 900)
    assert.equal(flow?.batches, batches)
    assert.equal(flow?.topics, 1)
  })
})

function bytesOf (value: string | Buffer | null): Buffer | null {
  return typeof value === 'string' ? Buffer.from(value) : value
}
