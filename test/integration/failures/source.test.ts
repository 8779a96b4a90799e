// Faults of the source that a mirror cannot undo: records that are deleted before they are
// mirrored, topics that are recreated. The partition stops, or the records are skipped, as the user
// chose.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../../kafka/kafka-producer.ts'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { seriesOf } from '../../orchestrator/observability/exposition.ts'
import { deleteRecords } from '../../kafka/partition-operations.ts'
import { untilRecords } from '../comparison.ts'
import { createPropertiesFile, startMirror, type CleanUp } from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { numbered, skippedRecords, untilFaulted } from './fault-probe.ts'

describe('faults of the source', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const propertiesFile = (t: CleanUp, topics: string, more: object = {}): string =>
    createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': topics, 'fault.retry.interval.ms': 1000, ...more }))

  /** Mirrors 100 records and stops; the first 200 of 300 records are deleted meanwhile. */
  const loseRecords = async (t: CleanUp, topic: string): Promise<void> => {
    const { source, target } = clusters
    await source.createTopic(topic)
    await produce(source.bootstrapServers, topic, numbered(0, 100))
    const mirror = await startMirror(t, propertiesFile(t, topic))
    await untilRecords(mirror, target, `east.${topic}`, 100)
    assert.equal((await mirror.stop()).code, 0)
    await produce(source.bootstrapServers, topic, numbered(100, 300))
    await deleteRecords(source, topic, 0, 200)
  }

  test('records deleted before they were mirrored stop the partition, and no other', async t => {
    const { source, target } = clusters
    await loseRecords(t, 'lost-stop')
    await source.createTopic('lost-other')
    await produce(source.bootstrapServers, 'lost-other', numbered(0, 50))
    const mirror = await startMirror(t, propertiesFile(t, 'lost-stop, lost-other'))
    const error = await untilFaulted(mirror, 'lost-stop', 'OFFSET_OUT_OF_RANGE')
    assert.match(error, /source offset 100 is next, the source log begins at 200/)
    await untilRecords(mirror, target, 'east.lost-other', 50)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal((await readTopic(target.bootstrapServers, 'east.lost-stop')).length, 100)
  })

  test('data.loss=skip continues after deleted records and counts them', async t => {
    const { target } = clusters
    await loseRecords(t, 'lost-skip')
    const mirror = await startMirror(t, propertiesFile(t, 'lost-skip', { 'data.loss': 'skip' }))
    await untilRecords(mirror, target, 'east.lost-skip', 200)
    assert.equal(await skippedRecords(mirror, 'lost-skip', 'data_loss'), 100)
    const line = await mirror.untilLogged('the skip', ({ reason }) => reason === 'data_loss')
    assert.deepEqual([line['fromOffset'], line['toOffset']], ['100', '200'])
    assert.equal((await mirror.stop()).code, 0)
    const again = await startMirror(t, propertiesFile(t, 'lost-skip', { 'data.loss': 'skip' }))
    await produce(clusters.source.bootstrapServers, 'lost-skip', numbered(300, 310))
    await untilRecords(again, target, 'east.lost-skip', 210)
    assert.equal((await again.stop()).code, 0)
    const values = (await readTopic(target.bootstrapServers, 'east.lost-skip'))
      .map(({ value }) => String(value))
    assert.deepEqual(values, [...numbered(0, 100), ...numbered(200, 310)].map(each => each.value))
  })

  /** Mirrors 100 records; then recreates the source topic, with `count` other records. */
  const recreate = async (
    t: CleanUp, topic: string, count: number, policy: 'stop' | 'skip', partitions = 1
  ): Promise<Awaited<ReturnType<typeof startMirror>>> => {
    const { source, target } = clusters
    await source.createTopic(topic, { partitions })
    await produce(source.bootstrapServers, topic, numbered(0, 100))
    const file = propertiesFile(t, topic, { 'topic.recreated': policy })
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, `east.${topic}`, 100)
    await source.admin.deleteTopic(topic)
    await source.createTopic(topic)
    await produce(source.bootstrapServers, topic, numbered(1000, 1000 + count))
    return mirror
  }

  // Regression: its lag was 0, and partitions that the new topic lacks were shown as faulted.
  test('a source topic that is recreated while it is mirrored stops, with its lag', async t => {
    const mirror = await recreate(t, 'again-stop', 20, 'stop', 3)
    const error = await untilFaulted(mirror, 'again-stop', 'TOPIC_RECREATED')
    assert.match(error, /was recreated: the deleted source topic again-stop was mirrored up to/)
    const { text } = await mirror.untilLogged('what the new topic lacks', line =>
      line.text.includes('no longer mirrored'))
    assert.equal(text,
      'again-stop was recreated on east with 1 partition: partitions 1, 2 are no longer mirrored')
    const series = '{source="east",target="west",topic="again-stop"}'
    await mirror.until('the lag of the new topic', async () =>
      seriesOf(await mirror.metrics(), 'longhaul_lag_records')[series] === 20)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal((await readTopic(clusters.target.bootstrapServers, 'east.again-stop')).length, 100)
    // The next start finds the same: the topic id is recorded.
    const file = propertiesFile(t, 'again-stop')
    const second = await startMirror(t, file)
    await untilFaulted(second, 'again-stop', 'TOPIC_RECREATED')
    assert.equal((await second.stop()).code, 0)
  })

  test('topic.recreated=skip mirrors the new topic from its start, longer or shorter', async t => {
    for (const count of [20, 150]) {
      const topic = `again-skip-${count}`
      const mirror = await recreate(t, topic, count, 'skip')
      await untilRecords(mirror, clusters.target, `east.${topic}`, 100 + count)
      assert.equal(await skippedRecords(mirror, topic, 'topic_recreated'), 0)
      assert.equal((await mirror.stop()).code, 0)
      const values = (await readTopic(clusters.target.bootstrapServers, `east.${topic}`))
        .map(({ value }) => String(value))
      assert.deepEqual(values,
        [...numbered(0, 100), ...numbered(1000, 1000 + count)].map(each => each.value))
    }
  })
})
