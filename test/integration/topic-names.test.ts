// Names at the limits of a broker: 249 characters, and a `.` where another topic has a `_`, which
// collide in the names of the broker's metrics. A topic that cannot be mirrored is named, and the
// other topics continue.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { assertSameRecords, untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const longest = 'x'.repeat(249)

describe('a topic', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters()
    for (const topic of [longest, 'plain', 'tax.rates', 'tax_codes']) {
      await clusters.source.createTopic(topic)
      await produce(clusters.source.bootstrapServers, topic, numbered(0, 20))
    }
  })
  after(async () => { await clusters.close() })

  test('of 249 characters is left out and named if its remote name is longer', async t => {
    const { source, target } = clusters
    const mirror = await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { topics: 'x+, plain' })))
    const { text } = await mirror.untilLogged('the long name', line =>
      line.text.includes('REMOTE_NAME_TOO_LONG'))
    assert.match(text, new RegExp(`east\\.${longest} has 254 characters, and 249 are allowed`))
    await untilRecords(mirror, target, 'east.plain', 20)
    // A remote name of exactly 249 characters.
    const fits = 'x'.repeat(244)
    await source.createTopic(fits)
    await produce(source.bootstrapServers, fits, numbered(0, 20))
    await untilRecords(mirror, target, `east.${fits}`, 20)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.equal(mirror.log.filter(({ level }) => level === 'error').length, 1)
    await assertSameRecords(clusters, { topic: fits, remoteTopic: `east.${fits}` })
  })

  test('that keeps its name of 249 characters is mirrored, and one whose name collides is named',
    async t => {
      const { target } = clusters
      // The broker refuses to create both: `.` and `_` are equal in the names of its metrics.
      for (const topic of ['tax_rates', 'tax.codes']) await target.createTopic(topic)
      const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
        'topics': 'x{249}, tax.*',
        'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy'
      })))
      for (const [topic, other] of [['tax.rates', 'tax_rates'], ['tax_codes', 'tax.codes']]) {
        const { text } = await mirror.untilLogged(`${topic} collides`, line =>
          line.text.includes(`${topic} on `))
        assert.match(text, new RegExp(`collides with existing topic: ${other}`))
      }
      await untilRecords(mirror, target, longest, 20)
      assert.match(await mirror.untilNotReady(/TOPIC_CREATE_FAILED/), /tax/)
      assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
      await assertSameRecords(clusters, { topic: longest, remoteTopic: longest })
    })
})
