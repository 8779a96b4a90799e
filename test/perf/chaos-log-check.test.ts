// The checker of chaos runs distinguishes each kind of damage, and finds none in equal logs.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { checkLog, type CheckedRecord, type LogFindings } from '../../perf/chaos/log-check.ts'

function records (...names: readonly string[]): CheckedRecord[] {
  return names.map(name => ({ number: name, digest: `bytes of ${name}` }))
}

function counts ({ lost, doubled, reordered, altered }: LogFindings): number[] {
  return [lost, doubled, reordered, altered]
}

const source = records('a', 'b', 'c', 'd')
const bad: CheckedRecord = { number: 'b', digest: 'other bytes' }

/** Of a target: lost, doubled, reordered, altered. */
const rows: ReadonlyArray<readonly [what: string, target: CheckedRecord[], wanted: number[]]> = [
  ['the same', source, [0, 0, 0, 0]],
  ['one missing', records('a', 'c', 'd'), [1, 0, 0, 0]],
  ['nothing at all', [], [4, 0, 0, 0]],
  ['one twice in a row', records('a', 'b', 'b', 'c', 'd'), [0, 1, 0, 0]],
  ['a stretch again', records('a', 'b', 'a', 'b', 'c', 'd'), [0, 2, 0, 0]],
  ['two changed places', records('a', 'c', 'b', 'd'), [0, 0, 1, 0]],
  ['one with other bytes', [...records('a'), bad, ...records('c', 'd')], [0, 0, 0, 1]],
  ['one beside its altered self', [...source, bad], [0, 0, 0, 1]],
  ['one of nobody', records('a', 'b', 'x', 'c', 'd'), [0, 0, 0, 1]],
  ['one lost, one doubled', records('a', 'a', 'c', 'd'), [1, 1, 0, 0]]
]

describe('checkLog', () => {
  for (const [what, target, wanted] of rows) {
    test(`${what}: ${wanted.join(' ')}`, () => {
      assert.deepEqual(counts(checkLog(source, target)), wanted)
    })
  }

  test('a record that the source has twice may be on the target twice, not three times', () => {
    const twice = records('a', 'b', 'a')
    assert.deepEqual(counts(checkLog(twice, twice)), [0, 0, 0, 0])
    assert.deepEqual(counts(checkLog(twice, records('a', 'b', 'a', 'a'))), [0, 1, 0, 0])
  })

  test('finds every removed record, at any position', () => {
    fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 60 }), kept => {
      const all = records(...kept.map((_, index) => String(index)))
      const found = checkLog(all, all.filter((_, index) => kept[index]))
      assert.deepEqual(counts(found), [kept.filter(keep => !keep).length, 0, 0, 0])
    }))
  })

  // Otherwise thousands of duplicates would hide the one lost record.
  test('shows a few examples of each kind, not thousands', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => String(index))
    const { examples } = checkLog(records('gone', ...names), records(...names, ...names))
    assert.equal(examples.length, 4)
    assert.match(examples.at(-1) ?? '', /lost: gone/)
  })
})
