// The partitions in the table, and which of their progress must still be written.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { emptyMap, exactSpan } from '../../../src/orchestrator/offsets/offset-map.ts'
import {
  assignmentOf, PartitionTable, positionOf, type FlowPartition
} from '../../../src/orchestrator/partitions/partition-table.ts'
import {
  startingReport, type PartitionEvent
} from '../../../src/orchestrator/partitions/partition-state.ts'

function createTable (...topics: readonly string[]): PartitionTable {
  const table = new PartitionTable()
  for (const topic of topics) addPartition(table, topic)
  return table
}

function addPartition (table: PartitionTable, topic: string): FlowPartition {
  const added = table.add({ topic, partition: 0, remoteTopic: `east.${topic}`, slot: 1 })
  const progress = { upstream: 5n, downstream: 6n, sequence: 7 }
  table.apply(added, { kind: 'position', progress, lane: 2 }, 0)
  return added
}

const rows = (...values: readonly bigint[]): BigInt64Array => BigInt64Array.from(values)

const names = (partitions: readonly FlowPartition[]): string[] =>
  partitions.map(({ topic }) => topic)

describe('the partition table', () => {
  test('assigns a returning partition a new id, so that late progress of the old one is lost',
    () => {
      const table = createTable('a')
      const first = table.byId(0)
      assert.ok(first)
      table.remove(first)
      const again = addPartition(table, 'a')
      assert.notEqual(again.id, first.id)
      table.advance(rows(BigInt(first.id), 100n, 100n, 100n, -1n))
      assert.equal(again.progress?.upstream, 5n)
      assert.equal(table.size, 1)
    })

  test('keeps the spans that lanes report in the map of the progress', () => {
    const table = createTable('a')
    table.place(rows(0n, 5n, 6n, 10n, 10n, 10n, 0n, 16n, 16n, 4n, 4n, 4n, 9n, 0n, 0n, 1n, 1n, 1n))
    table.advance(rows(0n, 20n, 20n, 21n, -1n))
    const partition = table.byId(0)
    assert.deepEqual(partition?.progress?.offsets, {
      start: { upstream: 5n, downstream: 6n },
      isWhole: false,
      spans: [exactSpan(5n, 6n, 10n), exactSpan(16n, 16n, 4n)]
    })
  })

  // Regression: the map of an imported position began after the markers behind the last record. A
  // group that had committed the offset after that record did not move.
  test('keeps where the map of an imported position begins, behind a marker', () => {
    const table = createTable('a')
    table.advance(rows(0n, 6n, 6n, 7n, -1n))
    table.advance(rows(0n, 7n, 6n, 7n, -1n))
    assert.deepEqual(table.byId(0)?.progress?.offsets,
      emptyMap({ upstream: 5n, downstream: 6n }, false))
    table.place(rows(0n, 7n, 6n, 3n, 3n, 3n))
    table.advance(rows(0n, 10n, 9n, 10n, -1n))
    assert.deepEqual(table.byId(0)?.progress?.offsets?.start, { upstream: 5n, downstream: 6n })
  })

  // Loops that run each second read only these: a partition that is missing here would be stalled
  // without a line in the log.
  test('lists as unsettled each partition that no lane reads, has a trouble or waits', () => {
    const table = new PartitionTable()
    const partition = addPartition(table, 'a')
    const apply = (event: PartitionEvent): readonly string[] => {
      table.apply(partition, event, 0)
      return names([...table.unsettled])
    }
    const report = (state: 'running' | 'waiting'): PartitionEvent =>
      ({ kind: 'report', report: { ...startingReport, state } })
    assert.deepEqual(names([...table.unsettled]), [], 'settled once a lane is assigned it')
    assert.deepEqual(apply(report('waiting')), ['a'])
    assert.deepEqual(apply(report('running')), [])
    assert.deepEqual(apply({ kind: 'pause', by: 'an operator' }), ['a'])
    assert.deepEqual(apply({ kind: 'release' }), ['a'])
    assert.deepEqual(apply({ kind: 'unpause' }), [])
    apply(report('waiting'))
    table.remove(partition)
    assert.deepEqual(apply(report('waiting')), [], 'a late event of a removed partition')
    const begun = table.add({ topic: 'b', partition: 0, remoteTopic: 'east.b', slot: 1 })
    assert.deepEqual([...table.unsettled], [begun])
  })

  test('assigns with the newest progress', () => {
    const table = createTable('a')
    table.advance(rows(0n, 10n, 11n, 12n, 3n))
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
      leaderEpoch: 3
    })
  })

  test('assigns with the ids of the topics of the progress', () => {
    const table = createTable('a')
    const partition = table.byId(0)
    assert.ok(partition)
    const topicIds = { source: 'AAECAwQFBgcICQoLDA0O_w', target: 'AQECAwQFBgcICQoLDA0O_w' }
    const progress = { ...positionOf(partition), topicIds }
    const assignment = assignmentOf({ ...partition, progress })
    assert.equal(assignment.topicId, topicIds.source)
    assert.equal(assignment.remoteTopicId, topicIds.target)
  })

  test('does not assign a partition without a position', () => {
    const table = new PartitionTable()
    const partition = table.add({ topic: 'a', partition: 0, remoteTopic: 'east.a', slot: 1 })
    assert.throws(() => assignmentOf(partition), /a-0 is positioning without a position/)
  })

  test('remembers written progress as a point to go back to', () => {
    const table = createTable('a')
    table.takeDirty()
    table.advance(rows(0n, 10n, 11n, 12n, -1n))
    table.takeDirty()
    table.advance(rows(0n, 20n, 21n, 22n, -1n))
    const [partition] = table.takeDirty()
    assert.deepEqual(partition?.progress?.history?.map(({ upstream }) => upstream), [10n, 20n])
  })

  test('keeps the end of each leader epoch, one row each', () => {
    const table = createTable('a')
    table.advance(rows(0n, 10n, 10n, 10n, 2n, 0n, 15n, 15n, 15n, 4n))
    const { leaderEpoch, earlierEpochs } = table.byId(0)?.progress ?? {}
    assert.equal(leaderEpoch, 4)
    assert.deepEqual(earlierEpochs, [{ epoch: -1, end: 5n }, { epoch: 2, end: 10n }])
  })

  test('returns progress for writing once', () => {
    const table = createTable('a', 'b', 'c')
    const advanced = table.advance(rows(0n, 1n, 1n, 1n, -1n, 2n, 1n, 1n, 1n, -1n))
    assert.deepEqual(names(advanced), ['a', 'c'])
    assert.deepEqual(names(table.takeDirty()), ['a', 'c'])
    assert.deepEqual(names(table.takeDirty()), [])
  })

  test('returns progress again after a failed write, but not of a removed partition', () => {
    const table = createTable('a', 'b')
    table.advance(rows(0n, 1n, 1n, 1n, -1n, 1n, 1n, 1n, 1n, -1n))
    const taken = table.takeDirty()
    const [gone] = taken
    assert.ok(gone)
    table.remove(gone)
    table.markDirty(taken)
    assert.deepEqual(names(table.takeDirty()), ['b'])
  })

  test('finds a partition only by its name', () => {
    const table = createTable('a')
    assert.equal(table.byName({ topic: 'a', partition: 0 }), table.byId(0))
    assert.equal(table.byName({ topic: 'a', partition: 1 }), undefined)
    assert.equal(table.byName({ topic: 'b', partition: 0 }), undefined)
  })
})
