// The duty of offset syncs: slots of one process share one topic and its writer, and refusals are
// reported with the way out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { decodeOffsetSync } from '../../../src/orchestrator/mirror-maker/internal-records.ts'
import { emptyMap, exactSpan, withSpan } from '../../../src/orchestrator/offsets/offset-map.ts'
import type { PlacedPartition } from '../../../src/orchestrator/offset-syncs/due-offset-syncs.ts'
import { JointWrites } from '../../../src/orchestrator/offset-syncs/joint-writes.ts'
import { offsetSyncDuty } from '../../../src/orchestrator/offset-syncs/offset-sync-duty.ts'
import { createInternalTopic } from '../cluster/fake-internal-topic.ts'
import { ManualClock } from '../time/manual-clock.ts'

const topic = 'mm2-offset-syncs.west.internal'
const never = new AbortController().signal

function placed (partition: number, records: number): PlacedPartition {
  const none = emptyMap({ upstream: 0n, downstream: 0n }, true)
  return { topic: 'orders', partition, offsets: withSpan(none, exactSpan(0n, 0n, BigInt(records))) }
}

function createDuty () {
  const { cluster, events, named, topic: internal, written } = createInternalTopic(topic, 'east')
  /** By slot: the partitions that have moved since the last run. */
  const moved = new Map<number, readonly PlacedPartition[]>()
  const clock = new ManualClock()
  const duty = offsetSyncDuty({
    topic: internal,
    named,
    lagMax: 100,
    moved: slot => {
      const found = moved.get(slot) ?? []
      moved.delete(slot)
      return found
    },
    isMirrored: () => true,
    clock
  })
  const takeWritten = (): readonly string[] =>
    written.splice(0).map(decodeOffsetSync).map(({ downstream, partition, upstream }) =>
      `${partition}: ${upstream} ${downstream}`)
  return { cluster, duty, events, moved, takeWritten }
}

test('the topic is created with the first sync and closed with the last slot', async () => {
  const { cluster, duty, events, moved, takeWritten } = createDuty()
  assert.equal(duty.slot, undefined, 'each owner of a slot has it')
  await duty.run(0, never)
  await duty.run(1, never)
  assert.deepEqual(cluster.created, [])
  moved.set(1, [placed(5, 11)])
  await duty.run(1, never)
  assert.deepEqual(takeWritten(), ['5: 10 10'])
  assert.deepEqual(cluster.created, [{
    name: topic, partitions: 1, replicationFactor: 3, configs: { 'cleanup.policy': 'compact' }
  }])
  await duty.end?.(0)
  assert.deepEqual(events, [])
  moved.set(1, [placed(5, 200)])
  await duty.end?.(1)
  assert.deepEqual(takeWritten(), ['5: 199 199'], 'the last sync of a slot that is handed over')
  assert.deepEqual(events, ['closed'])
})

test('a sync whose write failed is written with the next run', async () => {
  const { cluster, duty, moved, takeWritten } = createDuty()
  cluster.createError = new ReplicatorError('INVALID_REPLICATION_FACTOR', topic)
  moved.set(0, [placed(5, 11)])
  await assert.rejects(duty.run(0, never), { errorName: 'OFFSET_SYNCS_REFUSED', action: 'Lower ' +
    'offset-syncs.topic.replication.factor=3 to the number of brokers of east, or set ' +
    'emit.offset-syncs.enabled=false to write none' })
  cluster.createError = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic)
  await assert.rejects(duty.run(0, never), { errorName: 'OFFSET_SYNCS_REFUSED', action: 'Grant ' +
    `CREATE and WRITE on topic ${topic} to the principal of cluster east, or set ` +
    'emit.offset-syncs.enabled=false to write none' })
  cluster.createError = undefined
  await duty.run(0, never)
  assert.deepEqual(takeWritten(), ['5: 10 10'])
})

// Otherwise each slot would wait for the round trips of all others.
test('records that slots write during a write are joined in the next write', async () => {
  const batches: number[] = []
  const waiting: Array<() => void> = []
  const writes = new JointWrites({
    write: async records => {
      batches.push(records.length)
      await new Promise<void>(resolve => { waiting.push(resolve) })
    }
  })
  const record = { key: Buffer.from('k'), value: Buffer.from('v') }
  const first = writes.write([record], never)
  await Promise.resolve()
  const others = Promise.all([
    writes.write([record, record], never), writes.write([record], never)])
  await Promise.resolve()
  assert.deepEqual(batches, [1])
  waiting[0]?.()
  await first
  while (waiting.length < 2) await Promise.resolve()
  assert.deepEqual(batches, [1, 3])
  waiting[1]?.()
  await others
})

test('a failed joint write fails for all its callers, and the next one is tried', async () => {
  let failures = 1
  const writes = new JointWrites({
    write: async () => { if (failures-- > 0) throw new ReplicatorError('TIMED_OUT', 'a write') }
  })
  const record = { key: Buffer.from('k'), value: Buffer.from('v') }
  const results = await Promise.allSettled([1, 2].map(async () => {
    await writes.write([record], never)
  }))
  assert.deepEqual(results.map(({ status }) => status), ['rejected', 'rejected'])
  await writes.write([record], never)
})
