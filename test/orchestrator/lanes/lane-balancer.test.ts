// The traffic that is measured between two rounds, and the partitions that are moved.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  LaneBalancer, type BalancedPartition
} from '../../../src/orchestrator/lanes/lane-balancer.ts'
import type { Log } from '../../../src/orchestrator/observability/log.ts'
import { ManualClock } from '../time/manual-clock.ts'

const MiB = 1024 * 1024
const silent: Log = {
  error: () => {}, warn: () => {}, info: () => {}, debug: () => {}, child: () => silent
}

interface Balanced extends BalancedPartition {
  state: string
  report: { state: string }
}

function createBalancer (): {
  readonly partitions: readonly Balanced[]
  /** Seconds pass, and each partition receives this many MiB in each of them. */
  readonly round: (seconds: number, mebibytes: readonly number[]) => ReadonlyArray<[number, number]>
  readonly restartCounters: () => void
} {
  const clock = new ManualClock()
  const partitions = [0, 0, 1].map((lane, id): Balanced => ({
    id, topic: 'orders', partition: id, lane, state: 'assigned', report: { state: 'running' }
  }))
  let bytes = partitions.map(() => 0)
  let moves: Array<[number, number]> = []
  const balancer = new LaneBalancer({
    lanes: 2,
    partitions: () => partitions,
    bytesOf: ({ id }) => bytes[id] ?? 0,
    move: ({ id }, to) => { moves.push([id, to]) },
    log: silent,
    clock
  })
  return {
    partitions,
    round: (seconds, mebibytes) => {
      clock.skip(seconds * 1000)
      bytes = bytes.map((count, at) => count + (mebibytes[at] ?? 0) * MiB * seconds)
      moves = []
      balancer.round()
      return moves
    },
    restartCounters: () => { bytes = bytes.map(() => 0) }
  }
}

describe('a round of the lane balancer', () => {
  test('moves by the traffic since the last round, not by earlier traffic', () => {
    const { round } = createBalancer()
    assert.deepEqual(round(10, [0, 0, 90]), [])
    assert.deepEqual(round(10, [4, 4, 0]).map(([, to]) => to), [1])
  })

  test('measures traffic a second, however long the round', () => {
    const { round } = createBalancer()
    assert.deepEqual(round(1000, [0.1, 0.1, 0]), [])
  })

  test('moves no partition that does not run or is being moved', () => {
    const { partitions, round } = createBalancer()
    const [first, second] = partitions
    assert.ok(first !== undefined && second !== undefined)
    first.report.state = 'resuming'
    second.state = 'moving'
    assert.deepEqual(round(10, [4, 4, 0]), [])
  })

  // The counters of a restarted lane begin at 0: the difference to the earlier count would be
  // negative, and its busy partitions would look idle.
  test('counts from 0 if a counter has restarted', () => {
    const { restartCounters, round } = createBalancer()
    round(10, [0, 0, 0])
    round(100, [0, 0, 1])
    restartCounters()
    assert.equal(round(10, [4, 4, 0]).length, 1)
  })
})
