// What lanes tell of partitions, and what of it is still to be written.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { partitionStates } from '../../../src/dataplane/contract/contract-table.ts'
import type { NativeEvents, StateEvent } from '../../../src/dataplane/index.ts'
import {
  assignmentOf, PartitionTable, type MirroredPartition
} from '../../../src/orchestrator/partitions/partition-table.ts'

function createTable (...topics: readonly string[]): PartitionTable {
  const table = new PartitionTable()
  for (const topic of topics) addPartition(table, topic)
  return table
}

function addPartition (table: PartitionTable, topic: string): MirroredPartition {
  return table.add({
    topic,
    partition: 0,
    remoteTopic: `east.${topic}`,
    slot: 1,
    lane: 2,
    progress: { upstream: 5n, downstream: 6n, sequence: 7 }
  })
}

function events (rows: readonly bigint[], states: readonly StateEvent[] = []): NativeEvents {
  return { states, logs: [], progress: BigInt64Array.from(rows) } as unknown as NativeEvents
}

function moveTo (
  id: number, state: (typeof partitionStates)[number], more: Partial<StateEvent> = {}
): StateEvent {
  const told = { id, state: partitionStates.indexOf(state), code: 0, detail: '', released: false }
  return { ...told, ...more } as StateEvent
}

const names = (partitions: readonly MirroredPartition[]): string[] =>
  partitions.map(({ topic }) => topic)

describe('the partition table', () => {
  test('numbers partitions anew each time, so that late events of an old one hit nobody', () => {
    const table = createTable('a')
    const first = table.byId(0)
    assert.ok(first)
    table.remove(first)
    const again = addPartition(table, 'a')
    assert.notEqual(again.id, first.id)
    table.apply(events([BigInt(first.id), 100n, 100n, 100n, -1n]))
    assert.equal(again.progress.upstream, 5n)
    assert.equal(table.size, 1)
  })

  test('assigns with the progress that is known last', () => {
    const table = createTable('a')
    table.apply(events([0n, 10n, 11n, 12n, 3n]))
    const partition = table.byId(0)
    assert.ok(partition)
    assert.deepEqual(assignmentOf(partition), {
      id: 0,
      topic: 'a',
      remoteTopic: 'east.a',
      partition: 0,
      upstream: 10n,
      downstream: 11n,
      sequence: 12,
      leaderEpoch: 3,
      batchBytesMax: 0
    })
  })

  test('remembers what is written as a point to go back to', () => {
    const table = createTable('a')
    table.apply(events([0n, 10n, 11n, 12n, -1n]))
    table.apply(events([0n, 20n, 21n, 22n, -1n]))
    const [partition] = table.takeDirty()
    assert.deepEqual(partition?.progress.history?.map(({ upstream }) => upstream), [5n, 20n])
  })

  test('keeps how far each leader epoch went, of a row each', () => {
    const table = createTable('a')
    table.apply(events([0n, 10n, 10n, 10n, 2n, 0n, 15n, 15n, 15n, 4n]))
    const { leaderEpoch, earlierEpochs } = table.byId(0)?.progress ?? {}
    assert.equal(leaderEpoch, 4)
    assert.deepEqual(earlierEpochs, [{ epoch: -1, end: 5n }, { epoch: 2, end: 10n }])
  })

  test('gives progress to be written once', () => {
    const table = createTable('a', 'b', 'c')
    table.apply(events([0n, 1n, 1n, 1n, -1n, 2n, 1n, 1n, 1n, -1n]))
    assert.deepEqual(names(table.takeDirty()), ['a', 'c'])
    assert.deepEqual(names(table.takeDirty()), [])
  })

  test('gives progress again that could not be written, but none of a removed partition', () => {
    const table = createTable('a', 'b')
    table.apply(events([0n, 1n, 1n, 1n, -1n, 1n, 1n, 1n, 1n, -1n]))
    const taken = table.takeDirty()
    const [gone] = taken
    assert.ok(gone)
    table.remove(gone)
    table.markDirty(taken)
    assert.deepEqual(names(table.takeDirty()), ['b'])
  })

  test('reports a move once, and a new code in the same state', () => {
    const table = createTable('a')
    const running = moveTo(0, 'running')
    assert.deepEqual(names(table.apply(events([], [running]))), ['a'])
    assert.deepEqual(names(table.apply(events([], [running]))), [])
    const retrying = moveTo(0, 'running', { code: 7, detail: 'slow' })
    assert.deepEqual(names(table.apply(events([], [retrying]))), ['a'])
    assert.equal(table.byId(0)?.detail, 'slow')
  })

  test('knows that a partition was let go of, with the progress that came along', () => {
    const table = createTable('a')
    const released = moveTo(0, 'stopped', { released: true })
    table.apply(events([0n, 20n, 20n, 20n, -1n], [released]))
    assert.equal(table.byId(0)?.released, true)
    assert.equal(table.byId(0)?.progress.upstream, 20n)
  })

  test('finds partitions by name', () => {
    const table = createTable('a')
    assert.equal(table.has({ topic: 'a', partition: 0 }), true)
    assert.equal(table.has({ topic: 'a', partition: 1 }), false)
    assert.equal(table.has({ topic: 'b', partition: 0 }), false)
  })
})
