// A broker that answers UNSUPPORTED_COMPRESSION_TYPE: with inter.broker.protocol.version 2.0 a
// broker before 4.0 refuses zstd in any version of Produce.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codecsOf, mirrorZstd } from '../integration/codecs-under-load.ts'
import { startClusters } from '../integration/mirrored-clusters.ts'
import { brokerVersions } from '../kafka/versions.ts'

test('a codec that the target refuses is re-encoded, under load and by each new owner', async t => {
  const [version] = brokerVersions
  assert.equal(version?.version, '2.8.2')
  const clusters = await startClusters({},
    { version, config: { 'inter.broker.protocol.version': '2.0' } })
  t.after(async () => { await clusters.close() })
  const mirror = await mirrorZstd(t, clusters, 'refused')
  // A producer leaves a batch that its codec would make larger uncompressed: which, is chance.
  assert.ok(codecsOf(clusters.source, 'refused').includes('zstd'))
  const codecs = codecsOf(clusters.target, 'east.refused')
  assert.deepEqual(codecs.filter(codec => codec !== 'none'), ['lz4'])
  const said = mirror.log.filter(({ text }) => text.includes('its codec is zstd'))
  assert.ok(said.length > 0)
  for (const { text } of said) assert.match(text, /^refused-\d: .* are re-encoded in lz4$/)
})
