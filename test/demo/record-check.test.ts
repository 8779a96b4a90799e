// The demo's check must find every possible fault of a mirror, and name the offset.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DemoRecords } from '../../src/demo/demo-record.ts'
import type { WrittenPartition } from '../../src/demo/demo-topics.ts'
import {
  Differences, PartitionCheck, type FoundRecord
} from '../../src/demo/record-check.ts'

const count = 200
const written: WrittenPartition = {
  topic: { name: 'orders', remoteName: 'west.orders', partitions: 4, codec: 'lz4' },
  partition: 2,
  count
}
const records = new DemoRecords(256)

function mirrored (): FoundRecord[] {
  return Array.from({ length: count }, (_, offset) => {
    const timestampMs = 1_700_000_000_000 + offset
    return { offset, timestampMs, ...records.create('orders', 2, offset, timestampMs) }
  })
}

function check (found: readonly FoundRecord[]): { differences: Differences, checked: number } {
  const differences = new Differences()
  const partition = new PartitionCheck(written, records, differences)
  for (const record of found) partition.take(record)
  partition.end()
  return { differences, checked: partition.checked }
}

function at (found: readonly FoundRecord[], offset: number): FoundRecord {
  const record = found[offset]
  assert.ok(record !== undefined)
  return record
}

/** Replaces one record and returns the differences that the check finds. */
function differenceOf (offset: number, change: (record: FoundRecord) => Partial<FoundRecord>) {
  const found = mirrored()
  found[offset] = { ...at(found, offset), ...change(at(found, offset)) }
  const { differences } = check(found)
  assert.equal(differences.count, 1)
  return differences.first[0]
}

describe('the check of the demo', () => {
  test('finds no difference between equal records', () => {
    const { checked, differences } = check(mirrored())
    assert.equal(checked, count)
    assert.deepEqual(differences.first, [])
  })

  test('accepts records with and without key, value and headers', () => {
    const found = mirrored()
    for (const has of [
      (record: FoundRecord) => record.key !== null,
      (record: FoundRecord) => record.value !== null,
      (record: FoundRecord) => record.headers.length > 0
    ]) {
      assert.ok(found.some(has) && found.some(record => !has(record)))
    }
  })

  test('names topic, partition and offset of a changed byte', () => {
    const difference = differenceOf(17, ({ value }) => {
      const changed = Buffer.from(value ?? '')
      changed.writeUInt8(changed.readUInt8(200) ^ 1, 200)
      return { value: changed }
    })
    assert.deepEqual(difference, {
      topic: 'west.orders', partition: 2, offset: 17, what: 'value differs from byte 200 on'
    })
  })

  test('finds a changed key, header and timestamp', () => {
    const what = (offset: number, change: (record: FoundRecord) => Partial<FoundRecord>) =>
      differenceOf(offset, change)?.what ?? ''
    assert.match(what(1, () => ({ key: 'another' })), /^key "another"/)
    assert.match(what(3, () => ({ headers: [] })), /^0 headers, written 2/)
    assert.match(what(3, ({ headers }) => ({ headers: [...headers].reverse() })),
      /^header "record=/)
    assert.match(what(5, ({ timestampMs }) => ({ timestampMs: timestampMs + 1 })),
      /^value differs/)
  })

  test('distinguishes a value that became null from one that was written as null', () => {
    assert.equal(differenceOf(10, () => ({ value: null }))?.what, 'no value, written with one')
    assert.equal(differenceOf(63, () => ({ value: Buffer.from('') }))?.what,
      'a value, written without')
  })

  test('names the record that is in the place of another one', () => {
    const found = mirrored()
    const [first, second] = [at(found, 20), at(found, 21)]
    found[20] = { ...second, offset: 20 }
    found[21] = { ...first, offset: 21 }
    assert.deepEqual(check(found).differences.first.map(({ offset, what }) => [offset, what]), [
      [20, 'record 21 of the source stands here'], [21, 'record 20 of the source stands here']
    ])
  })

  test('finds a missing record once, a missing end, and an additional record', () => {
    const gap = check(mirrored().filter(({ offset }) => offset !== 50)).differences
    assert.deepEqual(gap.first.map(({ offset }) => offset), [51])
    const short = check(mirrored().slice(0, -1)).differences
    assert.match(short.first[0]?.what ?? '', /ends after 199 of 200/)
    const last = at(mirrored(), count - 1)
    const long = check([...mirrored(), { ...last, offset: count }]).differences
    assert.match(long.first[0]?.what ?? '', /a record too many/)
  })

  test('counts all differences and keeps the first ten', () => {
    const { differences } = check(mirrored().map(record => ({ ...record, key: 'x' })))
    assert.equal(differences.count, count)
    assert.deepEqual(differences.first.map(({ offset }) => offset), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
