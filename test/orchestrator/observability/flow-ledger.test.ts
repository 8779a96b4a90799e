// Totals that never fall, whatever happens to lanes and partitions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CarriedSum } from '../../../src/orchestrator/observability/carried-sum.ts'
import { FlowLedger } from '../../../src/orchestrator/observability/flow-ledger.ts'
import {
  byReason, countLatencies, sampleFlow, sampleLane, samplePartition
} from './sample-flow.ts'
import { ManualClock } from '../time/manual-clock.ts'

function member (key: string, values: number[], incarnation = '1') {
  return { key, incarnation, values }
}

test('a sum follows its members', () => {
  const sum = new CarriedSum()
  sum.observe([member('a', [1, 10]), member('b', [2, 20])])
  assert.deepEqual(sum.observe([member('a', [4, 10]), member('b', [3, 25])]), [7, 35])
})

// Mechanism: Prometheus reads a fall as a restart and adds the whole value again.
test('a member that leaves does not lower the sum', () => {
  const sum = new CarriedSum()
  sum.observe([member('a', [100]), member('b', [50])])
  assert.deepEqual(sum.observe([member('b', [60])]), [160])
})

test('a restarted member adds to its earlier counts', () => {
  const sum = new CarriedSum()
  sum.observe([member('a', [100])])
  assert.deepEqual(sum.observe([member('a', [7])]), [107])
  assert.deepEqual(sum.observe([member('a', [9])]), [109])
})

test('a restart is seen even if the new counters have overtaken the old ones', () => {
  const byIncarnation = new CarriedSum()
  byIncarnation.observe([member('a', [100], '1')])
  assert.deepEqual(byIncarnation.observe([member('a', [150], '2')]), [250])
  const byFall = new CarriedSum()
  byFall.observe([member('a', [100, 5])])
  assert.deepEqual(byFall.observe([member('a', [150, 1])]), [250, 6])
})

test('a partition that moves to another lane keeps its topic total', () => {
  const ledger = new FlowLedger(new ManualClock())
  const lanes = [sampleLane({ lane: 0 }), sampleLane({ lane: 1 })]
  ledger.observe([sampleFlow({
    lanes, partitions: [samplePartition('orders', 0, { lane: 0, records: 100n, bytes: 900n })]
  })])
  const [flow] = ledger.observe([sampleFlow({
    lanes, partitions: [samplePartition('orders', 0, { lane: 1, records: 120n, bytes: 1000n })]
  })])
  assert.equal(flow?.topics[0]?.records, 220)
  assert.equal(flow?.records, 220)
})

test('topics with the same snapshots keep their totals, and count in those of the flow', () => {
  const ledger = new FlowLedger(new ManualClock())
  const quiet = samplePartition('quiet', 0, { records: 100n })
  const observe = (records: bigint) => ledger.observe([sampleFlow({
    partitions: [quiet, samplePartition('busy', 0, { records })]
  })])[0]
  const before = observe(10n)
  const after = observe(15n)
  assert.equal(after?.records, 115)
  assert.equal(after?.topics[0], before?.topics[0])
  assert.equal(after?.topics[1]?.records, 15)
})

// The partition has the same figures as in the lane that died: they count from 0.
test('a topic counts from 0 in a restarted lane, even with the same snapshot', () => {
  const ledger = new FlowLedger(new ManualClock())
  const same = samplePartition('orders', 0, { records: 100n })
  const observe = (incarnation: number) => ledger.observe([sampleFlow({
    lanes: [sampleLane({ incarnation })], partitions: [same]
  })])[0]?.records
  assert.equal(observe(1), 100)
  ledger.observe([sampleFlow({
    lanes: [sampleLane({ incarnation: 2 })], partitions: [same, samplePartition('other', 0)]
  })])
  assert.equal(observe(2), 200)
})

