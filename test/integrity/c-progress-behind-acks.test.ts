// Invariant (C): a progress record never runs ahead of acks, whenever the process dies: it is
// written from what PartitionTable.apply (partition-table.ts) was told as acked.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { countRecords, untilRecords } from '../integration/comparison.ts'
import { startClusters, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { SequenceLoad } from '../integration/sequence-load.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { batchesOnTarget, startLaggingMirror } from './crashed-mirror.ts'

interface KeptProgress {
  readonly upstream?: string
  readonly downstream?: string
  readonly sequence?: number
}

describe('invariant C', { timeout: 200_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('no progress on record speaks of more than the target holds, whenever it dies', async t => {
    const { source, target } = clusters
    await source.createTopic('behind')
    const load = await SequenceLoad.start(t, source, 'behind', { partitions: 1 })
    for (let life = 0; life < 3; life++) {
      const mirror = await startLaggingMirror(t, clusters, 'behind', { 'progress.interval.ms': 10 })
      await untilRecords(mirror, target, 'east.behind',
        await countRecords(target, 'east.behind') + 500)
      await mirror.kill()
      const held = batchesOnTarget(clusters, 'behind')
        .reduce((sum, { recordCount }) => sum + recordCount, 0)
      const kept = (await readTopic(target.bootstrapServers, 'longhaul-progress.east.internal'))
        .map(({ value }) => JSON.parse(String(value)) as KeptProgress)
        .filter(({ downstream }) => downstream !== undefined)
      assert.ok(kept.length > 0)
      for (const { downstream, sequence = 0, upstream } of kept) {
        assert.ok(Number(downstream) <= held, `downstream ${downstream ?? ''} of ${held}`)
        assert.ok(sequence <= held)
        assert.equal(upstream, downstream) // one writer on each side, no gaps
      }
    }
    await load.stop()
  })
})
