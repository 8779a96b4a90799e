// A cluster that stops answering is shown with its error and the time of its last answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  ClusterAdmin, DescribeClusterOptions
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { ClusterProbe } from '../../../src/orchestrator/flow/cluster-probe.ts'
import { ManualClock } from '../time/manual-clock.ts'

const intervalMs = 5_000

test('a silent cluster keeps the time of its last answer until it answers again', async () => {
  const clock = new ManualClock()
  const stopping = new AbortController()
  const gone = new ReplicatorError('CLUSTER_UNREACHABLE', 'west')
  let isThere = true
  const well = { describeCluster: async () => ({ brokers: [] }) } as unknown as ClusterAdmin
  const target = {
    describeCluster: async () => {
      if (!isThere) throw gone
      return { brokers: [] }
    }
  } as unknown as ClusterAdmin
  const probe = new ClusterProbe({ source: well, target, clock, signal: stopping.signal })
  probe.start()
  await clock.advance(intervalMs)
  const answeredMs = clock.now()
  isThere = false
  await clock.advance(2 * intervalMs)
  assert.deepEqual(probe.health.target, { answeredMs, error: gone })
  assert.deepEqual(probe.health.source, { answeredMs: clock.now(), error: undefined })
  isThere = true
  await clock.advance(intervalMs)
  assert.deepEqual(probe.health.target, { answeredMs: clock.now(), error: undefined })
  stopping.abort()
  await clock.advance(intervalMs)
  assert.equal(clock.sleeping, 0)
})

// Regression: a topic that could not be created during an outage was tried again up to a minute
// after its end. With a broker less, a cluster refuses replication factors that it accepts again
// once that broker is back.
test('a cluster that answers again or has other brokers is reported once', async () => {
  const clock = new ManualClock()
  const stopping = new AbortController()
  let ids: readonly number[] | undefined = [1, 2, 3]
  let changes = 0
  const source = { describeCluster: async () => ({ brokers: [{ id: 1 }] }) }
  const target = {
    describeCluster: async () => {
      if (ids === undefined) throw new ReplicatorError('TIMED_OUT', 'west')
      return { brokers: ids.map(id => ({ id })) }
    }
  }
  const probe = new ClusterProbe({
    source: source as unknown as ClusterAdmin,
    target: target as unknown as ClusterAdmin,
    clock,
    signal: stopping.signal,
    onChanged: () => { changes++ }
  })
  probe.start()
  const after = async (brokers: readonly number[] | undefined): Promise<number> => {
    ids = brokers
    await clock.advance(2 * intervalMs)
    return changes
  }
  assert.equal(await after([1, 2, 3]), 0)
  assert.equal(await after([3, 1]), 1)
  assert.equal(await after([1, 2, 3]), 2)
  assert.equal(await after(undefined), 2)
  assert.equal(await after([1, 2, 3]), 3)
  stopping.abort()
  await clock.advance(intervalMs)
})

// Regression: the probe asked only the broker that metadata calls the controller. While that broker
// hung, /readyz and the log reported that the whole cluster had not answered.
test('if one broker hangs, the probe asks another broker', async () => {
  const clock = new ManualClock()
  const stopping = new AbortController()
  const asked: Array<number | undefined> = []
  const brokers = [{ id: 1 }, { id: 2 }, { id: 3 }]
  const hung = 2
  const source = {
    describeCluster: async ({ broker }: DescribeClusterOptions) => {
      asked.push(broker)
      if (broker === hung) throw new ReplicatorError('TIMED_OUT', 'east')
      return { brokers }
    }
  } as unknown as ClusterAdmin
  const target = { describeCluster: async () => ({ brokers }) } as unknown as ClusterAdmin
  const probe = new ClusterProbe({ source, target, clock, signal: stopping.signal })
  probe.start()
  for (let turn = 0; turn < 4; turn += 1) {
    await clock.advance(intervalMs)
    assert.deepEqual(probe.health.source, { answeredMs: clock.now(), error: undefined })
  }
  assert.deepEqual(asked, [undefined, 1, hung, 3, 1])
  stopping.abort()
  await clock.advance(intervalMs)
})

// If only the previous broker ids were asked, a cluster with replaced brokers would never answer.
test('a cluster that returns with other broker ids is found', async () => {
  const clock = new ManualClock()
  const stopping = new AbortController()
  let ids = [1, 2]
  let isThere = true
  const source = {
    describeCluster: async ({ broker }: DescribeClusterOptions) => {
      if (!isThere || (broker !== undefined && !ids.includes(broker))) {
        throw new ReplicatorError('TIMED_OUT', 'east')
      }
      return { brokers: ids.map(id => ({ id })) }
    }
  } as unknown as ClusterAdmin
  const target = { describeCluster: async () => ({ brokers: [] }) } as unknown as ClusterAdmin
  const probe = new ClusterProbe({ source, target, clock, signal: stopping.signal })
  probe.start()
  await clock.advance(intervalMs)
  isThere = false
  await clock.advance(intervalMs)
  assert.equal(probe.health.source.error?.errorName, 'TIMED_OUT')
  isThere = true
  ids = [7, 8]
  await clock.advance(intervalMs)
  assert.equal(probe.health.source.error, undefined)
  stopping.abort()
  await clock.advance(intervalMs)
})
