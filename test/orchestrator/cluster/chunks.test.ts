// Chunks hold everything, in order, and no more than allowed.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { chunks } from '../../../src/orchestrator/cluster/chunks.ts'

describe('chunks', () => {
  test('of nothing are none', () => {
    assert.deepEqual(chunks([], 3), [])
  })

  test('are filled up in order', () => {
    assert.deepEqual(chunks([1, 2, 3, 4, 5, 6, 7], 3), [[1, 2, 3], [4, 5, 6], [7]])
  })

  test('keep an item that weighs too much for any chunk on its own', () => {
    assert.deepEqual(chunks([1, 9, 1, 1], 3, weight => weight), [[1], [9], [1, 1]])
  })

  test('lose nothing, reorder nothing and weigh no more than allowed', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }))
    fc.assert(fc.property(weights, fc.integer({ min: 1, max: 15 }), (items, weightMax) => {
      const pieces = chunks(items, weightMax, weight => weight)
      assert.deepEqual(pieces.flat(), items)
      for (const piece of pieces) {
        const weight = piece.reduce((sum, item) => sum + item, 0)
        assert.ok(piece.length === 1 || weight <= weightMax, `${weight} of ${weightMax}`)
      }
    }))
  })
})
