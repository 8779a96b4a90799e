// The records of the progress topic: what is written is read again, and what is not ours is left.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeProgress, encodeProgress, type ProgressRecord
} from '../../../src/orchestrator/progress/progress.ts'

const offset = fc.bigInt(0n, 2n ** 63n - 1n)
// As decodeProgress makes them; fast-check would also try objects without a prototype.
const plain = { noNullPrototype: true }
const point = { upstream: offset, downstream: offset, sequence: fc.nat(2 ** 31 - 1) }
const epochs = {
  leaderEpoch: fc.nat(2 ** 31 - 1),
  earlierEpochs: fc.array(fc.record({ epoch: fc.integer({ min: -1 }), end: offset }, plain))
}
const records: fc.Arbitrary<ProgressRecord> = fc.oneof(
  fc.record({
    kind: fc.constant('producer' as const),
    producer: fc.record({ producerId: offset, producerEpoch: fc.nat(32_767) }, plain)
  }, plain),
  fc.record({
    kind: fc.constant('partition' as const),
    source: fc.record({ topic: fc.string({ minLength: 1 }), partition: fc.nat() }, plain),
    progress: fc.oneof(
      fc.record({ ...point, history: fc.array(fc.record(point, plain)) }, {
        ...plain, requiredKeys: ['upstream', 'downstream', 'sequence']
      }),
      fc.record({ ...point, ...epochs }, plain)
    ),
    producerId: offset
  }, plain))

function bytes (value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

const key = { topic: 'orders', partition: 3 }
const value = { version: 1, upstream: '10', downstream: '9', sequence: 9, producerId: '4000' }

describe('progress records', () => {
  test('come back as they were written, offsets to the last digit', () => {
    fc.assert(fc.property(records, record => {
      const encoded = encodeProgress(record)
      assert.deepEqual(decodeProgress(encoded.key, encoded.value), record)
    }))
  })

  test('are the same bytes in every version: kept topics must stay readable', () => {
    const encoded = encodeProgress({
      kind: 'partition',
      source: { topic: 'orders', partition: 3 },
      progress: { upstream: 10n, downstream: 9n, sequence: 9 },
      producerId: 4000n
    })
    assert.equal(encoded.key.toString(), '{"topic":"orders","partition":3}')
    assert.equal(encoded.value.toString(), '{"version":1,"upstream":"10","downstream":"9",' +
      '"sequence":9,"producerId":"4000"}')
    const withHistory = encodeProgress({
      kind: 'partition',
      source: { topic: 'orders', partition: 3 },
      progress: {
        upstream: 10n,
        downstream: 9n,
        sequence: 9,
        history: [{ upstream: 1n, downstream: 0n, sequence: 0 }]
      },
      producerId: 4000n
    })
    assert.equal(withHistory.value.toString(), '{"version":1,"upstream":"10","downstream":"9",' +
      '"sequence":9,"producerId":"4000","history":[["1","0",0]]}')
    const producer = encodeProgress(
      { kind: 'producer', producer: { producerId: 4000n, producerEpoch: 0 } })
    assert.equal(producer.key.toString(), '{"producer":true}')
    assert.equal(producer.value.toString(), '{"version":1,"producerId":"4000","producerEpoch":0}')
  })

  test('keep one key a partition, so that compaction keeps the newest of each', () => {
    const at = (upstream: bigint, partition: number): string => encodeProgress({
      kind: 'partition',
      source: { topic: 'orders', partition },
      progress: { upstream, downstream: 0n, sequence: 0 },
      producerId: 1n
    }).key.toString()
    assert.equal(at(1n, 0), at(2n, 0))
    assert.notEqual(at(1n, 0), at(1n, 1))
  })

  test('whatever else stands in the topic is left out and breaks nothing', () => {
    fc.assert(fc.property(
      fc.option(fc.uint8Array()), fc.option(fc.uint8Array()), (anyKey, anyValue) => {
        const toBuffer = (some: Uint8Array | null): Buffer | null =>
          some === null ? null : Buffer.from(some)
        assert.equal(decodeProgress(toBuffer(anyKey), toBuffer(anyValue)), undefined)
      }))
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (anyKey, anyValue) => {
      assert.equal(decodeProgress(bytes(anyKey), bytes(anyValue)), undefined)
    }))
  })

  const foreign: ReadonlyArray<readonly [what: string, key: unknown, value: unknown]> = [
    ['a later version', key, { ...value, version: 2 }],
    ['no version', key, { ...value, version: undefined }],
    ['an offset as a number', key, { ...value, upstream: 10 }],
    ['a negative offset', key, { ...value, downstream: '-1' }],
    ['an offset of twenty digits', key, { ...value, upstream: '1'.repeat(20) }],
    ['a sequence that is no count', key, { ...value, sequence: 1.5 }],
    ['a partition that is no count', { ...key, partition: -1 }, value],
    ['no topic', { partition: 0 }, value],
    ['no producer id', key, { ...value, producerId: undefined }],
    ['a producer without an epoch', { producer: true }, { version: 1, producerId: '1' }],
    ['a list', [key], [value]],
    ['text that is no JSON', '{', '}']
  ]
  for (const [what, foreignKey, foreignValue] of foreign) {
    test(`${what} is left out`, () => {
      assert.equal(decodeProgress(bytes(foreignKey), bytes(foreignValue)), undefined)
    })
  }

  test('a tombstone is left out', () => {
    assert.equal(decodeProgress(bytes(key), null), undefined)
    assert.equal(decodeProgress(null, bytes(value)), undefined)
  })
})
