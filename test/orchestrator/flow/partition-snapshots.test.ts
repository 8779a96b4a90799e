// Snapshots are recreated only for partitions that have changed or that age.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PartitionSnapshots } from '../../../src/orchestrator/flow/partition-snapshots.ts'
import type { PartitionSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { startingReport } from '../../../src/orchestrator/partitions/partition-state.ts'
import {
  PartitionTable, type FlowPartition
} from '../../../src/orchestrator/partitions/partition-table.ts'
import { samplePartition } from '../observability/sample-flow.ts'

/** A flow of three partitions in one lane, with no records left to mirror. */
function createSnapshots (): {
  readonly table: PartitionTable
  /** Ids of the partitions for which this update creates snapshots. */
  readonly update: (change?: Partial<PartitionSnapshot>, nowMs?: number) => readonly number[]
  readonly snapshots: PartitionSnapshots
  readonly counted: Set<FlowPartition>
  readonly ends: { staleFrom: number }
} {
  const table = new PartitionTable()
  const progress = { upstream: 0n, downstream: 0n, sequence: 0 }
  for (const partition of [0, 1, 2]) {
    const added = table.add({ topic: 'orders', remoteTopic: 'east.orders', partition, slot: 0 })
    table.apply(added, { kind: 'position', progress, lane: 0 }, 0)
  }
  const snapshots = new PartitionSnapshots()
  const counted = new Set<FlowPartition>()
  const ends = { staleFrom: 15_000 }
  const update = (change: Partial<PartitionSnapshot> = {}, nowMs = 0): readonly number[] => {
    const created: number[] = []
    snapshots.update({
      all: () => table.values(),
      version: String(table.version),
      changed: [...table.takeChanged(), ...counted],
      create: ({ id, partition, topic }) => {
        created.push(id)
        return samplePartition(topic, partition, { lagRecords: 0, lagSeconds: 0, ...change })
      },
      staleFrom: () => ends.staleFrom,
      nowMs
    })
    counted.clear()
    return created
  }
  return { table, update, snapshots, counted, ends }
}

describe('snapshots of partitions', () => {
  test('stay the same objects while nothing changes', () => {
    const { snapshots, update } = createSnapshots()
    assert.deepEqual(update(), [0, 1, 2])
    const before = snapshots.values
    assert.deepEqual(update(), [])
    assert.equal(snapshots.values, before)
  })

  test('are recreated for a partition with a new row, position, state or pause', () => {
    const { counted, snapshots, table, update } = createSnapshots()
    update()
    const before = snapshots.values
    const second = table.byId(1)
    assert.ok(second !== undefined)
    counted.add(second)
    assert.deepEqual(update(), [1])
    table.advance(BigInt64Array.of(2n, 5n, 5n, 5n, -1n))
    assert.deepEqual(update(), [2])
    table.apply(second, { kind: 'report', report: { ...startingReport, state: 'waiting' } }, 0)
    assert.deepEqual(update(), [1])
    table.apply(second, { kind: 'pause', by: 'me' }, 0)
    assert.deepEqual(update(), [1])
    assert.equal(snapshots.values[0], before[0])
    assert.notEqual(snapshots.values[1], before[1])
    assert.notEqual(snapshots.values, before, 'readers keep what they have read')
  })

  test('follow partitions that are added and removed', () => {
    const { snapshots, table, update } = createSnapshots()
    update()
    const first = table.byId(0)
    assert.ok(first !== undefined)
    table.remove(first)
    update()
    assert.deepEqual(snapshots.values.map(({ partition }) => partition), [1, 2])
    table.add({ topic: 'orders', remoteTopic: 'east.orders', partition: 7, slot: 0 })
    update()
    assert.deepEqual(snapshots.values.map(({ partition }) => partition), [1, 2, 7])
  })

  // The age of records that are not mirrored yet grows, and no report shows it.
  test('are recreated each time while records are left to mirror', () => {
    const { update } = createSnapshots()
    update({ lagRecords: 1, lagSeconds: 3 })
    assert.deepEqual(update({ lagRecords: 1, lagSeconds: 4 }), [0, 1, 2])
    assert.deepEqual(update(), [0, 1, 2])
    assert.deepEqual(update(), [])
  })

  test('are recreated once the source has not reported its end for long', () => {
    const { ends, update } = createSnapshots()
    update()
    ends.staleFrom = 20_000
    assert.deepEqual(update({}, 15_000), [], 'it has reported the same end again')
    assert.deepEqual(update({ lagSeconds: 16 }, 20_000), [0, 1, 2])
    assert.deepEqual(update({ lagSeconds: 17 }, 21_000), [0, 1, 2])
  })
})
