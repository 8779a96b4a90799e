// Lag of the partitions of a flow: from lanes, from the source if no lane fetches, over time.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PartitionCounters } from '../../../src/dataplane/index.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { OpenTransactions } from '../../../src/orchestrator/partitions/open-transactions.ts'
import { PartitionLags } from '../../../src/orchestrator/partitions/partition-lags.ts'
import {
  PartitionTable, type FlowPartition
} from '../../../src/orchestrator/partitions/partition-table.ts'
import {
  RestingPartitions
} from '../../../src/orchestrator/partitions/resting-partitions.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'
import { recordingLog } from '../observability/recording-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

const second = 1_000

function createLags (): {
  readonly lags: PartitionLags
  readonly clock: ManualClock
  readonly source: FakeCluster
  readonly partition: FlowPartition
  readonly table: PartitionTable
  /** The source topic was recreated with this id. */
  readonly recreate: (id: string | undefined) => void
  /** Whether the progress of its slot has been read. */
  readonly read: (isRead: boolean) => void
  /** The counters of its lane: it has just fetched. */
  readonly row: (highWatermark: bigint) => PartitionCounters
} {
  const clock = new ManualClock()
  const source = new FakeCluster()
  source.addTopic('orders', 1)
  let recreatedAs: string | undefined
  let isRead = true
  const lags = new PartitionLags({
    source: source.admin(),
    isolation: 'read_committed',
    beginsAtStart: () => true,
    recreatedAs: () => recreatedAs,
    isRead: () => isRead,
    clock
  })
  const table = new PartitionTable()
  const names = { topic: 'orders', remoteTopic: 'east.orders' }
  const partition = table.add({ ...names, partition: 0, slot: 0 })
  const row = (highWatermark: bigint): PartitionCounters => ({
    highWatermark,
    lastStableOffset: highWatermark,
    endKnownMs: BigInt(clock.now()),
    endFirstSeenMs: 0n,
    oldestUnackedMs: -1n
  } as unknown as PartitionCounters)
  const recreate = (id: string | undefined): void => { recreatedAs = id }
  const read = (value: boolean): void => { isRead = value }
  return { lags, clock, source, partition, table, recreate, read, row }
}

function positionAt (
  { clock, partition, table }: ReturnType<typeof createLags>, upstream: bigint
): void {
  const progress = { upstream, downstream: upstream, sequence: 0 }
  table.apply(partition, { kind: 'position', progress, lane: 0 }, clock.now())
}

describe('the lag of a partition', () => {
  test('that is fetched comes from its lane, without a request to the source', async () => {
    const fixture = createLags()
    const { clock, lags, partition, row, source } = fixture
    positionAt(fixture, 5n)
    source.error = new ReplicatorError('_TRANSPORT', 'east')
    lags.observe({ partition, row: row(20n) })
    await lags.refresh([partition])
    clock.skip(second)
    assert.equal(lags.lagOf({ partition, row: row(20n) }).records, 15)
  })

  // Regression: a partition that had caught up and then faulted showed lag 0 for ever.
  test('that no lane fetches comes from a request to the source', async () => {
    const fixture = createLags()
    const { clock, lags, partition, row, source } = fixture
    positionAt(fixture, 20n)
    lags.observe({ partition, row: row(20n) })
    source.ends.set('orders/0', 1_020n)
    clock.skip(20 * second)
    await lags.refresh([partition])
    clock.skip(5 * second)
    const { records, seconds } = lags.lagOf({ partition, row: undefined })
    assert.equal(records, 1_000)
    assert.equal(seconds, 5)
  })

  test('that was never mirrored counts from its start position', async () => {
    const { lags, partition, source } = createLags()
    source.ends.set('orders/0', 100n)
    source.starts.set('orders/0', 30n)
    await lags.refresh([partition])
    assert.equal(lags.lagOf({ partition, row: undefined }).records, 70)
  })

  // Its position is recorded but was not read: a count from the start of the log would include all
  // mirrored records.
  test('whose progress cannot be read is not known', async () => {
    const { lags, partition, read, source } = createLags()
    read(false)
    source.ends.set('orders/0', 100n)
    await lags.refresh([partition])
    assert.equal(lags.lagOf({ partition, row: undefined }).records, undefined)
  })

  test('continues from the last known position while its slot is acquired again', async () => {
    const fixture = createLags()
    const { clock, lags, partition, read, row, source, table } = fixture
    positionAt(fixture, 20n)
    lags.observe({ partition, row: row(20n) })
    read(false)
    table.remove(partition)
    const again = table.add(partition)
    source.ends.set('orders/0', 50n)
    clock.skip(20 * second)
    await lags.refresh([again])
    lags.observe({ partition: again, row: undefined })
    clock.skip(5 * second)
    const { records, seconds } = lags.lagOf({ partition: again, row: undefined })
    assert.equal(records, 30)
    assert.equal(seconds, 5)
  })

  // The failure of the fetches may also keep the source from answering here.
  test('ages while the source does not answer', async () => {
    const fixture = createLags()
    const { clock, lags, partition, row, source } = fixture
    positionAt(fixture, 5n)
    lags.observe({ partition, row: row(20n) })
    source.error = new ReplicatorError('_TRANSPORT', 'east')
    clock.skip(40 * second)
    await assert.rejects(lags.refresh([partition]))
    lags.observe({ partition, row: undefined })
    const { records, seconds } = lags.lagOf({ partition, row: undefined })
    assert.equal(records, 15)
    assert.equal(seconds, 40)
  })

  test('continues ageing in a lane that was restarted', () => {
    const fixture = createLags()
    const { clock, lags, partition, row } = fixture
    positionAt(fixture, 5n)
    lags.observe({ partition, row: row(20n) })
    clock.skip(60 * second)
    const fresh = { ...row(20n), endFirstSeenMs: BigInt(clock.now()) }
    lags.observe({ partition, row: fresh })
    assert.equal(lags.lagOf({ partition, row: fresh }).seconds, 60)
  })

  // Regression: the old position is after the end of the new topic: the difference was negative,
  // and shown as 0 while a policy had the partition stopped.
  test('in a recreated topic is all its records, until a decision moves there', async () => {
    const fixture = createLags()
    const { clock, lags, partition, recreate, row, source } = fixture
    positionAt(fixture, 1_000n)
    const ofOldTopic = row(1_000n)
    lags.observe({ partition, row: ofOldTopic })
    recreate('second')
    source.starts.set('orders/0', 2n)
    source.ends.set('orders/0', 22n)
    clock.skip(second)
    lags.observe({ partition, row: ofOldTopic })
    await lags.refresh([partition])
    lags.observe({ partition, row: ofOldTopic })
    assert.equal(lags.lagOf({ partition, row: ofOldTopic }).records, 20)
    clock.skip(5 * second)
    assert.equal(lags.lagOf({ partition, row: ofOldTopic }).seconds, 5)
    recreate(undefined)
    const progress = { upstream: 2n, downstream: 1_000n, sequence: 0 }
    Object.assign(partition, { progress })
    assert.equal(lags.lagOf({ partition, row: ofOldTopic }).records, 20)
  })

  test('is forgotten with the partition', () => {
    const fixture = createLags()
    const { lags, partition, row } = fixture
    positionAt(fixture, 5n)
    lags.observe({ partition, row: row(20n) })
    lags.forgetOthers([])
    assert.equal(lags.lagOf({ partition, row: undefined }).records, undefined)
  })
})

