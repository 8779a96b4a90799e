// target.codecs: the codecs that the target accepts, and the effect of compression.type.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { codecsOf, mirrorZstd } from './codecs-under-load.ts'
import { assertSameRecords, rawBatches, remoteOf, untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

describe('codecs', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('batches of a codec that is not listed are re-encoded in the first one, under load',
    async t => {
      await mirrorZstd(t, clusters, 'listed', { 'target.codecs': 'gzip, lz4' })
      // A producer leaves a batch that its codec would make larger uncompressed: which, is chance.
      assert.ok(codecsOf(clusters.source, 'listed').includes('zstd'))
      assert.deepEqual(codecsOf(clusters.target, 'east.listed'), ['gzip'])
    })

  // Many files of MirrorMaker 2 set it: there it is the codec of the producer that writes records.
  test('compression.type of the file re-encodes nothing, and that of a topic is the broker\'s work',
    async t => {
      const { source, target } = clusters
      await source.createTopic('typed', { configs: { 'compression.type': 'producer' } })
      await source.createTopic('fixed')
      await target.createTopic('east.fixed', { configs: { 'compression.type': 'lz4' } })
      const records = Array.from({ length: 100 }, (_, index) =>
        ({ value: `${index}`.repeat(20), partition: 0 }))
      for (const topic of ['typed', 'fixed']) {
        await produce(source.bootstrapServers, topic, records, { codec: 'zstd' })
      }
      const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
        'east->west.topics': 'typed, fixed',
        'east->west.sync.topic.configs.enabled': false,
        'compression.type': 'gzip',
        'west.producer.compression.type': 'gzip'
      })))
      for (const topic of ['typed', 'fixed']) {
        await untilRecords(mirror, target, `east.${topic}`, records.length)
      }
      assert.equal((await mirror.stop()).code, 0)
      for (const [topic, codec] of [['typed', 'zstd'], ['fixed', 'lz4']] as const) {
        await assertSameRecords(clusters, remoteOf(topic))
        const codecs = rawBatches(target, `east.${topic}`, 0).map(batch => batch.codec)
        assert.deepEqual([...new Set(codecs)], [codec])
      }
      assert.deepEqual(mirror.summary().flows[0]?.reencoded, {})
    })
})
