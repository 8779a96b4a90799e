// Invariant (A): a flow has one producer id on its target, however often it dies, and whichever
// process wrote another one. Fails if agreedOf (producer-agreement.ts) begins with a record other
// than the first, and without the record that agreeOnProducer writes after later ones.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { numbered } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { batchesOnTarget, mirrorAndCrash } from './crashed-mirror.ts'

const progressTopic = 'longhaul-progress.east.internal'
const key = '{"producer":true}'

describe('invariant A', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const idsOnTarget = (topic: string): bigint[] =>
    [...new Set(batchesOnTarget(clusters, topic).map(({ producerId }) => producerId))]

  test('of ids that several processes wrote, all use the first, which compaction keeps',
    async t => {
      const { source, target } = clusters
      // As two processes leave it that start together, if the second one dies too early.
      await target.createTopic(progressTopic,
        { partitions: 32, configs: { 'cleanup.policy': 'compact' } })
      const values = ['424242', '535353']
        .map(producerId => JSON.stringify({ version: 1, producerId, producerEpoch: 0 }))
      await produce(target.bootstrapServers, progressTopic,
        values.map(value => ({ key, value, partition: 0 })), { batchRecordsMax: 1 })
      await source.createTopic('agreed')
      await produce(source.bootstrapServers, 'agreed', numbered(0, 10))
      await mirrorAndCrash(t, clusters, 'agreed', 10)
      assert.deepEqual(idsOnTarget('agreed'), [424242n])
      const newest = (await readTopic(target.bootstrapServers, progressTopic))
        .findLast(record => String(record.key) === key)
      assert.match(String(newest?.value), /"424242"/)
    })

  test('every batch of every process of a flow has the same producer id', async t => {
    await clusters.target.admin.deleteTopic(progressTopic)
    await clusters.source.createTopic('lives')
    for (let life = 0; life < 3; life++) {
      await produce(clusters.source.bootstrapServers, 'lives',
        numbered(100 * life, 100 * (life + 1)), { batchRecordsMax: 10 })
      await mirrorAndCrash(t, clusters, 'lives', 100 * (life + 1))
    }
    const batches = batchesOnTarget(clusters, 'lives')
    assert.equal(batches.reduce((sum, { recordCount }) => sum + recordCount, 0), 300)
    const ids = idsOnTarget('lives')
    assert.equal(ids.length, 1)
    assert.ok(!ids.includes(-1n) && !ids.includes(424242n))
    assert.deepEqual(new Set(batches.map(({ producerEpoch }) => producerEpoch)).size, 1)
  })
})
