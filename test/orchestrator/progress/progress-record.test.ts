// The records of the progress topic: written records read back the same; an unreadable record is an
// error if it may be a position, and is ignored if it cannot be one.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  decodeKey, decodeProgress, encodeFirstLook, encodeHistory, encodeMissing, encodeOffsetMap,
  encodePosition, encodeProducer, encodeTombstones, withHistory, type EncodedRecord,
  type FlowProducer, type HistoryOnRecord
} from '../../../src/orchestrator/progress/progress-record.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'
import { encodeVersion1, encodeVersion1Producer } from './version-1-record.ts'

const offset = fc.bigInt(0n, 2n ** 63n - 1n)
// Like those of decodeProgress; fast-check would also try objects without a prototype.
const plain = { noNullPrototype: true }
const count = fc.nat(2 ** 31 - 1)
const points = { upstream: offset, downstream: offset, sequence: count }
const positions: fc.Arbitrary<Progress> = fc.record({
  ...points, leaderEpoch: count, era: count, topicIds: fc.record({ source: fc.string() }, plain)
}, { ...plain, requiredKeys: ['upstream', 'downstream', 'sequence'] })
const histories: fc.Arbitrary<Progress> = fc.record({
  ...points,
  era: count,
  history: fc.array(fc.record(points, plain)),
  earlierEpochs: fc.array(fc.record({ epoch: fc.integer({ min: -1 }), end: offset }, plain))
}, plain)
const producers: fc.Arbitrary<FlowProducer> = fc.record({
  producerId: offset, producerEpoch: fc.nat(32_767), sourceClusterId: fc.string(),
  replacesClusterId: fc.string()
}, { ...plain, requiredKeys: ['producerId', 'producerEpoch'] })
const sources = fc.record({ topic: fc.string({ minLength: 1 }), partition: fc.nat() }, plain)

const source = { topic: 'orders', partition: 3 }
const key = { ...source }
const value = { version: 2, upstream: '10', downstream: '9', sequence: 9, producerId: '4000' }

function bytes (json: unknown): Buffer {
  return Buffer.from(typeof json === 'string' ? json : JSON.stringify(json))
}

const isNamed = (name: string, text: RegExp) => (error: ReplicatorError): boolean =>
  error.errorName === name && text.test(error.message)

