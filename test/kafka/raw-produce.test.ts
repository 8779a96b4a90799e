// Hand-built batches: brokers keep correct ones unchanged, and refuse wrong ones.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startKafkaCluster } from './cluster.ts'
import { readTopic } from './kafka-consumer.ts'
import { buildBatch, crc32c, type RawRecord } from './raw-batch.ts'
import { readRawLog } from './raw-log.ts'
import { produceRaw } from './raw-produce.ts'

// CORRUPT_MESSAGE
const corrupt = 2

describe('raw batches', { timeout: 90_000 }, () => {
  test('have the checksum of the known vector', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xE3069283)
  })

  test('are kept byte for byte, with contents that no client here can write', async t => {
    const cluster = await startKafkaCluster(t)
    await cluster.createTopic('odd')
    const binary = Buffer.from([0xFF, 0, 0x80])
    const records: RawRecord[] = [
      { key: null, value: null, headers: [['binary', binary], ['empty', null]] },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), timestampDelta: 70_000 },
      { key: Buffer.alloc(200, 1), value: Buffer.alloc(300, 2), timestampDelta: 5 }
    ]
    const baseTimestamp = 1_700_000_000_000
    const plain = buildBatch(records, { baseTimestamp })
    const zipped = buildBatch(records, { baseTimestamp, attributes: 1, compress: gzipSync })
    assert.deepEqual(await produceRaw(cluster, 'odd', 0, plain), { errorCode: 0, baseOffset: 0 })
    assert.deepEqual(await produceRaw(cluster, 'odd', 0, zipped), { errorCode: 0, baseOffset: 3 })

    const batches = readRawLog(cluster.brokers[0]?.logDir ?? '', 'odd', 0)
    assert.deepEqual(batches.map(b => b.payload), [plain.subarray(61), zipped.subarray(61)])
    assert.deepEqual(batches.map(b => b.maxTimestamp), [1_700_000_070_000n, 1_700_000_070_000n])
    const read = await readTopic(cluster.bootstrapServers, 'odd')
    assert.deepEqual(read.map(r => r.timestamp - baseTimestamp), [0, 70_000, 5, 0, 70_000, 5])
    assert.deepEqual(read[3]?.headers[0], ['binary', binary])
    assert.equal(read[2]?.value?.length, 300)
  })

  test('are refused by the broker when the checksum is wrong', async t => {
    const cluster = await startKafkaCluster(t)
    await cluster.createTopic('odd')
    const batch = buildBatch([{ value: Buffer.from('x') }], { crc: 1 })
    assert.equal((await produceRaw(cluster, 'odd', 0, batch)).errorCode, corrupt)
    assert.deepEqual(await cluster.admin.offsets('odd', 0), { low: 0, high: 0 })
  })
})