/** An operator has paused it. */
function pausedAt (fixture: ReturnType<typeof createLags>, upstream: bigint): void {
  const { clock, partition, table } = fixture
  table.apply(partition, { kind: 'pause', by: 'an operator' }, clock.now())
  positionAt(fixture, upstream)
  assert.equal(partition.state, 'paused')
}

describe('the lag of a partition that no lane reads', () => {
  const createLook = (fixture: ReturnType<typeof createLags>): {
    readonly look: () => Promise<ReadonlySet<FlowPartition>>
    readonly records: () => number | undefined
    readonly seconds: () => number | undefined
  } => {
    const { lags, partition } = fixture
    const look = async (): Promise<ReadonlySet<FlowPartition>> => {
      const changed: FlowPartition[] = []
      await lags.refreshResting([partition], more => { changed.push(...more) })
      return new Set(changed)
    }
    const records = (): number | undefined => lags.lagOf({ partition, row: undefined }).records
    const seconds = (): number | undefined => lags.lagOf({ partition, row: undefined }).seconds
    return { look, records, seconds }
  }

  // Regression: it was requested each 10 s, and only if its last end was older than 15 s: ten
  // records in a paused topic were lag 0 for a quarter of a minute.
  test('is requested at once, and again each 5 s', async () => {
    const fixture = createLags()
    const { clock, partition, source } = fixture
    pausedAt(fixture, 20n)
    source.ends.set('orders/0', 20n)
    const { look, records } = createLook(fixture)
    assert.deepEqual([...await look()], [partition])
    assert.equal(records(), 0)
    source.ends.set('orders/0', 30n)
    for (let each = 0; each < 4; each++) {
      clock.skip(second)
      assert.deepEqual([...await look()], [])
    }
    assert.equal(records(), 0)
    clock.skip(second)
    assert.deepEqual([...await look()], [partition], 'whoever keeps figures of it hears of it')
    assert.equal(records(), 10)
  })

  test('is requested as soon as its position has been read', async () => {
    const fixture = createLags()
    const { clock, partition, read, source } = fixture
    pausedAt(fixture, 20n)
    Object.assign(partition, { progress: undefined })
    read(false)
    source.ends.set('orders/0', 50n)
    const { look, records } = createLook(fixture)
    await look()
    assert.equal(records(), undefined)
    read(true)
    Object.assign(partition, { progress: { upstream: 20n, downstream: 20n, sequence: 0 } })
    clock.skip(second)
    await look()
    assert.equal(records(), 30)
  })

  // Regression: after a restart no process remembered since when the end was after the position, so
  // that 100 records were 0.3 s old, and not 80 s. The record before the position is older still.
  test('is as old as the first record that the target lacks', async () => {
    const fixture = createLags()
    const { clock, source } = fixture
    pausedAt(fixture, 20n)
    source.ends.set('orders/0', 120n)
    const ageMs = (ms: number): bigint => BigInt(clock.now() - ms)
    source.times.set('orders/0', [[ageMs(9e6), 0n], [ageMs(400_000), 19n], [ageMs(80_000), 20n],
      [ageMs(70_000), 60n], [ageMs(1_000), 119n]])
    const { look, seconds } = createLook(fixture)
    await look()
    assert.equal(seconds(), 80)
    clock.skip(5 * second)
    source.times.clear()
    await look()
    assert.equal(seconds(), 85, 'its position has not moved, so its first record has not')
  })

  test('is never younger than the time since its end was seen', async () => {
    const fixture = createLags()
    const { clock, source } = fixture
    pausedAt(fixture, 20n)
    source.ends.set('orders/0', 120n)
    source.times.set('orders/0', [[BigInt(Date.UTC(2090, 0, 1)), 3n]])
    const { look, seconds } = createLook(fixture)
    await look()
    clock.skip(7 * second)
    source.times.set('orders/0', [[BigInt(clock.now() - second), 20n]])
    await look()
    assert.equal(seconds(), 7)
  })

  // Regression: the position of a deleted topic is after the end of the recreated one: "behind 0".
  test('is not known if the log ends before its position', async () => {
    const fixture = createLags()
    const { clock, recreate, source } = fixture
    pausedAt(fixture, 200n)
    source.ends.set('orders/0', 20n)
    const { look, records } = createLook(fixture)
    await look()
    assert.equal(records(), undefined)
    recreate('second')
    clock.skip(second)
    await look()
    assert.equal(records(), 20, 'a recreated topic is asked about at once')
  })
})

