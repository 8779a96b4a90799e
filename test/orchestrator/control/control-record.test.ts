// Control records and member records: a written record reads back the same, and an unreadable one
// is reported.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeControl, encodeControl, encodeControlEnd, type ControlRecord, type ControlScope
} from '../../../src/orchestrator/control/control-record.ts'
import {
  decodeProgress, encodePosition
} from '../../../src/orchestrator/progress/progress-record.ts'

const plain = { noNullPrototype: true }
const topic = fc.string({ minLength: 1 })
const source = fc.record({ topic, partition: fc.nat() }, plain)
const scope: fc.Arbitrary<ControlScope> =
  fc.oneof(fc.constant({}), fc.record({ topic }, plain), source)
const given = { by: fc.string(), atMs: fc.nat(), reason: fc.string() }
type Written = Exclude<ControlRecord, { kind: 'none' }>
const records: fc.Arbitrary<Written> = fc.oneof(
  fc.record(
    { kind: fc.constant('pause' as const), scope, isPaused: fc.boolean(), ...given }, plain),
  fc.record({ kind: fc.constant('retry' as const), scope, id: fc.string(), ...given }, plain),
  fc.record({
    kind: fc.constant('skip' as const),
    source,
    id: fc.string(),
    to: fc.bigInt(0n, 2n ** 63n - 1n),
    ...given
  }, plain),
  fc.record({ kind: fc.constant('reload' as const), id: fc.string(), ...given }, plain),
  fc.record({
    kind: fc.constant('logLevel' as const),
    level: fc.constantFrom('debug' as const, 'warn' as const, undefined),
    ...given
  }, plain),
  fc.record({
    kind: fc.constant('throttle' as const),
    bytesPerSecond: fc.option(fc.nat(), { nil: undefined }),
    ...given
  }, plain),
  fc.record({
    kind: fc.constant('share' as const),
    scope: fc.record({ topic }, plain),
    percent: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    ...given
  }, plain),
  fc.record({
    kind: fc.constant('member' as const),
    member: fc.record({
      name: fc.string(),
      build: fc.string(),
      address: fc.string(),
      startedMs: fc.nat(),
      settings: fc.dictionary(fc.string(), fc.string(), plain),
      slots: fc.array(fc.nat())
    }, { ...plain, requiredKeys: ['name', 'build', 'address', 'startedMs', 'settings'] })
  }, plain))

describe('control records', () => {
  test('read back the same', () => {
    fc.assert(fc.property(records, record => {
      const { key, value } = encodeControl(record)
      assert.ok(value !== null)
      assert.deepEqual(decodeControl(key, value), record)
    }))
  })

  test('are not progress records, and progress records are not control records', () => {
    fc.assert(fc.property(records, record => {
      const { key, value } = encodeControl(record)
      assert.equal(decodeProgress(key, value), undefined)
    }))
    const { key, value } = encodePosition(
      { topic: 'orders', partition: 0 }, { upstream: 1n, downstream: 1n, sequence: 1 }, 7n)
    assert.equal(decodeControl(key, value), undefined)
  })

  test('are the same bytes in every build', () => {
    const given = { by: 'ann', atMs: 5, reason: 'release' }
    const bytes = (record: Written): string[] => {
      const { key, value } = encodeControl(record)
      return [String(key), String(value)]
    }
    assert.deepEqual(bytes({ kind: 'pause', scope: {}, isPaused: true, ...given }),
      ['{"control":"pause"}', '{"version":2,"by":"ann","atMs":5,"reason":"release","paused":true}'])
    assert.deepEqual(
      bytes({ kind: 'skip', source: { topic: 'a', partition: 1 }, id: 'x', to: 9n, ...given }),
      ['{"control":"skip","topic":"a","partition":1}',
        '{"version":2,"by":"ann","atMs":5,"reason":"release","id":"x","to":"9"}'])
    assert.deepEqual(bytes({ kind: 'logLevel', level: undefined, ...given }),
      ['{"control":"logLevel"}',
        '{"version":2,"by":"ann","atMs":5,"reason":"release","level":null}'])
    assert.deepEqual(bytes({ kind: 'throttle', bytesPerSecond: 0, ...given }),
      ['{"control":"throttle"}',
        '{"version":2,"by":"ann","atMs":5,"reason":"release","bytesPerSecond":0}'])
    assert.deepEqual(bytes({ kind: 'share', scope: { topic: 'a' }, percent: 30, ...given }),
      ['{"control":"share","topic":"a"}',
        '{"version":2,"by":"ann","atMs":5,"reason":"release","percent":30}'])
  })

  test('end with a tombstone under their key', () => {
    const skip = {
      kind: 'skip', source: { topic: 'a', partition: 1 }, id: 'x', to: 9n, by: '', atMs: 0,
      reason: ''
    } as const
    const { key, value } = encodeControlEnd(skip)
    assert.deepEqual([String(key), value], [String(encodeControl(skip).key), null])
    assert.deepEqual(decodeControl(key, null), { kind: 'none', key: String(key) })
  })

  test('with a mistake are shown, not obeyed', () => {
    const bytes = (json: unknown): Buffer => Buffer.from(JSON.stringify(json))
    const value = { version: 2, by: 'ann', atMs: 5, reason: 'x', paused: true, id: 'i', to: '9' }
    for (const [key, wrong] of [
      [{ control: 'pause' }, { ...value, paused: 'yes' }],
      [{ control: 'pause', partition: 3 }, value],
      [{ control: 'pauze' }, value],
      [{ control: 'retry', topic: 'a', partition: -1 }, value],
      [{ control: 'skip', topic: 'a' }, value],
      [{ control: 'skip', topic: 'a', partition: 1 }, { ...value, to: 9 }],
      [{ control: 'retry' }, { ...value, by: undefined }],
      [{ control: 'reload' }, { ...value, id: 1 }],
      [{ control: 'logLevel' }, { ...value, level: 'loud' }],
      [{ control: 'logLevel' }, value],
      [{ control: 'throttle' }, { ...value, bytesPerSecond: -1 }],
      [{ control: 'throttle' }, { ...value, bytesPerSecond: '10MiB' }],
      [{ control: 'throttle' }, value],
      [{ control: 'share' }, { ...value, percent: 30 }],
      [{ control: 'share', topic: 'a', partition: 1 }, { ...value, percent: 30 }],
      [{ control: 'share', topic: 'a' }, value],
      [{ control: 'share', topic: 'a' }, { ...value, percent: 0 }],
      [{ control: 'share', topic: 'a' }, { ...value, percent: 101 }],
      [{ control: 'share', topic: 'a' }, { ...value, percent: '30' }],
      [{ member: 'x' }, { version: 2 }]
    ]) {
      const read = decodeControl(bytes(key), bytes(wrong))
      assert.equal(typeof read, 'string', JSON.stringify(read))
    }
    assert.equal(decodeControl(bytes({ other: 1 }), bytes(value)), undefined)
    assert.equal(decodeControl(Buffer.from('{'), bytes(value)), undefined)
  })
})
