// Invariant (F): the order inside a partition is the source's order, with five batches in flight
// and connections that are reset among them. Fails without `p->sent = 0` in Outbox::OnFailure
// (outbox.cc): then a failed batch is not sent again before the batches after it.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { untilRecords } from '../integration/comparison.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from '../integration/sequence-load.ts'
import { startLaggingMirror } from './crashed-mirror.ts'

const partitions = 3

describe('invariant F', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({}, { proxied: true }) })
  after(async () => { await clusters.close() })

  test('batches in flight over connections that are reset arrive in order, each once', async t => {
    const { source, target } = clusters
    await source.createTopic('ordered', { partitions })
    const mirror = await startLaggingMirror(t, clusters, 'ordered', {
      'west.bootstrap.servers': target.proxiedBootstrapServers,
      'partition.batches.in.flight': 5,
      'request.timeout.ms': 3000
    })
    const load = await SequenceLoad.start(t, source, 'ordered', { partitions })
    await untilRecords(mirror, target, 'east.ordered', 100)
    for (let round = 0; round < 15; round++) {
      for (const proxy of target.proxies) proxy.reset()
      await sleep(300)
    }
    const written = await load.stop()
    await untilRecords(mirror, target, 'east.ordered', written * partitions)
    assert.equal((await mirror.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.ordered', partitions, written)
  })
})
