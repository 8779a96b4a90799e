// New partitions are assigned to the lanes in turn, fewest first; running ones move if traffic is
// uneven.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  assignLanes, rebalanceLanes, rebalanceLimits, type CarriedPartition
} from '../../../src/orchestrator/lanes/lane-assignor.ts'

const MiB = 1024 * 1024

describe('assignLanes', () => {
  test('assigns new partitions to empty lanes by turns', () => {
    assert.deepEqual(assignLanes(5, [0, 0, 0]), [0, 1, 2, 0, 1])
  })

  test('fills the lane with the fewest partitions first', () => {
    assert.deepEqual(assignLanes(4, [3, 1, 2]), [1, 1, 2, 0])
  })

  test('never lets counts differ by more than one that differed by less before', () => {
    fc.assert(fc.property(fc.nat(200), fc.integer({ min: 1, max: 16 }), (count, lanes) => {
      const counts = Array.from({ length: lanes }, () => 0)
      for (const lane of assignLanes(count, counts)) counts[lane] = (counts[lane] ?? 0) + 1
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
    }))
  })

  test('does not change the counts of its caller', () => {
    const counts = [0, 1]
    assignLanes(3, counts)
    assert.deepEqual(counts, [0, 1])
  })
})

/** MiB a second of the partitions of each lane. */
function carry (...lanes: ReadonlyArray<readonly number[]>): CarriedPartition[] {
  return lanes.flatMap((loads, lane) => loads.map((load, at) =>
    ({ id: 100 * lane + at, lane, bytesPerSecond: load * MiB })))
}

function loadsOf (partitions: readonly CarriedPartition[], lanes: number): number[] {
  return Array.from({ length: lanes }, (_, lane) => partitions
    .reduce((sum, each) => sum + (each.lane === lane ? each.bytesPerSecond : 0), 0))
}

function moved (partitions: readonly CarriedPartition[], lanes: number): CarriedPartition[] {
  const targets = new Map(rebalanceLanes(partitions, lanes).map(({ id, to }) => [id, to]))
  return partitions.map(each => ({ ...each, lane: targets.get(each.id) ?? each.lane }))
}

const generatedLanes = fc.array(
  fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { maxLength: 12 }),
  { minLength: 1, maxLength: 8 })

describe('rebalanceLanes', () => {
  test('separates two busy partitions that share a lane', () => {
    const moves = rebalanceLanes(carry([10, 10, 0], [0, 0]), 2)
    assert.equal(moves.length, 1)
    assert.ok([0, 1].includes(moves[0]?.id ?? -1))
    assert.equal(moves[0]?.to, 1)
  })

  test('moves the partition that brings two lanes closest together', () => {
    assert.deepEqual(rebalanceLanes(carry([1, 6, 20], [5]), 2), [{ id: 1, to: 1 }])
  })

  test('leaves a partition with more traffic than all others together', () => {
    assert.deepEqual(rebalanceLanes(carry([100], [1], [1]), 3), [])
  })

  test('moves nothing if lanes are nearly even, or carry almost no traffic', () => {
    assert.deepEqual(rebalanceLanes(carry([10, 1], [10]), 2), [])
    assert.deepEqual(rebalanceLanes(carry([0.1, 0.1], []), 2), [])
  })

  test('does nothing with a single lane', () => {
    assert.deepEqual(rebalanceLanes(carry([10, 10]), 1), [])
  })

  test('never makes the busiest lane busier, moves no partition twice, and keeps its limit', () => {
    fc.assert(fc.property(generatedLanes, lanes => {
      const partitions = carry(...lanes)
      const moves = rebalanceLanes(partitions, lanes.length)
      assert.ok(moves.length <= rebalanceLimits.movesMax)
      assert.equal(new Set(moves.map(({ id }) => id)).size, moves.length)
      const busiest = (of: readonly CarriedPartition[]): number =>
        Math.max(...loadsOf(of, lanes.length))
      assert.ok(busiest(moved(partitions, lanes.length)) <= busiest(partitions) + 1e-3)
    }))
  })

  test('moves nothing more while the traffic does not change', () => {
    fc.assert(fc.property(generatedLanes, lanes => {
      let partitions = carry(...lanes)
      for (let round = 0; round < 100; round++) {
        if (rebalanceLanes(partitions, lanes.length).length === 0) return
        partitions = moved(partitions, lanes.length)
      }
      assert.fail('still moving after 100 rounds')
    }))
  })
})
