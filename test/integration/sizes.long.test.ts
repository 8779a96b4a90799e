// Very large batches on brokers that allow them: they pass with Longhaul's defaults, and a batch
// above a limit of Longhaul is refused with the name of the limit.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce, TestProducer } from '../kafka/kafka-producer.ts'
import { assertSamePayloads, rawBatches, remoteOf, untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const mebibyte = 1024 * 1024
const large = { 'max.message.bytes': String(80 * mebibyte) }
const producer = {
  lingerMs: 2_000,
  properties: {
    'message.max.bytes': 600 * mebibyte,
    'batch.size': 600 * mebibyte,
    'queue.buffering.max.kbytes': 1024 * 1024
  }
}
const brokers = {
  jvm: { heapMb: 1536 },
  config: {
    'message.max.bytes': String(80 * mebibyte),
    'replica.fetch.max.bytes': String(80 * mebibyte),
    'socket.request.max.bytes': String(200 * mebibyte)
  }
}

describe('large batches', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(brokers) })
  after(async () => { await clusters.close() })

  test('of 64 MB as stored pass unchanged', async t => {
    const { source, target } = clusters
    await source.createTopic('stored', { configs: large })
    const records = Array.from({ length: 2 }, (_, index) =>
      ({ value: Buffer.alloc(64_000_000, `record ${index} `), partition: 0 }))
    await produce(source.bootstrapServers, 'stored', records,
      { ...producer, batchRecordsMax: 1 })
    const mirror = await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'stored' })))
    await untilRecords(mirror, target, 'east.stored', records.length)
    assert.equal((await mirror.stop()).code, 0)
    await assertSamePayloads(clusters, remoteOf('stored'))
    assert.deepEqual(mirror.summary().flows[0]?.reencoded, {})
  })

  test('that inflate to 200 MB pass unchanged, or re-encoded if necessary', async t => {
    const { source, target } = clusters
    await source.createTopic('inflated', { configs: large })
    await source.createTopic('inflated-anew',
      { configs: { ...large, 'message.timestamp.type': 'LogAppendTime' } })
    for (const topic of ['inflated', 'inflated-anew']) await produceInflating(source, topic, 20)
    const mirror = await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'inflated.*' })))
    await untilRecords(mirror, target, 'east.inflated', 20)
    await untilRecords(mirror, target, 'east.inflated-anew', 20)
    assert.equal((await mirror.stop()).code, 0)
    await assertSamePayloads(clusters, remoteOf('inflated'))
    assert.deepEqual(mirror.summary().flows[0]?.reencoded, { log_append_time: 1 })
  })

  test('that inflate to more than decoded.bytes.max are refused with its name', async t => {
    const { source } = clusters
    await source.createTopic('bomb',
      { configs: { ...large, 'message.timestamp.type': 'LogAppendTime' } })
    await produceInflating(source, 'bomb', 30)
    const mirror = await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'bomb' })))
    const line = await mirror.untilLogged('the fault', ({ text }) =>
      text.includes('decoded.bytes.max'))
    assert.match(line.text, /BATCH_DECODED_TOO_LARGE/)
    assert.equal((await mirror.stop()).code, 0)
  })
})

/** One batch of this many records of 10 MB each. */
async function produceInflating (
  source: MirroredClusters['source'], topic: string, count: number
): Promise<void> {
  const opened = await TestProducer.open(source.bootstrapServers, { ...producer, codec: 'zstd' })
  try {
    // Not by sendAll(), which writes a batch after this many bytes.
    const values = Array.from({ length: count }, (_, index) =>
      Buffer.alloc(10_000_000, `record ${index} `))
    await Promise.all(values.map(async value =>
      await opened.send(topic, { value, partition: 0 })))
  } finally {
    await opened.close()
  }
  assert.equal(rawBatches(source, topic, 0).length, 1)
}
