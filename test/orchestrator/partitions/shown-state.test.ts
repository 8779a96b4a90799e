// A partition's state is the same in metrics, log and readiness: one row for each condition.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { errorTable, type ErrorName } from '../../../src/orchestrator/errors/error-table.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { partitionSnapshot } from '../../../src/orchestrator/flow/partition-snapshot.ts'
import { FlowLedger } from '../../../src/orchestrator/observability/flow-ledger.ts'
import { notReady } from '../../../src/orchestrator/observability/readiness.ts'
import type { PartitionState } from '../../../src/orchestrator/observability/snapshot.ts'
import { unknownLag } from '../../../src/orchestrator/partitions/partition-lag.ts'
import {
  startingReport, type LaneState, type PartitionEvent
} from '../../../src/orchestrator/partitions/partition-state.ts'
import { PartitionTable } from '../../../src/orchestrator/partitions/partition-table.ts'
import { waitingGroups } from '../../../src/orchestrator/partitions/waiting-partitions.ts'
import { sampleFlow } from '../observability/sample-flow.ts'
import { ManualClock } from '../time/manual-clock.ts'

const position: PartitionEvent = {
  kind: 'position', progress: { upstream: 0n, downstream: 0n, sequence: 0 }, lane: 0
}
const refusal = (name: ErrorName, retryAtMs = 1): PartitionEvent =>
  ({ kind: 'refusal', error: new ReplicatorError(name, 'orders'), retryAtMs })
const lane = (state: LaneState, name?: ErrorName): PartitionEvent => {
  const code = name === undefined ? 0 : errorTable[name].code
  const kind = state === 'faulted' ? 'fault' : 'report'
  return { kind, report: { ...startingReport, state, code } }
}
const fault: readonly PartitionEvent[] = [position, lane('faulted', 'CORRUPT_MESSAGE'),
  { kind: 'keepFaulted', error: new ReplicatorError('CORRUPT_MESSAGE', 'orders') }]

interface Row {
  readonly of: string
  readonly events: readonly PartitionEvent[]
  readonly shows: PartitionState
  /** The error under which the log groups the partition, if it waits. */
  readonly waitsFor?: ErrorName
}

const rows: readonly Row[] = [
  { of: 'begins', events: [], shows: 'starting' },
  {
    of: 'waits for a cluster to answer', events: [refusal('_TRANSPORT')], shows: 'waiting',
    waitsFor: '_TRANSPORT'
  },
  {
    of: 'waits for another process to create its remote topic', shows: 'waiting',
    events: [refusal('TARGET_PARTITION_MISSING', Infinity)], waitsFor: 'TARGET_PARTITION_MISSING'
  },
  // Regression: the log reported that it waits.
  {
    of: 'has a remote topic that cannot be created', shows: 'faulted',
    events: [refusal('TOPIC_CREATE_FAILED', Infinity)]
  },
  {
    of: 'has records on the target already', events: [refusal('TARGET_NOT_EMPTY')],
    shows: 'faulted'
  },
  { of: 'runs', events: [position, lane('running')], shows: 'running' },
  {
    of: 'waits in its lane', events: [position, lane('waiting', 'LEADER_NOT_AVAILABLE')],
    shows: 'waiting', waitsFor: 'LEADER_NOT_AVAILABLE'
  },
  { of: 'is faulted', events: fault, shows: 'faulted' },
  {
    of: 'is retried and waits in its lane', shows: 'faulted',
    events: [...fault, { kind: 'retry' }, lane('waiting', 'LEADER_NOT_AVAILABLE')]
  },
  { of: 'is paused', events: [{ kind: 'pause', by: 'ann' }], shows: 'paused' }
]

const minuteMs = 60_000

function tableWith (events: readonly PartitionEvent[]): PartitionTable {
  const table = new PartitionTable()
  const partition = table.add(
    { topic: 'orders', remoteTopic: 'east.orders', partition: 0, slot: 0 })
  for (const event of events) table.apply(partition, event, 0)
  return table
}

