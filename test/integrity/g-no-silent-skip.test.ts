// Invariant (G): data that cannot be mirrored is never passed over without the user's word: by
// default the partition stops, and stays stopped. Fails when judgeSource (fault-policy.ts) resumes
// whatever the policy is.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { numbered, untilFaulted } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { deleteRecords } from '../kafka/partition-operations.ts'
import { batchesOnTarget, mirrorAndCrash, startLaggingMirror } from './crashed-mirror.ts'

describe('invariant G', { timeout: 200_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('behind a loss nothing is mirrored unless a policy says so', async t => {
    const { source } = clusters
    await source.createTopic('gone')
    await produce(source.bootstrapServers, 'gone', numbered(0, 100))
    await mirrorAndCrash(t, clusters, 'gone', 100)
    await produce(source.bootstrapServers, 'gone', numbered(100, 300))
    await deleteRecords(source, 'gone', 0, 200)
    const mirror = await startLaggingMirror(t, clusters, 'gone', { 'fault.retry.interval.ms': 200 })
    await untilFaulted(mirror, 'gone', 'OFFSET_OUT_OF_RANGE')
    await sleep(2000) // retries would have come
    assert.equal((await mirror.stop()).code, 0)
    const batches = batchesOnTarget(clusters, 'gone')
    assert.equal(batches.reduce((sum, { recordCount }) => sum + recordCount, 0), 100)
  })
})