describe('progress records', () => {
  test('read back the same, offsets to the last digit', () => {
    fc.assert(fc.property(sources, positions, offset, (of, progress, producerId) => {
      const encoded = encodePosition(of, progress, producerId)
      assert.deepEqual(decodeProgress(encoded.key, encoded.value),
        { kind: 'position', source: of, progress, producerId })
    }))
    fc.assert(fc.property(sources, histories, (of, progress) => {
      const { earlierEpochs, era, history } = progress
      const encoded = encodeHistory(of, progress)
      assert.deepEqual(decodeProgress(encoded.key, encoded.value), {
        kind: 'history', source: of, history: { era, points: history, epochs: earlierEpochs }
      })
    }))
    fc.assert(fc.property(producers, producer => {
      const encoded = encodeProducer(producer)
      assert.deepEqual(decodeProgress(encoded.key, encoded.value), { kind: 'producer', producer })
    }))
  })

  test('are the same bytes in every build: the next one must read them', () => {
    const progress: Progress = {
      upstream: 10n,
      downstream: 9n,
      sequence: 9,
      leaderEpoch: 4,
      earlierEpochs: [{ epoch: -1, end: 0n }],
      era: 1,
      topicIds: { source: 'a', target: 'b' },
      history: [{ upstream: 1n, downstream: 0n, sequence: 0 }]
    }
    const position = encodePosition(source, progress, 4000n)
    assert.equal(String(position.key), '{"topic":"orders","partition":3}')
    assert.equal(String(position.value), '{"version":2,"upstream":"10","downstream":"9",' +
      '"sequence":9,"leaderEpoch":4,"producerId":"4000","sourceTopicId":"a","targetTopicId":"b",' +
      '"era":1}')
    const history = encodeHistory(source, progress)
    assert.equal(String(history.key), '{"topic":"orders","partition":3,"history":true}')
    assert.equal(String(history.value),
      '{"version":2,"era":1,"points":[["1","0",0]],"epochs":[[-1,"0"]]}')
    const producer = encodeProducer(
      { producerId: 4000n, producerEpoch: 0, sourceClusterId: 'east-1' })
    assert.equal(String(producer.key), '{"producer":true}')
    assert.equal(String(producer.value),
      '{"version":2,"producerId":"4000","producerEpoch":0,"sourceClusterId":"east-1"}')
  })

  test('of version 1 are read, with the history inside the position', () => {
    const progress: Progress = {
      upstream: 10n,
      downstream: 9n,
      sequence: 9,
      leaderEpoch: 4,
      earlierEpochs: [{ epoch: -1, end: 0n }],
      topicIds: { source: 'a' },
      history: [{ upstream: 1n, downstream: 0n, sequence: 0 }]
    }
    const position = encodeVersion1(source, progress, 4000n)
    assert.equal(String(position.value), '{"version":1,"upstream":"10","downstream":"9",' +
      '"sequence":9,"producerId":"4000","leaderEpoch":4,"earlierEpochs":[[-1,"0"]],' +
      '"sourceTopicId":"a","history":[["1","0",0]]}')
    const entry = decodeProgress(position.key, position.value)
    assert.ok(entry?.kind === 'position')
    assert.deepEqual(entry.progress, progress)
    assert.deepEqual(withHistory(entry.progress, undefined), progress)
    const producer = { producerId: 4000n, producerEpoch: 0 }
    const encoded = encodeVersion1Producer(producer)
    assert.equal(String(encoded.value), '{"version":1,"producerId":"4000","producerEpoch":0}')
    assert.deepEqual(decodeProgress(encoded.key, encoded.value), { kind: 'producer', producer })
  })

  test('keep one key a partition, so that compaction keeps the newest of each', () => {
    const at = (upstream: bigint, partition: number): string => String(encodePosition(
      { topic: 'orders', partition }, { upstream, downstream: 0n, sequence: 0 }, 1n).key)
    assert.equal(at(1n, 0), at(2n, 0))
    assert.notEqual(at(1n, 0), at(1n, 1))
  })

  test('of a deleted topic-partition are removed by tombstones', () => {
    const progress = { upstream: 1n, downstream: 1n, sequence: 1 }
    const written = [
      encodePosition(source, progress, 1n),
      encodeHistory(source, progress),
      encodeOffsetMap(source, progress),
      encodeMissing({ source, sinceMs: 5 })
    ]
    const tombstones = encodeTombstones(source)
    const keysOf = (records: readonly EncodedRecord[]): string[] =>
      records.map(({ key }) => String(key))
    assert.deepEqual(keysOf(tombstones), keysOf(written))
    for (const tombstone of tombstones) {
      assert.equal(tombstone.value, null)
      assert.equal(decodeProgress(tombstone.key, tombstone.value), undefined)
    }
    assert.deepEqual(decodeKey(tombstones[1]?.key ?? Buffer.of()), { kind: 'history', source })
  })
})

