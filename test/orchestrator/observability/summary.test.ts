// The figures at the end of a run.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlowLedger } from '../../../src/orchestrator/observability/flow-ledger.ts'
import { renderSummaryTable, summarizeRun } from
  '../../../src/orchestrator/observability/summary.ts'
import {
  byReason, countLatencies, sampleFlow, sampleLane, samplePartition
} from './sample-flow.ts'
import { ManualClock } from '../time/manual-clock.ts'

function createSummary () {
  const flows = new FlowLedger(new ManualClock()).observe([sampleFlow({
    lanes: [sampleLane({ latency: countLatencies([2, 2, 30]) })],
    partitions: [samplePartition('orders', 0, {
      records: 1_234_567n,
      batches: 10_000n,
      bytes: 2_000_000_000n,
      batchesPassedThrough: 9999n,
      reencodedByReason: byReason({ compacted: 1 }),
      droppedByReason: byReason({ control: 3, looped: 2 }),
      recordsLooped: 1200n,
      lagRecords: 0
    })]
  })])
  return summarizeRun(flows, 10, 5)
}

test('a run is summed up: rates, shares, CPU a GB', () => {
  const summary = createSummary()
  assert.equal(summary.cpuSecondsPerGB, 2.5)
  const [flow] = summary.flows
  assert.equal(flow?.megabytesPerSecond, 200)
  assert.equal(flow?.passedThroughShare, 0.9999)
  assert.deepEqual(flow?.reencoded, { compacted: 1 })
  assert.deepEqual(flow?.dropped, { control: 3, looped: 2 })
  assert.equal(flow?.recordsLooped, 1200)
})

test('the table shows every figure, and never rounds up to 100 %', () => {
  const text = renderSummaryTable(createSummary())
  assert.match(text, /A -> B/)
  assert.match(text, /Records +│ +1,234,567/)
  assert.match(text, /payload bytes kept +│ +9,999 \(99\.9 %\)/)
  assert.match(text, /mirrored from the target before +│ +1,200/)
  assert.match(text, /MB\/s +│ +200\.0/)
  assert.match(text, /p50 \/ p99 \/ max +│ +3ms \/ 32ms \/ 32ms/)
  assert.match(text, /5\.00 s of CPU time, 2\.50 CPU s\/GB$/)
  assert.doesNotMatch(text, /\u001b/)
})

test('JSON is one line that parses back, big counters included', () => {
  const json = JSON.stringify(createSummary())
  assert.doesNotMatch(json, /\n/)
  const parsed = JSON.parse(json) as ReturnType<typeof createSummary>
  assert.equal(parsed.flows[0]?.records, 1_234_567)
  assert.equal(parsed.flows[0]?.latency?.count, 3)
})

test('a run without records has no shares, and its summary shows that', () => {
  const summary = summarizeRun(new FlowLedger(new ManualClock()).observe([sampleFlow()]), 0, 0.1)
  assert.equal(summary.cpuSecondsPerGB, undefined)
  assert.equal(summary.flows[0]?.megabytesPerSecond, 0)
  assert.match(renderSummaryTable(summary), /payload bytes kept +│ +- │/)
})
