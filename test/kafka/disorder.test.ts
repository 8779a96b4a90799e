// The check on which the tests of failures and hand-overs rest: each kind of disorder is found.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeDisorder } from './disorder.ts'

const cases: ReadonlyArray<readonly [numbers: readonly number[], found: readonly string[]]> = [
  [[0, 1, 2, 3], []],
  [[0, 1, 2, 3, 4], []],
  [[], ['0..3 missing at the end']],
  [[0, 1, 2], ['3..3 missing at the end']],
  [[1, 2, 3], ['0..0 missing before offset 0']],
  [[0, 3], ['1..2 missing before offset 1']],
  [[0, 1, 1, 2, 3], ['1 again at offset 2']],
  [[0, 2, 1, 3], ['1..1 missing before offset 1', '1 again at offset 2']],
  // Regression: after a record without a number nothing more was found.
  [[0, NaN, 2, 2], ['no number at offset 1', '1..1 missing before offset 2', '2 again at offset 3',
    '3..3 missing at the end']],
  [[NaN], ['no number at offset 0', '0..3 missing at the end']]
]

for (const [numbers, found] of cases) {
  test(`of 4 numbers, ${numbers.join(' ') || 'none'}`, () => {
    assert.deepEqual(describeDisorder(numbers, 4), found)
  })
}