describe('records that this build does not understand', () => {
  // If a position of a later version were ignored, its partition would begin again: twice on the
  // target, or stopped as TARGET_NOT_EMPTY without a visible reason.
  test('a later version is refused by its number, under every key', () => {
    for (const later of [key, { ...key, history: true }, { producer: true }, { other: 1 }]) {
      assert.throws(() => decodeProgress(bytes(later), bytes({ ...value, version: 3 })),
        isNamed('PROGRESS_VERSION_UNKNOWN', /has version 3, this build knows versions up to 2/))
    }
  })

  test('fields and keys that a later build of this version added are ignored', () => {
    assert.deepEqual(decodeProgress(bytes(key), bytes({ ...value, runs: [1] })),
      decodeProgress(bytes(key), bytes(value)))
    assert.equal(decodeProgress(bytes({ ...key, runs: true }), bytes(value)), undefined)
    assert.equal(decodeProgress(bytes({ control: 'pause' }), bytes({ version: 2 })), undefined)
  })

  const unreadable: ReadonlyArray<readonly [what: string, key: unknown, value: unknown]> = [
    ['no version', key, { ...value, version: undefined }],
    ['an offset as a number', key, { ...value, upstream: 10 }],
    ['a negative offset', key, { ...value, downstream: '-1' }],
    ['an offset of twenty digits', key, { ...value, upstream: '1'.repeat(20) }],
    ['a sequence that is no count', key, { ...value, sequence: 1.5 }],
    ['no producer id', key, { ...value, producerId: undefined }],
    ['a producer without an epoch', { producer: true }, { version: 2, producerId: '1' }],
    ['a history without an era', { ...key, history: true }, { version: 2, points: [], epochs: [] }],
    ['half a list of epochs', { ...key, history: true },
      { version: 2, era: 0, points: [], epochs: [[1]] }],
    ['a list', key, [value]],
    ['text that is no JSON', key, '}']
  ]
  for (const [what, namedKey, badValue] of unreadable) {
    test(`${what} under a key of Longhaul is an error that shows both`, () => {
      assert.throws(() => decodeProgress(bytes(namedKey), bytes(badValue)),
        isNamed('PROGRESS_UNREADABLE', /(orders|producer).* is damaged: /))
    })
  }

  test('values of other keys are ignored', () => {
    fc.assert(fc.property(
      fc.option(fc.uint8Array()), fc.option(fc.uint8Array()), (anyKey, anyValue) => {
        const toBuffer = (some: Uint8Array | null): Buffer | null =>
          some === null ? null : Buffer.from(some)
        assert.equal(decodeProgress(toBuffer(anyKey), toBuffer(anyValue)), undefined)
      }))
    fc.assert(fc.property(fc.jsonValue(), anyValue => {
      for (const other of [[key], { partition: 0 }, { topic: 'orders', partition: -1 }, 'text']) {
        if (typeof anyValue === 'object' && anyValue !== null && 'version' in anyValue) return
        assert.equal(decodeProgress(bytes(other), bytes(anyValue)), undefined)
      }
    }))
    assert.equal(decodeProgress(null, bytes(value)), undefined)
  })
})

describe('a position and the recorded history', () => {
  const position: Progress =
    { upstream: 30n, downstream: 20n, sequence: 20, leaderEpoch: 7, era: 2 }
  const history: HistoryOnRecord = {
    era: 2,
    points: [10n, 25n, 40n].map(at => ({ upstream: at, downstream: at - 10n, sequence: 1 })),
    epochs: [{ epoch: -1, end: 5n }, { epoch: 6, end: 12n }, { epoch: 7, end: 35n }]
  }

  test('belong together if both are of one era', () => {
    const { earlierEpochs, history: points, leaderEpoch } = withHistory(position, history)
    // A crash between the two writes leaves a history that is ahead of its position.
    assert.deepEqual(points, history.points.slice(0, 2))
    assert.equal(leaderEpoch, 7)
    assert.deepEqual(earlierEpochs, history.epochs.slice(0, 2))
  })

  // After a skip, older points of another era pair unrelated offsets. And without the ends of the
  // earlier epochs, the leader epoch alone would mistake a truncated source for one that ends at
  // the position.
  test('of different eras leave only the position, without its leader epoch', () => {
    const { leaderEpoch, ...alone } = position
    assert.equal(leaderEpoch, 7)
    for (const other of [undefined, { ...history, era: 1 }, { ...history, era: 3 }]) {
      assert.deepEqual(withHistory(position, other), alone)
    }
  })
})

test('a first look is read back, in records that a broker accepts by default', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 5_000 }), count => {
    const topics = new Map(Array.from({ length: count }, (_, index) =>
      [`${index}-`.padEnd(249, 'x'), index]))
    const records = encodeFirstLook(topics)
    assert.ok(records.length > 0, 'an empty source was looked at, too')
    const read = records.flatMap(({ key, value }) => {
      assert.ok((value?.length ?? 0) < 900_000)
      const entry = decodeProgress(key, value)
      return entry?.kind === 'firstLook' ? [...entry.topics] : []
    })
    assert.deepEqual(new Map(read), topics)
  }), { numRuns: 20 })
})
