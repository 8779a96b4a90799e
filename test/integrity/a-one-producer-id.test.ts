// Invariant (A): a flow has one producer id on its target, however often it dies. agreeOnProducer
// (progress-topic.ts) keeps it twice over: its early return may go without harm, since of several
// kept ids the first one counts.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { numbered } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { batchesOnTarget, mirrorAndCrash } from './crashed-mirror.ts'

describe('invariant A', { timeout: 200_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('every batch of every life of a flow has the same producer id', async t => {
    await clusters.source.createTopic('lives')
    for (let life = 0; life < 3; life++) {
      await produce(clusters.source.bootstrapServers, 'lives',
        numbered(100 * life, 100 * (life + 1)), { batchRecordsMax: 10 })
      await mirrorAndCrash(t, clusters, 'lives', 100 * (life + 1))
    }
    const batches = batchesOnTarget(clusters, 'lives')
    assert.equal(batches.reduce((sum, { recordCount }) => sum + recordCount, 0), 300)
    const ids = new Set(batches.map(({ producerId }) => producerId))
    assert.equal(ids.size, 1)
    assert.ok(!ids.has(-1n))
    assert.deepEqual(new Set(batches.map(({ producerEpoch }) => producerEpoch)).size, 1)
  })
})
