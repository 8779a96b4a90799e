// A cluster that stops answering is known by its error, and since when it has not answered.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterAdmin } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { ClusterProbe } from '../../../src/orchestrator/flow/cluster-probe.ts'
import { ManualClock } from '../time/manual-clock.ts'

const intervalMs = 5_000

test('a silent cluster keeps the time of its last answer until it is back', async () => {
  const clock = new ManualClock()
  const stopping = new AbortController()
  const gone = new ReplicatorError('CLUSTER_UNREACHABLE', 'west')
  let isThere = true
  const well = { describeCluster: async () => ({}) } as unknown as ClusterAdmin
  const target = {
    describeCluster: async () => {
      if (!isThere) throw gone
      return {}
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
