// Invariant (E): if the source has changed, no record is lost, and possible duplicates are counted.
// Fails without the HoldsSeam check in BatchIntake::SkipHeld (batch_intake.cc): then as many
// records are skipped on the source as the target has, whichever they are.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { untilRecords } from '../integration/comparison.ts'
import { numbered } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { deleteRecords } from '../kafka/partition-operations.ts'
import { mirrorAndCrash, startLaggingMirror, topicCounter } from './crashed-mirror.ts'

describe('invariant E', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('of a source that changed between crash and restart no record is lost', async t => {
    const { source, target } = clusters
    await source.createTopic('changed')
    await produce(source.bootstrapServers, 'changed', numbered(0, 100), { batchRecordsMax: 10 })
    await mirrorAndCrash(t, clusters, 'changed', 100)
    await produce(source.bootstrapServers, 'changed', numbered(100, 200), { batchRecordsMax: 10 })
    // Progress says 0. The first 50 records are deleted, so the target's 100 are not the next 100.
    await deleteRecords(source, 'changed', 0, 50)
    const mirror = await startLaggingMirror(t, clusters, 'changed', { 'data.loss': 'skip' })
    await untilRecords(mirror, target, 'east.changed', 250)
    await mirror.until('the count of doubled records', async () =>
      await topicCounter(mirror, 'records_doubled_total', 'changed') === 100)
    assert.equal((await mirror.stop()).code, 0)
    const values = (await readTopic(target.bootstrapServers, 'east.changed'))
      .map(({ value }) => String(value))
    assert.deepEqual(values, [...numbered(0, 100), ...numbered(50, 200)].map(each => each.value))
  })
})
