// Invariant (C): a progress record is never ahead of acks, whenever the process dies. Fails without
// the check of `acked` in Outbox::PopAcked (outbox.cc): then the first ack counts for all batches
// in flight.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { countRecords, untilRecords } from '../integration/comparison.ts'
import { numbered } from '../integration/failures/fault-probe.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { SequenceLoad } from '../integration/sequence-load.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { lanesProduce } from '../kafka/request-heads.ts'
import { batchesOnTarget, crash, startLaggingMirror } from './crashed-mirror.ts'

interface KeptProgress {
  readonly upstream: string
  readonly downstream: string
  readonly sequence: number
}

describe('invariant C', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({}, { proxied: true }) })
  after(async () => { await clusters.close() })

  const progressOf = async (topic: string): Promise<KeptProgress[]> =>
    (await readTopic(clusters.target.bootstrapServers, 'longhaul-progress.east.internal'))
      .filter(({ key }) => String(key) === JSON.stringify({ topic, partition: 0 }))
      .map(({ value }) => {
        const { downstream, sequence, upstream } = JSON.parse(String(value)) as KeptProgress
        return { upstream, downstream, sequence }
      })

  test('recorded progress stops at the last ack, however many batches are in flight', async t => {
    const { source, target } = clusters
    await source.createTopic('out')
    await produce(source.bootstrapServers, 'out', numbered(0, 100), { batchRecordsMax: 10 })
    const [proxy] = target.proxies
    assert.ok(proxy !== undefined)
    // The first batch is sent alone, as a probe; the next five together, of which one arrives.
    proxy.hold(lanesProduce(3))
    const mirror = await startLaggingMirror(t, clusters, 'out', {
      'west.bootstrap.servers': target.proxiedBootstrapServers,
      'partition.batches.in.flight': 5,
      'progress.interval.ms': 10
    })
    const progress = await mirror.until('progress of the second ack', async () => {
      const kept = await progressOf('out')
      return kept.some(({ sequence }) => sequence >= 20) ? kept : undefined
    })
    await crash(clusters, mirror)
    assert.equal(proxy.heldCount, 1)
    proxy.reset()
    assert.equal(await countRecords(target, 'east.out'), 20)
    assert.deepEqual(progress.at(-1), { upstream: '20', downstream: '20', sequence: 20 })
  })

  test('no recorded progress is beyond the records on the target, after any death', async t => {
    const { source, target } = clusters
    await source.createTopic('behind')
    const load = await SequenceLoad.start(t, source, 'behind', { partitions: 1 })
    for (let life = 0; life < 3; life++) {
      const mirror = await startLaggingMirror(t, clusters, 'behind', { 'progress.interval.ms': 10 })
      await untilRecords(mirror, target, 'east.behind',
        await countRecords(target, 'east.behind') + 500)
      await crash(clusters, mirror)
      const held = batchesOnTarget(clusters, 'behind')
        .reduce((sum, { recordCount }) => sum + recordCount, 0)
      const kept = await progressOf('behind')
      assert.ok(kept.length > 0)
      for (const { downstream, sequence, upstream } of kept) {
        assert.ok(Number(downstream) <= held, `downstream ${downstream} of ${held}`)
        assert.ok(sequence <= held)
        assert.equal(upstream, downstream) // one writer on each side, no gaps
      }
    }
    await load.stop()
  })
})
