// A target broker refuses one record of a batch: its timestamp is outside the bounds of the topic.
// Only that record has the fault. Regression: 999 good records of its batch were stalled with it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { untilRecords } from './comparison.ts'
import { numbered, skippedRecords, untilFaulted } from './failures/fault-probe.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const hourMs = 3_600_000

describe('a record that the target refuses', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  /** 20 records in one batch, number 7 two days ahead, where the target accepts one hour. */
  async function start (
    t: Parameters<typeof startMirror>[0], topic: string, policy: string
  ): Promise<MirrorProcess> {
    const { source, target } = clusters
    const bounds = { 'message.timestamp.after.max.ms': String(30 * 24 * hourMs) }
    await source.createTopic(topic, { configs: bounds })
    await target.createTopic(`east.${topic}`,
      { configs: { 'message.timestamp.after.max.ms': String(hourMs) } })
    await produce(source.bootstrapServers, topic, numbered(0, 20).map((record, index) =>
      ({ ...record, timestamp: Date.now() + (index === 7 ? 48 * hourMs : 0) })),
    { lingerMs: 500, codec: 'lz4' })
    return await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': topic, 'sync.topic.configs.enabled': false, 'record.refused': policy
    })))
  }

  test('stops its partition after the records before it, and is named', async t => {
    const mirror = await start(t, 'stopped', 'stop')
    const text = await untilFaulted(mirror, 'stopped', 'RECORD_REFUSED')
    assert.match(text, /source offset 7\b/)
    await untilRecords(mirror, clusters.target, 'east.stopped', 7)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('is left out alone if the policy is skip', async t => {
    const mirror = await start(t, 'skipped', 'skip')
    await untilRecords(mirror, clusters.target, 'east.skipped', 19)
    assert.equal(await skippedRecords(mirror, 'skipped', 'record_refused'), 1)
    assert.equal((await mirror.stop()).code, 0)
    const records = await readTopic(clusters.target.bootstrapServers, 'east.skipped')
    assert.deepEqual(records.map(({ value }) => String(value)),
      numbered(0, 20).map(({ value }) => value).filter((_, index) => index !== 7))
  })
})
