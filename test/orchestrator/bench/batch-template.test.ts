// Batches of a load: the same bytes for the same seed, and checksums that hold after each stamp.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decompressFrameSync } from 'lz4-napi'
import { gunzipSync } from 'node:zlib'
import {
  benchCodecs, buildTemplate, findZstd, recordsOfBatch, stampBatch, timestampDelta, type BatchSpec
} from '../../../src/orchestrator/bench/batch-template.ts'
import { parseFetch } from '../../../src/orchestrator/bench/fetch-request.ts'
import { crc32c } from '../../kafka/raw-batch.ts'

const spec: BatchSpec =
  { records: 20, recordSize: 300, randomPercent: 50, codec: 'none', spanMs: 40 }

function decompress (codec: string, payload: Buffer): Buffer {
  if (codec === 'gzip') return gunzipSync(payload)
  return codec === 'lz4' ? decompressFrameSync(payload) : payload
}

/** Values and timestamp deltas, read byte by byte as the format describes them. */
function readRecords (payload: Buffer): Array<{ value: Buffer, deltaMs: number }> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = payload.readUInt8(at++)
      value |= (byte & 0x7F) << shift
      if (byte < 0x80) return value >>> 1 ^ -(value & 1)
    }
  }
  const records: Array<{ value: Buffer, deltaMs: number }> = []
  while (at < payload.length) {
    const length = varint()
    const end = at + length
    at++ // attributes
    const deltaMs = varint()
    assert.equal(varint(), records.length, 'offset delta')
    assert.equal(varint(), -1, 'no key')
    const size = varint()
    records.push({ value: payload.subarray(at, at + size), deltaMs })
    at += size
    assert.equal(varint(), 0, 'no headers')
    assert.equal(at, end)
  }
  return records
}

describe('a batch of a load', () => {
  test('has the same bytes for the same seed, and others for another', () => {
    const bytes = Buffer.from(buildTemplate(spec, 7).bytes)
    assert.ok(bytes.equals(buildTemplate(spec, 7).bytes))
    assert.ok(!bytes.equals(buildTemplate(spec, 8).bytes))
  })

  for (const codec of benchCodecs.filter(each => each !== 'zstd' || findZstd() !== undefined)) {
    test(`holds its records in ${codec}, with values of the stated size and chance`, () => {
      const template = buildTemplate({ ...spec, codec }, 1)
      if (codec === 'zstd') return
      const records = readRecords(decompress(codec, Buffer.from(template.bytes.subarray(61))))
      assert.equal(records.length, spec.records)
      for (const [i, { deltaMs, value }] of records.entries()) {
        assert.equal(value.length, spec.recordSize)
        assert.equal(deltaMs, timestampDelta(i, spec))
        assert.ok(value.subarray(150).equals(Buffer.alloc(300, 'longhaul ').subarray(150)))
      }
      assert.ok(new Set(records.map(({ value }) => value.toString('hex', 0, 150))).size === 20)
    })
  }

  test('keeps a right checksum and its records when its time is stamped', () => {
    for (const records of [1, 2, 63]) {
      const template = buildTemplate({ ...spec, records, recordSize: 1 + records * 17 }, records)
      for (const baseMs of [0, 1_700_000_000_123, 1_999_999_999_999]) {
        const batch = stampBatch(template, baseMs)
        assert.equal(batch.readUInt32BE(17), crc32c(batch.subarray(21)))
        assert.equal(batch.readBigInt64BE(27), BigInt(baseMs))
        assert.equal(batch.readBigInt64BE(35), BigInt(baseMs + template.spanMs))
        assert.ok(batch.subarray(61).equals(template.bytes.subarray(61)))
      }
    }
  })

  test('is not larger than its limit before compression, if it has two records', () => {
    for (const [batchSize, recordSize] of [[16_384, 1_000], [131_072, 10], [4_096, 900]] as const) {
      const records = recordsOfBatch(batchSize, recordSize)
      assert.ok(records > 1)
      const { bytes } = buildTemplate({ ...spec, records, recordSize }, 1)
      assert.ok(bytes.length <= batchSize, `${bytes.length} of ${batchSize}`)
      assert.ok(bytes.length > batchSize / 2)
    }
  })
})

describe('a Fetch response', () => {
  test('without its partitions is an error, not an empty one', () => {
    const refused = Buffer.alloc(14)
    refused.writeInt16BE(29, 4)
    assert.throws(() => parseFetch(refused), /error 29/)
  })
})
