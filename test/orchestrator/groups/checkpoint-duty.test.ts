// Checkpoints of a flow: which are written, when they are written again, and what a refusal
// reports.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { checkpointDuty } from '../../../src/orchestrator/groups/checkpoint-duty.ts'
import type { GroupPosition } from '../../../src/orchestrator/groups/group-positions.ts'
import { decodeCheckpoint } from '../../../src/orchestrator/mirror-maker/internal-records.ts'
import type { CheckpointSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { createInternalTopic } from '../cluster/fake-internal-topic.ts'
import { ManualClock } from '../time/manual-clock.ts'

const topic = 'east.checkpoints.internal'
const never = new AbortController().signal

function createDuty () {
  const { cluster, events, failures, named, topic: internal, written } =
    createInternalTopic(topic, 'west')
  const refused: ReplicatorError[] = []
  const state: { positions: readonly GroupPosition[], failures: readonly ReplicatorError[] } =
    { positions: [], failures: [] }
  const shown = new Map<string, CheckpointSnapshot>()
  const clock = new ManualClock()
  const duty = checkpointDuty({
    slot: 0,
    intervalMs: 60_000,
    positions: {
      read: async () => {
        await clock.advance(40)
        return { ...state, groups: [], shareGroups: [] }
      }
    },
    topic: internal,
    named,
    written: shown,
    onRefused: error => { refused.push(error) },
    clock
  })
  const run = async (): Promise<readonly string[]> => {
    written.length = 0
    await duty.run(0, never)
    return written.map(decodeCheckpoint).map(({ downstream, group, metadata, ...each }) =>
      `${group} ${each.topic}-${each.partition} ${each.upstream} ${downstream} ${metadata}`)
  }
  return { cluster, duty, events, failures, refused, run, shown, state }
}

function position (group: string, upstream: bigint, downstream: bigint): GroupPosition {
  const offset = { topic: 'east.orders', partition: 2, upstream, downstream, metadata: 'm' }
  return { group, offsets: [offset] }
}

test('checkpoints are written once, and again after a group has moved', async () => {
  const { cluster, run, state } = createDuty()
  assert.deepEqual(await run(), [])
  assert.deepEqual(cluster.created, [], 'no topic without a checkpoint')
  state.positions = [position('app', 12n, 10n), position('billing', 5n, 4n)]
  assert.deepEqual(await run(),
    ['app east.orders-2 12 10 m', 'billing east.orders-2 5 4 m'])
  assert.deepEqual(cluster.created, [{
    name: topic, partitions: 1, replicationFactor: 3, configs: { 'cleanup.policy': 'compact' }
  }])
  assert.deepEqual(await run(), [])
  state.positions = [position('app', 13n, 11n), position('billing', 3n, 2n)]
  assert.deepEqual(await run(),
    ['app east.orders-2 13 11 m', 'billing east.orders-2 3 2 m'], 'forwards, and reset')
  // The group is ahead of the mirror: the translated offset rises with the mirror.
  state.positions = [position('app', 13n, 12n)]
  assert.deepEqual(await run(), ['app east.orders-2 13 12 m'])
})

test('figures count the checkpoints of a group, and end with the duty', async () => {
  const { duty, run, shown, state } = createDuty()
  state.positions = [position('app', 12n, 10n)]
  await run()
  await run()
  state.positions = [position('app', 13n, 11n)]
  await run()
  assert.deepEqual([...shown.values()],
    [{ group: 'app', topic: 'east.orders', partition: 2, written: 2, latencySumMs: 80 }])
  await duty.end?.(0)
  assert.equal(shown.size, 0)
})

// While another process had the duty, that process wrote later checkpoints of the same groups.
test('a process that has the duty again writes all checkpoints', async () => {
  const { duty, events, run, state } = createDuty()
  state.positions = [position('app', 12n, 10n)]
  await run()
  await duty.end?.(0)
  assert.deepEqual(events, ['closed'])
  assert.deepEqual(await run(), ['app east.orders-2 12 10 m'])
})

// Regression: the topic was deleted while Longhaul ran, and the recreated topic received only the
// checkpoints of groups that moved later.
test('all checkpoints are written again after a failed write', async () => {
  const { failures, run, state } = createDuty()
  state.positions = [position('app', 12n, 10n), position('billing', 5n, 4n)]
  await run()
  state.positions = [position('app', 13n, 11n), position('billing', 5n, 4n)]
  failures.push(new ReplicatorError('_UNKNOWN_PARTITION', topic))
  await assert.rejects(run())
  assert.deepEqual(await run(), ['app east.orders-2 13 11 m', 'billing east.orders-2 5 4 m'])
})

test('a refusal names the permission or the setting, and unreadable groups are logged once',
  async () => {
    const { cluster, refused, run, state } = createDuty()
    state.failures = [new ReplicatorError('GROUP_OFFSETS_UNREADABLE', 'group hidden')]
    state.positions = [position('app', 12n, 10n)]
    cluster.createError = new ReplicatorError('INVALID_REPLICATION_FACTOR', topic)
    await assert.rejects(run(), { errorName: 'CHECKPOINTS_REFUSED', action: 'Lower ' +
      'checkpoints.topic.replication.factor=3 to the number of brokers of west, or set ' +
      'emit.checkpoints.enabled=false to write none' })
    cluster.createError = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic)
    await assert.rejects(run(), { errorName: 'CHECKPOINTS_REFUSED', action: 'Grant CREATE and ' +
      `WRITE on topic ${topic} to the principal of cluster west, or set ` +
      'emit.checkpoints.enabled=false to write none' })
    cluster.createError = undefined
    assert.deepEqual(await run(), ['app east.orders-2 12 10 m'])
    assert.deepEqual(refused.map(({ errorName }) => errorName), ['GROUP_OFFSETS_UNREADABLE'])
  })
