// How many source records the target has, compared with a model: a mirror that is stopped at any
// point, with duplicates from retries and records of other producers on the target.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  anchorOf, TailComparison, type SourceRecord
} from '../../../src/orchestrator/migration/tail-comparison.ts'

/** Few contents, so that logs repeat themselves; `timestampMs` is a part of the digest. */
const contents = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 40 })

function toRecords (digests: readonly string[]): readonly SourceRecord[] {
  return digests.map((digest, i) => ({ offset: BigInt(i), timestampMs: 0, digest }))
}

/** Where the comparison would continue; undefined: it cannot decide. */
function goOnAt (
  source: readonly SourceRecord[], committed: number, window: number, target: readonly string[]
): number | undefined {
  const from = Math.max(0, committed - window)
  const anchor = anchorOf(source.slice(from, committed), from === 0)
  if (anchor === undefined) return undefined
  const comparison = new TailComparison(target)
  if (!anchor.every(record => comparison.finds(record))) return undefined
  const missing = source.slice(committed).findIndex(record => !comparison.finds(record))
  return missing < 0 ? source.length : committed + missing
}

// To skip one record too many means that the target never receives it.
test('a log that is read from its start is never skipped beyond the records on the target', () => {
  fc.assert(fc.property(contents, fc.nat(), fc.nat(), (digests, committed, mirrored) => {
    const source = toRecords(digests)
    const end = mirrored % (digests.length + 1)
    const at = committed % (end + 1)
    assert.equal(goOnAt(source, at, digests.length, digests.slice(0, end)), end)
  }))
})

// The target is read from before the anchor, so equal records precede the anchor.
test('unique records are found from any offset of the target on', () => {
  fc.assert(fc.property(fc.nat(60), fc.nat(), fc.nat(), fc.array(fc.nat()), fc.array(fc.nat()),
    (length, committed, mirrored, doubles, others) => {
      const digests = Array.from({ length: length + 2 }, (_, i) => `record ${i}`)
      const end = 2 + mirrored % (digests.length - 1)
      const at = 2 + committed % (end - 1)
      const target = digests.slice(0, end).flatMap((digest, i) => [
        ...others.includes(i) ? ['of another producer'] : [],
        ...doubles.includes(i) ? [digest, digest] : [digest]
      ])
      assert.equal(goOnAt(toRecords(digests), at, 5, target), Math.min(end, digests.length))
    }))
})

test('records that repeat a pattern are no anchor, unless the log begins with them', () => {
  const pattern = toRecords(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'])
  assert.equal(anchorOf(pattern, false), undefined)
  assert.equal(anchorOf(toRecords(['a', 'a', 'a']), false), undefined)
  assert.equal(anchorOf([], false), undefined)
  assert.deepEqual(anchorOf(pattern, true), pattern)
  assert.deepEqual(anchorOf(toRecords(['a', 'a', 'b', 'b']), false)?.map(({ offset }) => offset),
    [2n, 3n])
})

test('an empty tail and a target that lacks the anchor skip nothing', () => {
  const source = toRecords(['a', 'b', 'c', 'd'])
  assert.equal(goOnAt(source, 2, 4, ['a', 'b']), 2)
  assert.equal(goOnAt(source, 2, 4, ['c', 'd']), undefined)
})
