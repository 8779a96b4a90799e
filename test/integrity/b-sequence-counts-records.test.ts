// Invariant (B): the sequence of a batch is the number of records that this flow has appended to
// the partition before it, through crashes, other producers and brokers that have forgotten the
// producer and would accept any sequence. Fails without `p->next_sequence = ...` in
// BatchIntake::SkipHeld (batch_intake.cc), which counts the records of a crashed process on the
// target.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { numbered } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { produce } from '../kafka/kafka-producer.ts'
import {
  forgetfulOfOldRecords, oldTimestamp, untilProducersForgotten
} from '../kafka/producer-state.ts'
import { batchesOnTarget, mirrorAndCrash } from './crashed-mirror.ts'

describe('invariant B', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({}, { config: forgetfulOfOldRecords }) })
  after(async () => { await clusters.close() })

  test('the sequence of each batch is the number of the flow\'s records before it', async t => {
    const { source, target } = clusters
    await source.createTopic('counted')
    for (let life = 0; life < 3; life++) {
      await produce(source.bootstrapServers, 'counted',
        numbered(100 * life, 100 * (life + 1)).map(each => ({ ...each, timestamp: oldTimestamp })),
        { batchRecordsMax: 7 })
      await mirrorAndCrash(t, clusters, 'counted', 103 * life + 100)
      // Another producer writes to the same partition, so offsets and sequences differ. Not an
      // idempotent producer: its records are new, so the broker would remember it.
      await produce(target.bootstrapServers, 'east.counted', numbered(0, 3), { idempotent: false })
      await untilProducersForgotten(target, 'east.counted')
    }
    const all = batchesOnTarget(clusters, 'counted')
    const ourId = all[0]?.producerId
    let records = 0
    for (const { baseSequence, producerId, recordCount } of all) {
      if (producerId !== ourId) continue
      assert.equal(baseSequence, records)
      records += recordCount
    }
    assert.equal(records, 300)
  })
})