describe('a partition that', () => {
  for (const { events, of, shows, waitsFor } of rows) {
    test(`${of} is ${shows} in metric, log and readiness`, () => {
      const table = tableWith(events)
      const partitions = [...table.values()].map(partition => partitionSnapshot({
        partition, lane: 0, row: undefined, lag: unknownLag, end: undefined, recreation: undefined
      }, minuteMs))
      const [flow] = new FlowLedger(new ManualClock(0)).observe([sampleFlow({ partitions })])
      assert.ok(flow)
      assert.equal(flow.partitionsByState[shows], 1)
      assert.deepEqual(
        waitingGroups(table.unsettled, minuteMs).map(({ error }) => error.errorName),
        waitsFor === undefined ? [] : [waitsFor])
      assert.equal(notReady(flow, minuteMs).some(({ reason }) => reason === 'faulted'),
        shows === 'faulted')
    })
  }
})

// A later error of the control plane is not about the records that the lane stopped at.
test('only the fault of a lane proposes an offset to a skip', () => {
  const { code } = errorTable.CORRUPT_MESSAGE
  const report = { ...startingReport, state: 'faulted', code, skipTo: 9n } as const
  const events: readonly PartitionEvent[] = [position, { kind: 'fault', report },
    { kind: 'keepFaulted', error: new ReplicatorError('CORRUPT_MESSAGE', 'orders') }]
  const recreation: PartitionEvent =
    { kind: 'stop', error: new ReplicatorError('TOPIC_RECREATED', 'orders') }
  const skipsOf = (all: readonly PartitionEvent[]): unknown[] =>
    [...tableWith(all).values()].map(partition => partitionSnapshot({
      partition, lane: 0, row: undefined, lag: unknownLag, end: undefined, recreation: undefined
    }, minuteMs).skipTo)
  assert.deepEqual(skipsOf(events), [9n])
  assert.deepEqual(skipsOf([position, { kind: 'fault', report }, recreation]), [undefined])
  assert.deepEqual(skipsOf([position, lane('running')]), [undefined])
})

// A broker that hangs is the first reason, its closed connection the second one. Regression: each
// restarted the time, so the log was silent until one of them had lasted for ten seconds.
test('a partition waits since its first reason, whatever the present reason is', () => {
  const table = tableWith([position, lane('running')])
  const [partition] = table.values()
  assert.ok(partition)
  table.apply(partition, lane('waiting', 'REQUEST_TIMED_OUT'), 5_000)
  table.apply(partition, lane('waiting', 'NETWORK_EXCEPTION'), 14_000)
  const names = waitingGroups(table.unsettled, 15_000).map(({ error }) => error.errorName)
  assert.deepEqual(names, ['NETWORK_EXCEPTION'])
})

// Regression: a partition had waited for minutes when its broker returned, so a line of each flow
// reported that the broker did not know the newest leader yet.
test('a partition whose broker has returned has ten seconds to find its leader', () => {
  const table = tableWith([position, lane('running')])
  const [partition] = table.values()
  assert.ok(partition)
  const namesAt = (nowMs: number): readonly string[] =>
    waitingGroups(table.unsettled, nowMs).map(({ error }) => error.errorName)
  table.apply(partition, lane('waiting', 'NETWORK_EXCEPTION'), 0)
  assert.deepEqual(namesAt(600_000), ['NETWORK_EXCEPTION'])
  table.apply(partition, lane('waiting', 'NOT_LEADER_OR_FOLLOWER'), 600_000)
  table.apply(partition, lane('waiting', 'UNKNOWN_LEADER_EPOCH'), 605_000)
  assert.deepEqual(namesAt(609_999), [])
  assert.deepEqual(namesAt(610_000), ['UNKNOWN_LEADER_EPOCH'], 'each of them counts as one reason')
})

// Regression: for 2,000 topics that were created at once, a busy target did not know 1,500 of them
// for half a minute, and four lines in the log reported that.
test('a new partition whose brokers do not know it yet is logged after two minutes', () => {
  const namesAt = (events: readonly PartitionEvent[], nowMs: number): readonly string[] =>
    waitingGroups(tableWith(events).unsettled, nowMs).map(({ error }) => error.errorName)
  const missing = [refusal('UNKNOWN_TOPIC_OR_PARTITION')]
  assert.deepEqual(namesAt(missing, 2 * minuteMs - 1), [])
  assert.deepEqual(namesAt(missing, 2 * minuteMs), ['UNKNOWN_TOPIC_OR_PARTITION'])
  assert.deepEqual(namesAt([refusal('_TRANSPORT')], 10_000), ['_TRANSPORT'])
  const begun = [position, lane('waiting', 'LEADER_NOT_AVAILABLE')]
  assert.deepEqual(namesAt(begun, 10_000), ['LEADER_NOT_AVAILABLE'])
})
