// Chunks contain all items, in order, and are within their limit.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { chunks } from '../../../src/orchestrator/cluster/chunks.ts'

describe('chunks', () => {
  test('of no items are none', () => {
    assert.deepEqual(chunks([], 3), [])
  })

  test('are filled in order', () => {
    assert.deepEqual(chunks([1, 2, 3, 4, 5, 6, 7], 3), [[1, 2, 3], [4, 5, 6], [7]])
  })

  test('put an item above the limit into a separate chunk', () => {
    assert.deepEqual(chunks([1, 9, 1, 1], 3, weight => weight), [[1], [9], [1, 1]])
  })

  test('lose no item, keep the order and stay within the limit', () => {
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
