// Where partitions begin when slots come and go: over fake clusters and lanes that only remember.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { partitionStates } from '../../../src/dataplane/contract/contract-table.ts'
import type { PartitionAssignment, StateEvent } from '../../../src/dataplane/index.ts'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import type { LanePool } from '../../../src/orchestrator/lanes/lane-pool.ts'
import { PartitionMirror } from '../../../src/orchestrator/partitions/partition-mirror.ts'
import type { SlotRecord } from '../../../src/orchestrator/progress/progress-store.ts'
import {
  restoreSlots, type ProgressTopicOptions
} from '../../../src/orchestrator/progress/progress-topic.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { Log } from '../../../src/orchestrator/observability/log.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import type { MirroredTopic } from '../../../src/orchestrator/topics/topic-sync.ts'
import { settle } from '../time/manual-clock.ts'
import { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'

const faulted = partitionStates.indexOf('faulted')
const producer = { producerId: 7n, producerEpoch: 0 }
const progressTopic = 'progress'
const orders = { topic: 'orders', remoteTopic: 'east.orders', partitions: 1 } as MirroredTopic
const silent: Log = {
  error: () => {}, warn: () => {}, info: () => {}, debug: () => {}, child: () => silent
}

function createMirror (): {
  readonly mirror: PartitionMirror
  readonly source: FakeCluster
  readonly target: FakeCluster
  readonly store: FakeProgressStore
  readonly assigned: PartitionAssignment[]
  /** Lanes that were told to take, and to let go of, the partition. */
  readonly told: Array<readonly [string, number]>
} {
  const source = new FakeCluster()
  const target = new FakeCluster()
  source.topics.set('orders', 1)
  target.topics.set('east.orders', 1).set(progressTopic, 1)
  const store = new FakeProgressStore(target, progressTopic)
  const assigned: PartitionAssignment[] = []
  const told: Array<readonly [string, number]> = []
  const lanes = {
    size: 2,
    assign: (lane: number, more: readonly PartitionAssignment[]) => {
      assigned.push(...more)
      if (more.length > 0) told.push(['assign', lane])
    },
    revoke: (lane: number, ids: readonly number[]) => {
      if (ids.length > 0) told.push(['revoke', lane])
    }
  } as unknown as LanePool
  const options: ProgressTopicOptions = {
    target: target.admin(),
    store: store.store(),
    topic: progressTopic,
    slots: 1,
    replicationFactor: 1,
    othersRun: async () => false
  }
  const config = {
    settings: { 'task.slots': 1, 'auto.offset.reset': 'earliest' },
    ofTopic: () => ({ 'data.loss': 'skip', 'record.too.large': 'skip' })
  } as unknown as FlowConfig
  const mirror = new PartitionMirror({
    config,
    source: source.admin(),
    target: target.admin(),
    progress: { write: async records => { await store.write(records) }, mend: async () => false },
    lanes,
    producer,
    restore: async slots => await restoreSlots(options, slots, producer),
    problems: new FlowProblems(silent),
    log: silent,
    clock: systemClock
  })
  return { mirror, source, target, store, assigned, told }
}

function progressRecord (upstream: bigint, downstream: bigint): SlotRecord {
  const progress = { upstream, downstream, sequence: Number(upstream) }
  const { producerId } = producer
  const of = { topic: 'orders', partition: 0 }
  return { slot: 0, record: { kind: 'partition', source: of, progress, producerId } }
}

const positions = (assigned: readonly PartitionAssignment[]): unknown =>
  assigned.map(({ upstream, downstream, sequence }) => [upstream, downstream, sequence])

describe('where a partition of an acquired slot begins', () => {
  test('at its progress, if there is any', async () => {
    const { mirror, store, assigned } = createMirror()
    store.append(progressRecord(10n, 12n))
    await mirror.setTopics([orders])
    await mirror.acquire([0])
    assert.deepEqual(positions(assigned), [[10n, 12n, 10]])
    assert.equal(store.written.length, 1)
  })

  test('at the start, which is on record before anything is assigned', async () => {
    const { mirror, store, assigned } = createMirror()
    await mirror.setTopics([orders])
    store.beforeWrite = () => { assert.equal(assigned.length, 0) }
    await mirror.acquire([0])
    assert.equal(store.written.length, 1)
    assert.deepEqual(positions(assigned), [[0n, 0n, 0]])
  })

  // Two processes start at once: the first takes every slot, the group gives one of them to the
  // second, which reads the slot while it is empty. The first then begins and sends a hundred
  // records. Begun at the end of the target, the second would look for records of the flow behind
  // all that were sent, find none, and send them again with sequences the broker has forgotten.
  test('where another process began it while we asked for the end of the target', async () => {
    const { mirror, target, store, assigned } = createMirror()
    await mirror.setTopics([orders])
    const listOffsets = target.listOffsets.bind(target)
    target.listOffsets = async wanted => {
      if (wanted.some(({ topic }) => topic === 'east.orders')) {
        store.append(progressRecord(0n, 0n))
        target.ends.set('east.orders/0', 100n)
      }
      return await listOffsets(wanted)
    }
    await mirror.acquire([0])
    assert.deepEqual(positions(assigned), [[0n, 0n, 0]])
    assert.equal(store.written.length, 1, 'its record must not be overwritten')
  })
})

describe('a partition that faults', () => {
  // The lane's states are coalesced, so nothing may come between two faults of one kind: the second
  // was taken for the first, and waited for the next retry.
  test('again at once, in the same way, is skipped over again', async () => {
    const { assigned, mirror } = createMirror()
    await mirror.setTopics([orders])
    await mirror.acquire([0])
    for (const skipTo of [5n, 6n]) {
      const state = { id: 0, state: faulted, code: 1005, detail: 'too large', released: false }
      const fault = { ...state, skipTo, skipRecords: 1n, skipEpoch: -1 }
      mirror.onEvents(0, { states: [fault], progress: new BigInt64Array(), logs: [], logsLost: 0n })
      await settle()
    }
    assert.deepEqual(assigned.map(({ upstream }) => upstream), [0n, 5n, 6n])
    assert.equal(mirror.skipped.get('orders')?.get('record_too_large'), 2n)
  })
})

// A broker that comes back after an unclean election is slow to answer, and faulted partitions are
// tried again all the while: the decision read an offset of -1 from the new attempt, went on there,
// and the process ended.
describe('a partition whose fault is being decided', () => {
  const createDeciding = async (): Promise<ReturnType<typeof createMirror> & {
    readonly answer: () => Promise<void>
  }> => {
    const created = createMirror()
    const { mirror, source } = created
    await mirror.setTopics([orders])
    await mirror.acquire([0])
    const listOffsets = source.listOffsets.bind(source)
    let answer: () => void = () => {}
    const answered = new Promise<void>(resolve => { answer = resolve })
    source.listOffsets = async wanted => {
      await answered
      return await listOffsets(wanted)
    }
    const truncated = { state: faulted, code: 1014, detail: 'parted', released: false }
    const fault = { id: 0, ...truncated, skipTo: 0n, skipRecords: 0n, skipEpoch: 0 }
    mirror.onEvents(0, { states: [fault], progress: new BigInt64Array(), logs: [], logsLost: 0n })
    await settle()
    return { ...created, answer: async () => { answer(); await settle() } }
  }

  test('is not tried again meanwhile', async () => {
    const { answer, mirror, told } = await createDeciding()
    await mirror.retryFaulted()
    assert.deepEqual(told, [['assign', 0]])
    await answer()
    assert.deepEqual(told, [['assign', 0], ['assign', 0]])
    assert.equal(mirror.skipped.get('orders')?.get('data_loss'), 0n)
  })

  test('and whose lane dies meanwhile is left to the next one', async () => {
    const { answer, mirror, told } = await createDeciding()
    mirror.onLaneLost(0, new ReplicatorError('LANE_LOST', 'lane 0'))
    await answer()
    assert.deepEqual(told, [['assign', 0], ['assign', 0]])
    assert.equal(mirror.skipped.size, 0)
  })
})

describe('a partition that moves to another lane', () => {
  const event = (state: number, released: boolean): StateEvent =>
    ({ id: 0, state, code: 0, detail: '', skipTo: -1n, skipRecords: -1n, skipEpoch: -1, released })
  const running = event(2, false)
  const gone = event(6, true)

  const tell = (
    mirror: PartitionMirror, state: StateEvent, upstream: bigint
  ): void => {
    const progress = BigInt64Array.of(0n, upstream, upstream, upstream, -1n)
    mirror.onEvents(0, { states: [state], progress, logs: [], logsLost: 0n })
  }

  const createMoving = async (): Promise<ReturnType<typeof createMirror>> => {
    const created = createMirror()
    const { mirror } = created
    await mirror.setTopics([orders])
    await mirror.acquire([0])
    tell(mirror, running, 10n)
    const [partition] = mirror.table.values()
    assert.ok(partition !== undefined)
    mirror.move(partition, 1)
    return created
  }

  test('begins there where the first one ended, once that has let go', async () => {
    const { assigned, mirror, told } = await createMoving()
    tell(mirror, running, 15n)
    assert.deepEqual(told, [['assign', 0], ['revoke', 0]])
    tell(mirror, gone, 20n)
    assert.deepEqual(told, [['assign', 0], ['revoke', 0], ['assign', 1]])
    assert.deepEqual(positions(assigned.slice(-1)), [[20n, 20n, 20]])
  })

  // The events of a lane that died never come: the partition would wait for them for ever.
  test('stays, if its lane dies before it let go', async () => {
    const { mirror, told } = await createMoving()
    mirror.onLaneLost(0, new ReplicatorError('LANE_LOST', 'lane 0'))
    assert.deepEqual(told.at(-1), ['assign', 0])
    const [partition] = mirror.table.values()
    assert.equal(partition?.movingTo, undefined)
  })

  // The lane lets go for the move and for the slot alike: taken for the move, it would be mirrored
  // on beside the process that has the slot now.
  test('goes nowhere, if its slot is handed over meanwhile', async () => {
    const { mirror, told } = await createMoving()
    const released = mirror.release([0], 1000, false)
    await settle()
    tell(mirror, gone, 20n)
    assert.equal(await released, true)
    assert.deepEqual(told.filter(([verb]) => verb === 'assign'), [['assign', 0]])
  })

  // Of the old lane: it is not done yet with what the new one has in flight.
  test('is waited for in its new lane when its slot is handed over', async () => {
    const { mirror, told } = await createMoving()
    tell(mirror, gone, 20n)
    let isReleased = false
    const released = mirror.release([0], 1000, false).then(() => { isReleased = true })
    await settle()
    assert.equal(isReleased, false)
    assert.deepEqual(told.at(-1), ['revoke', 1])
    mirror.onEvents(1, { states: [gone], progress: new BigInt64Array(), logs: [], logsLost: 0n })
    await released
  })
})