test('lag of thousands of partitions that no lane reads is requested each 10 s', () => {
  const clock = new ManualClock()
  const table = new PartitionTable()
  for (let partition = 0; partition < 2_000; partition++) {
    const added = table.add({ topic: 'orders', remoteTopic: 'east.orders', partition, slot: 0 })
    table.apply(added, { kind: 'pause', by: 'an operator' }, clock.now())
  }
  const resting = new RestingPartitions({
    mayAsk: () => true, recreatedAs: () => undefined, clock
  })
  const asked = Array.from({ length: 21 }, () => {
    const due = resting.takeDue(table.unsettled)
    clock.skip(second)
    return due.length
  })
  assert.deepEqual(asked, Array.from({ length: 21 }, (_, each) => each % 10 === 0 ? 2_000 : 0))
})

// Regression: an open transaction that no producer ended held a partition back for ever: no error,
// lag 0, state running.
describe('a transaction that stays open', () => {
  const createLook = (fixture: ReturnType<typeof createLags>): {
    readonly look: () => Promise<void>
    readonly lines: string[]
  } => {
    const { clock, lags, partition, row } = fixture
    positionAt(fixture, 10n)
    const lines: string[] = []
    const producers = [
      { producerId: 5n, producerEpoch: 0, lastTimestamp: 1n, transactionStart: -1n },
      { producerId: 77n, producerEpoch: 3, lastTimestamp: 1n, transactionStart: 10n }
    ]
    const transactions = new OpenTransactions({
      source: {
        cluster: 'east',
        describeProducers: async partitions => {
          assert.deepEqual(partitions, [{ topic: 'orders', partition: 0 }])
          return [{ topic: 'orders', partition: 0, producers, error: undefined }]
        }
      },
      lags,
      log: recordingLog(lines),
      clock
    })
    const look = async (): Promise<void> => {
      lags.observe({ partition, row: { ...row(500n), lastStableOffset: 10n } })
      await transactions.look([partition])
    }
    return { look, lines }
  }

  test('causes a warning after a minute, with producer, records and the way out', async () => {
    const fixture = createLags()
    const { look, lines } = createLook(fixture)
    await look()
    fixture.clock.skip(59 * second)
    await look()
    assert.deepEqual(lines, [])
    fixture.clock.skip(2 * second)
    await look()
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^warn: orders-0: up to 490 records on east .* at least 61 s/)
    assert.match(lines[0] ?? '', /from offset 10 on, of producer id 77 \(epoch 3\)/)
    assert.match(lines[0] ?? '', /isolation\.level=read_uncommitted/)
  })

  test('is reported again every ten minutes while it lasts', async () => {
    const fixture = createLags()
    const { look, lines } = createLook(fixture)
    for (let each = 0; each < 180; each++) {
      await look()
      fixture.clock.skip(10 * second)
    }
    assert.equal(lines.length, 3)
  })

  test('is no lag that could be mirrored', () => {
    const fixture = createLags()
    const { lags, partition, row } = fixture
    positionAt(fixture, 10n)
    const open = { ...row(500n), lastStableOffset: 10n }
    lags.observe({ partition, row: open })
    const figures = lags.lagOf({ partition, row: open })
    assert.equal(figures.records, 490)
    assert.equal(figures.openTransactionRecords, 490)
  })
})
