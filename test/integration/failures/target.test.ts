// Faults of the target, and of the mirror's own state there: records that it refuses, topics that
// are recreated, progress that is deleted, batches that are damaged on their way.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../../kafka/eventually.ts'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { alterTopicConfig } from '../../kafka/partition-operations.ts'
import { readRawLog } from '../../kafka/raw-log.ts'
import { untilRecords } from '../comparison.ts'
import { createPropertiesFile, runCommand, startMirror, type CleanUp } from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import {
  numbered, skippedRecords, untilCounted, untilFaulted, untilShown
} from './fault-probe.ts'

describe('faults of the target', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const propertiesFile = (t: CleanUp, topics: string, more: object = {}): string =>
    createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': topics, 'fault.retry.interval.ms': 1000, ...more }))

  const valuesOn = async (topic: string): Promise<string[]> =>
    (await readTopic(clusters.target.bootstrapServers, topic)).map(({ value }) => String(value))

  /** A broker may report the id of a new topic only after the first position is on record. */
  const untilTargetIdOnRecord = async (file: string): Promise<void> => {
    await eventually('the id of the remote topic on record', async () =>
      /"target": "/.test((await runCommand(['offsets', 'export', file])).stdout))
  }

  const isLarge = (value: string): boolean => value.length > 20_000

  const createLargeRecords = async (topic: string): Promise<string[]> => {
    const { source, target } = clusters
    await source.createTopic(topic)
    await target.createTopic(`east.${topic}`, { configs: { 'max.message.bytes': '20000' } })
    const values = numbered(0, 60).map(({ value }, index) =>
      index === 30 ? 'x'.repeat(30_000) : value.repeat(40))
    await produce(source.bootstrapServers, topic,
      values.map(value => ({ value, partition: 0 })), { lingerMs: 100 })
    return values
  }

  test('a record that is too large stops the partition until the topic accepts it', async t => {
    const values = await createLargeRecords('large-stop')
    const mirror = await startMirror(t, propertiesFile(t, 'large-stop'))
    await untilFaulted(mirror, 'large-stop', 'RECORD_TOO_LARGE')
    assert.equal((await valuesOn('east.large-stop')).length, 30)
    await alterTopicConfig(clusters.target, 'east.large-stop', { 'max.message.bytes': '1000000' })
    await untilRecords(mirror, clusters.target, 'east.large-stop', values.length)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOn('east.large-stop'), values)
  })

  test('record.too.large=skip leaves out only that record, and only of its topic', async t => {
    const values = await createLargeRecords('large-skip')
    await createLargeRecords('large-other')
    const mirror = await startMirror(t, propertiesFile(t, 'large-skip, large-other',
      { 'east->west.topic.large-skip.record.too.large': 'skip' }))
    await untilFaulted(mirror, 'large-other', 'RECORD_TOO_LARGE')
    await untilRecords(mirror, clusters.target, 'east.large-skip', values.length - 1)
    assert.equal(await skippedRecords(mirror, 'large-skip', 'record_too_large'), 1)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOn('east.large-skip'), values.filter(value => !isLarge(value)))
    assert.equal((await valuesOn('east.large-other')).length, 30)
  })

  test('a target topic that was deleted is recreated, and topic.recreated decides', async t => {
    const { source, target } = clusters
    for (const policy of ['stop', 'skip'] as const) {
      const topic = `remade-${policy}`
      await source.createTopic(topic)
      await produce(source.bootstrapServers, topic, numbered(0, 50))
      const file = propertiesFile(t, topic, { 'topic.recreated': policy })
      const mirror = await startMirror(t, file)
      await untilRecords(mirror, target, `east.${topic}`, 50)
      await untilTargetIdOnRecord(file)
      await target.admin.deleteTopic(`east.${topic}`)
      if (policy === 'stop') {
        await untilFaulted(mirror, topic, 'TOPIC_RECREATED')
      } else {
        assert.equal(await skippedRecords(mirror, topic, 'topic_recreated'), 0)
        await produce(source.bootstrapServers, topic, numbered(50, 80))
        await untilRecords(mirror, target, `east.${topic}`, 30)
      }
      assert.equal((await mirror.stop()).code, 0)
      assert.deepEqual(await valuesOn(`east.${topic}`),
        policy === 'stop' ? [] : numbered(50, 80).map(({ value }) => value))
    }
  })

  // Regression: without a record to write, nothing that a lane asks for shows the new topic. The
  // partitions stayed caught-up, and the process ready, until the lane's next metadata request.
  test('a remote topic that is recreated stops its partitions before a record', async t => {
    const { source, target } = clusters
    await source.createTopic('idle', { partitions: 2 })
    await produce(source.bootstrapServers, 'idle', [...numbered(0, 20), ...numbered(0, 20, 1)])
    const mirror = await startMirror(t, propertiesFile(t, 'idle',
      { 'refresh.topics.interval.seconds': 3600 }))
    await untilRecords(mirror, target, 'east.idle', 40)
    await mirror.untilReady()
    await target.admin.deleteTopic('east.idle')
    await eventually('the topic of the operator', async () =>
      await target.createTopic('east.idle', { partitions: 2 }).then(() => true, () => false))
    await untilFaulted(mirror, 'idle', 'TOPIC_RECREATED')
    await untilShown(mirror, 'faulted', 2)
    await mirror.untilNotReady(/TOPIC_RECREATED/)
    assert.equal((await mirror.stop()).code, 0)
  })

  // Regression: the partition stayed caught-up until the lane's next metadata request.
  test('a remote topic that is deleted faults its partition before a record', async t => {
    const { source, target } = clusters
    await source.createTopic('idle-deleted')
    await produce(source.bootstrapServers, 'idle-deleted', numbered(0, 20))
    const file = propertiesFile(t, 'idle-deleted',
      { 'refresh.topics.interval.seconds': 3600, 'metadata.max.age.ms': 600_000 })
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.idle-deleted', 20)
    await mirror.untilReady()
    await untilTargetIdOnRecord(file)
    await target.admin.deleteTopic('east.idle-deleted')
    await untilFaulted(mirror, 'idle-deleted', 'TARGET_PARTITION_MISSING')
    await mirror.untilNotReady(/TARGET_PARTITION_MISSING/)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('after the progress topic was deleted no record is mirrored twice', async t => {
    const { source, target } = clusters
    await source.createTopic('forgotten')
    await produce(source.bootstrapServers, 'forgotten', numbered(0, 50))
    const mirror = await startMirror(t, propertiesFile(t, 'forgotten'))
    await untilRecords(mirror, target, 'east.forgotten', 50)
    assert.equal((await mirror.stop()).code, 0)
    await target.admin.deleteTopic('longhaul-progress.east.internal')
    const again = await startMirror(t, propertiesFile(t, 'forgotten'))
    const line = await again.untilLogged('the refusal', ({ text }) =>
      text.includes('TARGET_NOT_EMPTY'))
    assert.match(line.text, /east.forgotten-0 on west holds offsets 0 to 50/)
    await untilCounted(again, 'TARGET_NOT_EMPTY')
    assert.equal((await again.stop()).code, 0)
    assert.equal((await valuesOn('east.forgotten')).length, 50)
    // A user may choose to mirror them again.
    const anew = await startMirror(t,
      propertiesFile(t, 'forgotten', { 'target.not.empty': 'begin' }))
    await untilRecords(anew, target, 'east.forgotten', 100)
    assert.equal((await anew.stop()).code, 0)
  })

  /** Three batches of ten records; one byte of the second payload changes on the source's disk. */
  const damageOnDisk = async (topic: string): Promise<void> => {
    const { source } = clusters
    await source.createTopic(topic)
    for (const from of [0, 10, 20]) {
      await produce(source.bootstrapServers, topic, numbered(from, from + 10), { lingerMs: 100 })
    }
    const broker = source.broker(1)
    await broker.stop()
    const batches = readRawLog(broker.logDir, topic, 0)
    const folder = join(broker.logDir, `${topic}-0`)
    const segment = join(folder, readdirSync(folder).find(name => name.endsWith('.log')) ?? '')
    const bytes = readFileSync(segment)
    const second = batches[1]
    assert.ok(second !== undefined && second.baseOffset === 10)
    const at = (batches[0]?.byteCount ?? 0) + second.byteCount - 3
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
    writeFileSync(segment, bytes)
    await broker.restart()
  }

  test('a batch damaged on disk stops its partition, or is skipped and counted alone', async t => {
    await damageOnDisk('damaged')
    const mirror = await startMirror(t, propertiesFile(t, 'damaged'))
    await untilFaulted(mirror, 'damaged', 'CORRUPT_MESSAGE')
    assert.equal((await mirror.stop()).code, 0)
    const sound = numbered(0, 30).map(({ value }) => value)
    assert.deepEqual(await valuesOn('east.damaged'), sound.slice(0, 10))
    const skipping = await startMirror(t,
      propertiesFile(t, 'damaged', { 'corrupt.batch': 'skip' }))
    await untilRecords(skipping, clusters.target, 'east.damaged', 20)
    assert.equal(await skippedRecords(skipping, 'damaged', 'corrupt_batch'), 10)
    assert.equal((await skipping.stop()).code, 0)
    assert.deepEqual(await valuesOn('east.damaged'), [...sound.slice(0, 10), ...sound.slice(20)])
  })
})
