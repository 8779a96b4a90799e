// What is shown of a partition, from what its lane tells and from what the flow knows of it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NativeStats } from '../../../src/dataplane/index.ts'
import {
  laneCounters, partitionCounters, partitionStates
} from '../../../src/dataplane/contract/contract-table.ts'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import { FlowStatistics } from '../../../src/orchestrator/flow/flow-statistics.ts'
import type { LanePool } from '../../../src/orchestrator/lanes/lane-pool.ts'
import type { PartitionMirror } from '../../../src/orchestrator/partitions/partition-mirror.ts'
import {
  PartitionTable, type PartitionState
} from '../../../src/orchestrator/partitions/partition-table.ts'
import type { Log } from '../../../src/orchestrator/observability/log.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'

const silent: Log = {
  error: () => {}, warn: () => {}, info: () => {}, debug: () => {}, child: () => silent
}

interface Told {
  readonly state: PartitionState
  readonly caughtUpAtMs: number
}

/** A flow of one partition, whose lane tells this of it. */
function createStatistics (): {
  readonly table: PartitionTable
  readonly shown: (told: Told) => Promise<string | undefined>
} {
  const table = new PartitionTable()
  const progress = { upstream: 0n, downstream: 0n, sequence: 0 }
  const of = { topic: 'orders', remoteTopic: 'east.orders', partition: 0 }
  table.add({ ...of, slot: 0, lane: 0, progress })
  let stats: NativeStats | undefined
  const statistics = new FlowStatistics({
    config: {
      source: { alias: 'east' },
      target: { alias: 'west' },
      settings: { 'isolation.level': 'read_committed' }
    } as unknown as FlowConfig,
    mirror: { table, refused: [] } as unknown as PartitionMirror,
    lanes: {
      size: 1,
      stats: async () => stats,
      stateOf: () => ({ state: 'running', restarts: 0 })
    } as unknown as LanePool,
    problems: new FlowProblems(silent),
    clock: systemClock
  })
  const shown = async ({ state, caughtUpAtMs }: Told): Promise<string | undefined> => {
    const row: Partial<Record<string, number>> =
      { state: partitionStates.indexOf(state), caughtUpAtMs }
    stats = {
      lane: BigInt64Array.from(Object.keys(laneCounters), () => 0n),
      partitions: BigInt64Array.from(Object.keys(partitionCounters), column =>
        BigInt(row[column] ?? 0)),
      latency: new BigInt64Array(),
      latencySumMs: 0n,
      errors: new BigInt64Array()
    }
    await statistics.collect()
    return statistics.snapshot('running').partitions[0]?.state
  }
  return { table, shown }
}

// Each attempt begins as if nothing were wrong; it takes ten seconds to find a topic missing once
// more. An alert on faulted partitions that waits a while would never be sent.
describe('a partition that is tried again after a fault', () => {
  test('is shown as faulted until it has caught up', async () => {
    const { table, shown } = createStatistics()
    assert.equal(await shown({ state: 'running', caughtUpAtMs: 0 }), 'running')
    for (const partition of table.values()) partition.triedAtMs = 1_000
    assert.equal(await shown({ state: 'starting', caughtUpAtMs: 0 }), 'faulted')
    // Figures of the attempt before.
    assert.equal(await shown({ state: 'running', caughtUpAtMs: 999 }), 'faulted')
    assert.equal(await shown({ state: 'running', caughtUpAtMs: 1_001 }), 'running')
  })

  test('is shown as faulted until a record is acked', async () => {
    const { table, shown } = createStatistics()
    for (const partition of table.values()) partition.triedAtMs = 1_000
    assert.equal(await shown({ state: 'running', caughtUpAtMs: 0 }), 'faulted')
    table.apply({
      states: [], progress: BigInt64Array.of(0n, 1n, 1n, 1n, -1n), logs: [], logsLost: 0n
    })
    assert.equal(await shown({ state: 'running', caughtUpAtMs: 0 }), 'running')
  })
})
