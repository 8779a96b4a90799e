// Invariant (D): a scan of the target finds where a mirror continues, even if the broker has
// forgotten the producer. Fails without `p->seam.records_left = found` in Resume::Finish
// (resume.cc): then records after recorded progress are sent again, and the broker accepts them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertSameRecords, remoteOf, untilRecords } from '../integration/comparison.ts'
import { numbered } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { produce } from '../kafka/kafka-producer.ts'
import {
  forgetfulOfOldRecords, oldTimestamp, untilProducersForgotten
} from '../kafka/producer-state.ts'
import { mirrorAndCrash, startLaggingMirror, topicCounter } from './crashed-mirror.ts'

describe('invariant D', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({}, { config: forgetfulOfOldRecords })
  })
  after(async () => { await clusters.close() })

  test('the scan finds records that are neither in progress nor known to the broker', async t => {
    const { source, target } = clusters
    await source.createTopic('scanned')
    // Old records: brokers forget a producer by the time of its records.
    const old = (from: number, to: number): object[] => numbered(from, to)
      .map(record => ({ ...record, timestamp: oldTimestamp }))
    await produce(source.bootstrapServers, 'scanned', old(0, 200) as never,
      { batchRecordsMax: 9 })
    await mirrorAndCrash(t, clusters, 'scanned', 200)
    await untilProducersForgotten(target, 'east.scanned')
    await produce(source.bootstrapServers, 'scanned', old(200, 250) as never)
    const mirror = await startLaggingMirror(t, clusters, 'scanned')
    await untilRecords(mirror, target, 'east.scanned', 250)
    await mirror.until('the count of resumed records', async () =>
      await topicCounter(mirror, 'records_resumed_total', 'scanned') === 200)
    assert.equal(await topicCounter(mirror, 'records_doubled_total', 'scanned') ?? 0, 0)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal((await assertSameRecords(clusters, remoteOf('scanned'))).length, 250)
  })
})
