// Invariant (G): data that cannot be mirrored is never skipped without the user's consent: by
// default the partition stops, and stays stopped. Fails if judgeSource (fault-policy.ts) resumes
// regardless of the policy.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { errorsOf, numbered, untilFaulted } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { deleteRecords } from '../kafka/partition-operations.ts'
import { batchesOnTarget, mirrorAndCrash, startLaggingMirror } from './crashed-mirror.ts'

describe('invariant G', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('after a loss no record is mirrored unless a policy allows it', async t => {
    const { source, target } = clusters
    await source.createTopic('gone')
    await produce(source.bootstrapServers, 'gone', numbered(0, 100))
    await mirrorAndCrash(t, clusters, 'gone', 100)
    await produce(source.bootstrapServers, 'gone', numbered(100, 300))
    await deleteRecords(source, 'gone', 0, 200)
    // The other topic faults repeatedly, which shows that faulted partitions are retried.
    await source.createTopic('heavy')
    await target.createTopic('east.heavy', { configs: { 'max.message.bytes': '1000' } })
    await produce(source.bootstrapServers, 'heavy', [{ value: 'x'.repeat(5000), partition: 0 }])
    const mirror = await startLaggingMirror(t, clusters, 'gone, heavy',
      { 'fault.retry.interval.ms': 200 })
    await untilFaulted(mirror, 'gone', 'OFFSET_OUT_OF_RANGE')
    const faults = await errorsOf(mirror, 'RECORD_TOO_LARGE')
    await mirror.until('three rounds of retries', async () =>
      await errorsOf(mirror, 'RECORD_TOO_LARGE') >= faults + 3)
    assert.equal((await mirror.stop()).code, 0)
    const batches = batchesOnTarget(clusters, 'gone')
    assert.equal(batches.reduce((sum, { recordCount }) => sum + recordCount, 0), 100)
  })
})
