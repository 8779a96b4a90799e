// Records of MirrorMaker 2's internal topics, compared with bytes from Kafka's classes: those of
// connect-mirror 4.1.0, by recordKey() and recordValue() of
//   new Heartbeat("east", "wést", 1764257400123L)
//   new Checkpoint("billing", new TopicPartition("east.orders", 3), 5000000000L, 4999999998L, "né")
//   new OffsetSync(new TopicPartition("orders", 70000), 5000000000L, -1L)
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeCheckpoint, decodeHeartbeat, decodeOffsetSync, encodeCheckpoint, encodeHeartbeat,
  encodeOffsetSync, type InternalRecord
} from '../../../src/orchestrator/mirror-maker/internal-records.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'

const heartbeat = { sourceAlias: 'east', targetAlias: 'wést', timestampMs: 1_764_257_400_123 }
const checkpoint = {
  group: 'billing',
  topic: 'east.orders',
  partition: 3,
  upstream: 5_000_000_000n,
  downstream: 4_999_999_998n,
  metadata: 'né'
}
const sync = { topic: 'orders', partition: 70_000, upstream: 5_000_000_000n, downstream: -1n }

const heartbeatHex = ['000465617374000577c3a97374', '00000000019ac5ef853b'] as const
const checkpointHex = [
  '000762696c6c696e67000b656173742e6f726465727300000003',
  '0000000000012a05f200000000012a05f1fe00036ec3a9'
] as const
const syncHex = ['00066f726465727300011170', '000000012a05f200ffffffffffffffff'] as const

const fromHex = ([key, value]: readonly [string, string]): InternalRecord =>
  ({ key: Buffer.from(key, 'hex'), value: Buffer.from(value, 'hex') })

test('a record has the bytes that the classes of MirrorMaker 2 write', () => {
  assert.deepEqual(encodeHeartbeat(heartbeat), fromHex(heartbeatHex))
  assert.deepEqual(encodeCheckpoint(checkpoint), fromHex(checkpointHex))
  assert.deepEqual(encodeOffsetSync(sync), fromHex(syncHex))
})

test('a record that MirrorMaker 2 wrote is read', () => {
  assert.deepEqual(decodeHeartbeat(fromHex(heartbeatHex)), heartbeat)
  assert.deepEqual(decodeCheckpoint(fromHex(checkpointHex)), checkpoint)
  assert.deepEqual(decodeOffsetSync(fromHex(syncHex)), sync)
})

const text = fc.string({ unit: 'grapheme', maxLength: 300 })
const int32 = fc.integer({ min: 0, max: 0x7fffffff })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const plain = { noNullPrototype: true }
const anyHeartbeat = fc.record(
  { sourceAlias: text, targetAlias: text, timestampMs: fc.maxSafeInteger() }, plain)
const anyCheckpoint = fc.record({
  group: text, topic: text, partition: int32, upstream: int64, downstream: int64, metadata: text
}, plain)
const anySync = fc.record(
  { topic: text, partition: int32, upstream: int64, downstream: int64 }, plain)

test('every written record reads back the same', () => {
  fc.assert(fc.property(anyHeartbeat, anyCheckpoint, anySync, (beat, point, offsets) => {
    assert.deepEqual(decodeHeartbeat(encodeHeartbeat(beat)), beat)
    assert.deepEqual(decodeCheckpoint(encodeCheckpoint(point)), point)
    assert.deepEqual(decodeOffsetSync(encodeOffsetSync(offsets)), offsets)
  }))
})

const decoders = [
  ['heartbeat', decodeHeartbeat, fromHex(heartbeatHex)],
  ['checkpoint', decodeCheckpoint, fromHex(checkpointHex)],
  ['offset sync', decodeOffsetSync, fromHex(syncHex)]
] as const

const refused = (thrown: unknown): boolean =>
  thrown instanceof ReplicatorError && thrown.errorName === 'INTERNAL_RECORD_UNREADABLE'

test('a record that ends too early is refused at each length, key and value', () => {
  for (const [name, decode, { key, value }] of decoders) {
    for (let length = 0; length < key.length; length++) {
      const cut = { key: key.subarray(0, length), value }
      assert.throws(() => decode(cut), refused, `${name}, key of ${length} bytes`)
    }
    for (let length = 0; length < value.length; length++) {
      const cut = { key, value: value.subarray(0, length) }
      assert.throws(() => decode(cut), refused, `${name}, value of ${length} bytes`)
    }
  }
})

test('a version that this build does not know is refused, not read as another', () => {
  for (const [, decode, { key, value }] of decoders.slice(0, 2)) {
    for (const version of [1, -1]) {
      const later = Buffer.from(value)
      later.writeInt16BE(version)
      assert.throws(() => decode({ key, value: later }),
        { message: new RegExp(`it has version ${version}, and 0 is the only known`) })
    }
  }
})

// Kafka's classes read the fields that they know, and ignore the rest.
test('bytes after the last field are ignored', () => {
  for (const [, decode, { key, value }] of decoders) {
    const longer = { key, value: Buffer.concat([value, Buffer.from([1, 2, 3])]) }
    assert.deepEqual(decode(longer), decode({ key, value }))
  }
})

test('a negative length of a string is refused', () => {
  const key = Buffer.from(fromHex(heartbeatHex).key)
  key.writeInt16BE(-1)
  assert.throws(() => decodeHeartbeat({ ...fromHex(heartbeatHex), key }), refused)
})

test('a string that no MirrorMaker 2 could read is not written', () => {
  const metadata = 'é'.repeat(16_384) // 32,768 bytes
  assert.throws(() => encodeCheckpoint({ ...checkpoint, metadata }), refused)
  const longest = `${'é'.repeat(16_383)}e` // 32,767 bytes
  assert.equal(decodeCheckpoint(encodeCheckpoint({ ...checkpoint, metadata: longest })).metadata,
    longest)
})
