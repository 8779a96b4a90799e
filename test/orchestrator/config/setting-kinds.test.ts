// Sizes, times, words and lists, as users write them and Longhaul shows them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bytes, choice, codecList, flag, integer, javaClass, list, milliseconds, parseBytes, parseDuration,
  seconds, showBytes, showDuration
} from '../../../src/orchestrator/config/setting-kinds.ts'

const text = { doc: '', importance: 'low' } as const

test('a size is bytes, or a number with a unit', () => {
  const sizes = {
    '0': 0, '65536': 65_536, '64KiB': 65_536, '64kib': 65_536, '64 KiB': 65_536, '1kB': 1000,
    '1.5MiB': 1_572_864, '2GB': 2_000_000_000, '-1': -1
  }
  for (const [written, value] of Object.entries(sizes)) assert.equal(parseBytes(written), value)
  for (const written of ['', 'x', '1.5', '1.0001KiB', '5 s', '1e3', '0x10', 'KiB', '1KiB2']) {
    assert.equal(parseBytes(written), undefined, written)
  }
})

test('a time has the unit of the property name, or its own', () => {
  const times = { '5000': 5000, '5s': 5000, '2m': 120_000, '2min': 120_000, '1.5h': 5_400_000,
    '1d': 86_400_000, '500ms': 500 }
  for (const [written, ms] of Object.entries(times)) {
    assert.equal(parseDuration(written, 'ms'), ms, written)
  }
  assert.equal(parseDuration('600', 's'), 600_000)
  assert.equal(parseDuration('500ms', 's'), 500)
  assert.equal(parseDuration('5kg', 'ms'), undefined)
})

test('every shown value reads back the same', () => {
  fc.assert(fc.property(fc.maxSafeNat(), value => {
    assert.equal(parseBytes(showBytes(value)), value)
    assert.equal(parseDuration(showDuration(value), 'ms'), value)
  }))
  fc.assert(fc.property(fc.integer({ min: 0, max: 1 << 20 }),
    fc.constantFrom(1024, 1024 ** 2, 1024 ** 3), (count, unit) => {
      assert.equal(parseBytes(showBytes(count * unit)), count * unit)
    }))
})

test('any text is a value or undefined, never NaN', () => {
  fc.assert(fc.property(fc.string(), written => {
    for (const value of [parseBytes(written), parseDuration(written, 'ms')]) {
      assert.ok(value === undefined || Number.isSafeInteger(value))
    }
  }))
})

test('a value outside its range is refused', () => {
  const lanes = integer({ ...text, default: 2, min: 1, max: 64 })
  assert.deepEqual(['1', '64', ' 2 ', '+3'].map(each => lanes.parse(each)), [1, 64, 2, 3])
  for (const written of ['0', '65', '-1', '1.5', '', 'two', '1e1']) {
    assert.equal(lanes.parse(written), undefined, written)
  }
  assert.equal(lanes.range, '1 to 64')
  const size = bytes({ ...text, default: 1, min: 1024, max: 1024 ** 2 })
  assert.equal(size.parse('1MiB'), 1024 ** 2)
  assert.equal(size.parse('2MiB'), undefined)
  assert.equal(size.range, '1KiB to 1MiB')
  const time = milliseconds({ ...text, default: 1, min: 0, max: 60_000 })
  assert.equal(time.parse('61s'), undefined)
  assert.equal(time.range, '0ms to 1m')
  assert.equal(seconds({ ...text, default: 1, min: 1, max: 600 }).parse('10m'), 600)
})

test('a word is read in any case, a class by its full name or the short name of Kafka', () => {
  const word = choice({ ...text, default: 'one', of: ['one', 'Two'] })
  assert.equal(word.parse('ONE'), 'one')
  assert.equal(word.parse('three'), undefined)
  assert.equal(word.parse('toString'), undefined)
  assert.equal(word.toNumber('Two'), 1)
  const policy = javaClass({
    ...text, default: 'One', of: ['One'], wayOut: 'write One',
    known: { 'org.example.Mine': { means: 'One', remark: 'it differs' } }
  })
  assert.deepEqual(['One', 'org.apache.kafka.connect.mirror.One', 'org.example.Mine', 'Mine',
    'toString'].map(each => policy.parse(each)), ['One', 'One', 'One', undefined, undefined])
  assert.deepEqual(['One', 'org.example.Mine'].map(each => policy.remark(each)),
    [undefined, 'it differs'])
  const yes = flag({ ...text, default: false })
  assert.deepEqual(['true', 'FALSE', 'yes', 'constructor'].map(each => yes.parse(each)),
    [true, false, undefined, undefined])
  assert.equal(yes.toNumber(true), 1)
})

test('a list has no empty items', () => {
  const topics = list({ ...text, default: [], range: '' })
  assert.deepEqual(topics.parse(' a, b ,,c '), ['a', 'b', 'c'])
  assert.deepEqual(topics.parse(''), [])
})

test('codecs are listed by name, once each, and the Forwarder gets four bits of each', () => {
  const row = codecList({ ...text, default: [] })
  assert.deepEqual(row.parse('gzip, None'), ['gzip', 'none'])
  assert.equal(row.toNumber(['gzip', 'none']), 0x12)
  assert.equal(row.toNumber(['zstd', 'lz4', 'snappy', 'gzip', 'none']), 0x12345)
  assert.equal(row.toNumber([]), 0)
  for (const written of ['gzip, brotli', 'gzip, gzip', 'lz 4', 'producer', 'uncompressed']) {
    assert.equal(row.parse(written), undefined, written)
  }
})