// A lane reports a released partition once more, beside its present lane, whose count may be lower.
// With the partition alone as key, one would look like a restart of the other.
test('the last counts of a partition in its previous lane stay in the total', () => {
  const ledger = new FlowLedger(new ManualClock())
  const lanes = [sampleLane({ lane: 0 }), sampleLane({ lane: 1 })]
  const inLane = (lane: number, records: bigint) => samplePartition('orders', 0, { lane, records })
  const others = [samplePartition('orders', 1, { lane: 0, records: 1n })]
  ledger.observe([sampleFlow({ lanes, partitions: [...others, inLane(1, 100n)] })])
  ledger.observe([sampleFlow({
    lanes, partitions: [...others, inLane(0, 5n)], moved: [inLane(1, 110n)]
  })])
  const [flow] = ledger.observe([sampleFlow({ lanes, partitions: [...others, inLane(0, 7n)] })])
  assert.equal(flow?.records, 118)
})

test('a lane that is restarted keeps the totals of the flow', () => {
  const ledger = new FlowLedger(new ManualClock())
  const lane = {
    fetchRequests: 10n, errorsByCode: new Map([[6, 3]]), latency: countLatencies([5, 5])
  }
  ledger.observe([sampleFlow({ lanes: [sampleLane({ ...lane, incarnation: 1 })] })])
  const [flow] = ledger.observe([sampleFlow({
    lanes: [sampleLane({ ...lane, incarnation: 2 })], errorsByCode: new Map([[6, 1]])
  })])
  assert.equal(flow?.fetchRequests, 20)
  assert.equal(flow?.errorsByError.get('NOT_LEADER_OR_FOLLOWER'), 1)
  assert.equal(flow?.retriedErrorsByError.get('NOT_LEADER_OR_FOLLOWER'), 6)
  assert.equal(flow?.latency.counts.reduce<number>((sum, count) => sum + Number(count), 0), 4)
  assert.equal(flow?.latency.sumMs, 20)
})

test('the totals of a flow include removed topics, and removed topics are forgotten', () => {
  const ledger = new FlowLedger(new ManualClock())
  ledger.observe([sampleFlow({ partitions: [samplePartition('orders', 0, { records: 9n })] })])
  const [flow] = ledger.observe([sampleFlow()])
  assert.equal(flow?.records, 9)
  assert.deepEqual(flow?.topics, [])
})

test('reasons keep their indexes when a lane reports fewer of them', () => {
  const ledger = new FlowLedger(new ManualClock())
  const [flow] = ledger.observe([sampleFlow({
    partitions: [
      samplePartition('orders', 0, { reencodedByReason: [], droppedByReason: [0, 4] }),
      samplePartition('orders', 1, { reencodedByReason: byReason({ too_large: 2 }) })
    ]
  })])
  assert.deepEqual(flow?.reencodedByReason, byReason({ too_large: 2 }))
  assert.deepEqual(flow?.droppedByReason, byReason({ control: 4 }))
})

// Regression: errors counted batches that a lane split and mirrored.
test('batches that are split are no errors', () => {
  const ledger = new FlowLedger(new ManualClock())
  const lane = sampleLane({ errorsByCode: new Map([[10, 8], [18, 1]]) })
  const [flow] = ledger.observe([sampleFlow({ lanes: [lane] })])
  assert.deepEqual([...flow?.errorsByError ?? []].filter(([, count]) => count > 0), [])
  assert.equal(flow?.retriedErrorsByError.get('MESSAGE_TOO_LARGE'), 8)
  assert.equal(flow?.retriedErrorsByError.get('RECORD_LIST_TOO_LARGE'), 1)
})

// A hostile or faulty broker can answer with any of 65536 codes.
test('codes that the error table lacks share one name', () => {
  const ledger = new FlowLedger(new ManualClock())
  const errorsByCode = new Map(Array.from({ length: 500 }, (_, index) => [20_000 + index, 1]))
  const [flow] = ledger.observe([sampleFlow({ errorsByCode })])
  assert.deepEqual([...flow?.errorsByError ?? []], [['OTHER', 500]])
})

test('states without members are counted as 0', () => {
  const [flow] = new FlowLedger(new ManualClock()).observe([sampleFlow({
    partitions: [samplePartition('orders', 0, { state: 'faulted', code: 1 })]
  })])
  assert.equal(flow?.partitionsByState.faulted, 1)
  assert.equal(flow?.partitionsByState.running, 0)
  assert.equal(flow?.lanesByState.failed, 0)
})
