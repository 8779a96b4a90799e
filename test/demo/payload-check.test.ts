// Raw batches: fetched from an embedded cluster, read by an independent lz4 decoder, and compared.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { decompressFrameSync } from 'lz4-napi'
import { openEmbeddedCluster } from '../../src/orchestrator/cluster/native-mock-cluster.ts'
import {
  BatchConnection, splitBatches, type StoredBatch
} from '../../src/demo/batch-fetch.ts'
import { DemoRecords } from '../../src/demo/demo-record.ts'
import {
  demoCodecs, type DemoCodec, type DemoTopic
} from '../../src/demo/demo-topics.ts'
import { comparePayloads, PayloadCount } from '../../src/demo/payload-check.ts'
import { writeRecords } from '../../src/demo/record-writer.ts'
import { systemClock } from '../../src/orchestrator/time/clock.ts'

const lz4Attribute = 3

/**
 * The batches of two topics with one partition, one for each codec, written by the demo's
 * producers.
 */
async function writtenBatches (
  t: TestContext, records: number
): Promise<Readonly<Record<DemoCodec, readonly StoredBatch[]>>> {
  const cluster = openEmbeddedCluster(1)
  t.after(() => { cluster.close() })
  const topics = demoCodecs.map((codec): DemoTopic =>
    ({ name: codec, remoteName: codec, partitions: 1, codec }))
  for (const { name } of topics) {
    cluster.createTopic({ name, partitions: 1, replicationFactor: 1 })
  }
  await writeRecords({
    client: { 'bootstrap.servers': cluster.bootstrapServers() },
    topics,
    records: new DemoRecords(256),
    settings: { records, seconds: 0, recordBytes: 256, topics: topics.length },
    clock: systemClock,
    stopped: new AbortController().signal
  })
  const [host = '', port = ''] = cluster.bootstrapServers().split(':')
  const connection = await BatchConnection.open(host, Number(port))
  t.after(() => { connection.close() })
  const [lz4, none] = await Promise.all([
    fetchAll(connection, 'lz4', records / 2), fetchAll(connection, 'none', records / 2)])
  return { lz4, none }
}

async function fetchAll (
  connection: BatchConnection, topic: string, records: number
): Promise<readonly StoredBatch[]> {
  const batches: StoredBatch[] = []
  for (let offset = 0; offset < records; offset = batches.at(-1)?.nextOffset ?? records) {
    batches.push(...await connection.fetch(topic, 0, offset))
  }
  return batches
}

async function * stream (batches: readonly StoredBatch[]): AsyncGenerator<StoredBatch> {
  yield * batches
}

async function compare (source: readonly StoredBatch[], target: readonly StoredBatch[]) {
  const count = new PayloadCount()
  const differences: Array<readonly [number, string]> = []
  await comparePayloads({
    source: stream(source),
    target: stream(target),
    count,
    onDifference: (offset, what) => { differences.push([offset, what]) }
  })
  return { count, differences }
}

function batch (baseOffset: number, payload: string, more: Partial<StoredBatch> = {}): StoredBatch {
  return {
    baseOffset,
    nextOffset: baseOffset + 10,
    attributes: lz4Attribute,
    recordCount: 10,
    baseTimestampMs: 1n,
    maxTimestampMs: 2n,
    payload: Buffer.from(payload),
    ...more
  }
}

describe('raw batches', () => {
  test('of the lz4 producer are lz4 frames with the records', async t => {
    const { lz4, none } = await writtenBatches(t, 2000)
    assert.ok(lz4.every(({ attributes }) => (attributes & 7) === lz4Attribute))
    assert.ok(none.every(({ attributes }) => (attributes & 7) === 0))
    const decoded = Buffer.concat(lz4.map(({ payload }) => decompressFrameSync(payload)))
    const stored = Buffer.concat(none.map(({ payload }) => payload))
    for (const n of [0, 1, 500, 999]) {
      assert.ok(decoded.includes(`{"record":${n},`), `record ${n}`)
      assert.ok(stored.includes(`{"record":${n},`), `record ${n}`)
    }
    const compressed = lz4.reduce((sum, { payload }) => sum + payload.length, 0)
    assert.ok(compressed < decoded.length * 0.9)
    assert.equal(lz4.reduce((sum, { recordCount }) => sum + recordCount, 0), 1000)
  })

  test('are compared byte by byte', async () => {
    const source = [batch(0, 'one'), batch(10, 'two'), batch(20, 'three', { attributes: 0 })]
    const same = await compare(source, source)
    assert.deepEqual(same.differences, [])
    assert.deepEqual([same.count.kept, same.count.keptByCodec], [3, { lz4: 2, none: 1 }])

    const changed = await compare(source, [batch(0, 'one'), batch(10, 'twO'), ...source.slice(2)])
    assert.deepEqual(changed.differences, [[10, 'a batch with other payload bytes']])
    assert.deepEqual([changed.count.batches, changed.count.kept], [3, 2])
  })

  test('that were cut, joined, re-encoded or have new timestamps lost their payload', async () => {
    const source = [batch(0, 'one'), batch(10, 'two')]
    const found = async (target: readonly StoredBatch[]) =>
      (await compare(source, target)).differences.map(([, what]) => what)
    assert.match((await found([batch(0, 'one', { nextOffset: 5, recordCount: 5 })])).join(),
      /of 5 records, of 10/)
    assert.match((await found([batch(0, 'one'), batch(15, 'two')])).join(), /no batch .* begins/)
    assert.match((await found([batch(0, 'one', { attributes: 0 })])).join(), /another codec/)
    assert.match((await found([batch(0, 'one', { maxTimestampMs: 3n })])).join(), /timestamps/)
  })

  test('that a response truncates are left for the next Fetch', async () => {
    assert.deepEqual(splitBatches(Buffer.alloc(60)), [])
    const whole = Buffer.alloc(70)
    whole.writeInt32BE(70 - 12, 8)
    whole.writeInt8(2, 16)
    whole.writeInt32BE(4, 23)
    assert.equal(splitBatches(whole)[0]?.nextOffset, 5)
    assert.deepEqual(splitBatches(whole.subarray(0, 69)), [])
    whole.writeInt32BE(-70, 8)
    assert.throws(() => splitBatches(whole), /a batch of -58 bytes/)
  })
})
