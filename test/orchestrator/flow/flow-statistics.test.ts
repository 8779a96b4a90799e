// What the statistics show of a partition, from the counters of its lane and from the control
// plane.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NativeStats } from '../../../src/dataplane/index.ts'
import {
  laneCounters, partitionCounters
} from '../../../src/dataplane/contract/contract-table.ts'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import { endsIntervalMs } from '../../../src/orchestrator/flow/flow-loops.ts'
import { FlowStatistics } from '../../../src/orchestrator/flow/flow-statistics.ts'
import { silentLog } from '../../../src/orchestrator/observability/log.ts'
import type { PartitionSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import type { LanePool } from '../../../src/orchestrator/lanes/lane-pool.ts'
import type { FlowPartitions } from '../../../src/orchestrator/partitions/flow-partitions.ts'
import { startingReport } from '../../../src/orchestrator/partitions/partition-state.ts'
import {
  PartitionTable, type FlowPartition
} from '../../../src/orchestrator/partitions/partition-table.ts'
import { ManualClock } from '../time/manual-clock.ts'
import { FakeCluster } from './fake-cluster.ts'

type Row = Partial<Record<keyof typeof partitionCounters, number>>

/** A flow of one partition. `shown` collects the counters of its lane and reads the snapshot. */
function createStatistics ({ othersOwn = (): boolean => false } = {}): {
  readonly statistics: FlowStatistics
  readonly clock: ManualClock
  readonly table: PartitionTable
  readonly partition: FlowPartition
  readonly source: FakeCluster
  readonly shown: (row: Row) => Promise<PartitionSnapshot>
} {
  const clock = new ManualClock()
  const source = new FakeCluster()
  const table = new PartitionTable()
  const names = { topic: 'orders', remoteTopic: 'east.orders' }
  const partition = table.add({ ...names, partition: 0, slot: 0 })
  const progress = { upstream: 0n, downstream: 0n, sequence: 0 }
  const report = { ...startingReport, state: 'running' } as const
  table.apply(partition, { kind: 'position', progress, lane: 0 }, clock.now())
  table.apply(partition, { kind: 'report', report }, clock.now())
  let stats: NativeStats | undefined
  const partitions = {
    table,
    recreatedAs: () => undefined,
    recreation: () => undefined,
    isRead: () => true,
    onCaughtUp: (sound: readonly FlowPartition[]) => {
      for (const each of sound) {
        if (each.state === 'retrying') table.apply(each, { kind: 'sound' }, clock.now())
      }
    }
  }
  const statistics = new FlowStatistics({
    config: {
      source: { alias: 'east' },
      target: { alias: 'west' },
      settings: { 'isolation.level': 'read_committed', 'auto.offset.reset': 'earliest' }
    } as unknown as FlowConfig,
    partitions: partitions as unknown as FlowPartitions,
    lanes: {
      size: 1,
      stats: async () => stats,
      stateOf: () => ({ state: 'running', incarnation: 1 })
    } as unknown as LanePool,
    problems: new FlowProblems({ log: silentLog, clock, source: 'east', target: 'west' }),
    othersOwn,
    source: source.admin(),
    log: silentLog,
    clock
  })
  const shown = async (row: Row): Promise<PartitionSnapshot> => {
    stats = {
      lane: BigInt64Array.from(Object.keys(laneCounters), () => 0n),
      brokers: new BigInt64Array(),
      partitions: BigInt64Array.from(Object.keys(partitionCounters), column =>
        BigInt(row[column as keyof Row] ?? 0)),
      isWhole: true,
      quietAnswers: new BigInt64Array(),
      latency: new BigInt64Array(),
      latencySumMs: 0n,
      errors: new BigInt64Array()
    }
    await statistics.collect()
    const [snapshot] = statistics.snapshot('running').partitions
    assert.ok(snapshot !== undefined)
    return snapshot
  }
  return { statistics, clock, table, partition, source, shown }
}

// Regression: the snapshot of a partition without records left was kept for 15 s, whatever the
// source reported.
test('a paused partition shows what the source has reported', async () => {
  const { clock, partition, source, statistics, table } = createStatistics()
  source.addTopic('orders', 1)
  table.apply(partition, { kind: 'pause', by: 'an operator' }, clock.now())
  table.apply(partition, { kind: 'release' }, clock.now())
  const look = async (): Promise<number | undefined> => {
    await statistics.refreshResting()
    const [snapshot] = statistics.snapshot('running').partitions
    assert.equal(snapshot?.state, 'paused')
    return snapshot?.lagRecords
  }
  assert.equal(await look(), 0)
  source.ends.set('orders/0', 10n)
  clock.skip(5_000)
  assert.equal(await look(), 10)
})

// Regression: a lane does not fetch a partition whose target broker hangs, and the source was asked
// for the end only when the end was 15 s old, each 10 s: so long the lag in records did not change.
test('the lag of a partition whose target hangs follows the source within 10 s', async () => {
  const { clock, shown, source, statistics, table } = createStatistics()
  source.addTopic('orders', 1)
  table.advance(BigInt64Array.of(0n, 5n, 5n, 5n, -1n))
  const row = { highWatermark: 7, lastStableOffset: 7, endKnownMs: clock.now() }
  assert.equal((await shown(row)).lagRecords, 2)
  for (let end = 100n; end <= 500n; end += 100n) {
    source.ends.set('orders/0', end)
    for (let waitedMs = 0; waitedMs + endsIntervalMs < 10_000; waitedMs += endsIntervalMs) {
      clock.skip(endsIntervalMs)
      await statistics.refreshEnds()
    }
    assert.equal((await shown(row)).lagRecords, Number(end) - 5)
  }
})

describe('a partition that runs', () => {
  test('has caught up when nothing is left to mirror', async () => {
    const { clock, shown, table } = createStatistics()
    const row = { highWatermark: 7, lastStableOffset: 7, endKnownMs: clock.now() }
    table.advance(BigInt64Array.of(0n, 5n, 5n, 5n, -1n))
    assert.equal((await shown(row)).state, 'running')
    table.advance(BigInt64Array.of(0n, 7n, 7n, 7n, -1n))
    assert.equal((await shown(row)).state, 'caught-up')
  })
})

// Each retry begins without an error, and needs ten seconds to find again that a topic is missing.
// An alert on faulted partitions that waits a while would never be sent.
describe('a partition that is retried after a fault', () => {
  const retry = ({ clock, partition, table }: ReturnType<typeof createStatistics>): number => {
    const report = { ...startingReport, state: 'faulted', code: 1007 } as const
    table.apply(partition, { kind: 'fault', report }, clock.now())
    const error = partition.trouble?.error
    assert.ok(error !== undefined)
    table.apply(partition, { kind: 'keepFaulted', error }, clock.now())
    table.apply(partition, { kind: 'retry' }, clock.now())
    return clock.now()
  }

  test('is shown as faulted, with the time of the fault, until it has caught up', async () => {
    const statistics = createStatistics()
    const { clock, shown } = statistics
    const faultedMs = clock.now()
    const retriedMs = retry(statistics)
    clock.skip(5_000)
    // Figures from before the retry.
    const retried = await shown({ caughtUpAtMs: retriedMs - 1 })
    assert.equal(retried.state, 'faulted')
    assert.equal(retried.code, 1007)
    assert.equal(retried.sinceMs, faultedMs)
    await shown({ caughtUpAtMs: retriedMs + 1 })
    assert.notEqual((await shown({ caughtUpAtMs: retriedMs + 1 })).state, 'faulted')
  })
})

// Regression: a process that lost its session released its slots, and the lag of the flow was
// missing until another process had joined, read its progress and fetched.
describe('a partition whose slot was handed over', () => {
  const depart = async (
    isOwnedByOthers: boolean
  ): Promise<{
    readonly states: () => ReadonlyArray<readonly [string, number | undefined]>
    readonly pass: () => Promise<void>
    readonly table: PartitionTable
  }> => {
    const created = createStatistics({ othersOwn: () => isOwnedByOthers })
    const { clock, partition, shown, statistics, table } = created
    const row = { highWatermark: 7, lastStableOffset: 7, endKnownMs: clock.now() }
    await shown(row)
    for (const kind of ['withdraw', 'release'] as const) {
      table.apply(partition, { kind }, clock.now())
    }
    await statistics.depart([partition], true)
    table.remove(partition)
    const states = (): ReadonlyArray<readonly [string, number | undefined]> =>
      statistics.snapshot('running').partitions.map(({ lagRecords, state }) => [state, lagRecords])
    const pass = async (): Promise<void> => {
      clock.skip(20_000)
      await statistics.refreshEnds()
      await statistics.collect()
    }
    return { states, pass, table }
  }

  test('keeps its lag here while no owner is known', async () => {
    const { pass, states } = await depart(false)
    assert.deepEqual(states(), [['removed', 7]])
    await pass()
    assert.deepEqual(states(), [['removed', 7]])
  })

  test('is no longer shown once another process owns it', async () => {
    const { pass, states } = await depart(true)
    await pass()
    assert.deepEqual(states(), [])
  })

  test('is shown once when this process owns it again', async () => {
    const { states, table } = await depart(false)
    table.add({ topic: 'orders', remoteTopic: 'east.orders', partition: 0, slot: 0 })
    assert.deepEqual(states().map(([state]) => state), ['starting'])
  })
})
