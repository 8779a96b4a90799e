// New partitions go round the lanes, fewest first.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { assignLanes, type LaneLoad } from '../../../src/orchestrator/flow/lane-assignor.ts'

function createLoads (...partitions: readonly number[]): LaneLoad[] {
  return partitions.map((count, lane) => ({ lane, partitions: count, bytesPerSecond: 0 }))
}

describe('assignLanes', () => {
  test('gives new partitions to empty lanes by turns', () => {
    assert.deepEqual(assignLanes(5, createLoads(0, 0, 0)), [0, 1, 2, 0, 1])
  })

  test('fills up the lane with the fewest partitions first', () => {
    assert.deepEqual(assignLanes(4, createLoads(3, 1, 2)), [1, 1, 2, 0])
  })

  test('among lanes with equally many, takes the one with the least traffic', () => {
    const loads = [900, 100, 500].map((bytesPerSecond, lane) =>
      ({ lane, partitions: 2, bytesPerSecond }))
    assert.deepEqual(assignLanes(3, loads), [1, 2, 0])
  })

  test('never lets counts differ by more than one that differed by less before', () => {
    fc.assert(fc.property(fc.nat(200), fc.integer({ min: 1, max: 16 }), (count, lanes) => {
      const counts = Array.from({ length: lanes }, () => 0)
      for (const lane of assignLanes(count, createLoads(...counts))) {
        counts[lane] = (counts[lane] ?? 0) + 1
      }
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
    }))
  })

  test('leaves the loads it was given as they are', () => {
    const loads = createLoads(0, 1)
    assignLanes(3, loads)
    assert.deepEqual(loads, createLoads(0, 1))
  })
})
