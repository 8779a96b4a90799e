// An unclean election on the target: the new leader lacks records that only the old leader had
// acknowledged. The mirror detects it, idle or at its start, and mirrors the lost records again:
// each record is there once and in order. The same after a broker lost its disk, and after another
// producer wrote at the lost offsets.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { createUncleanTopic, untilLeader } from '../../kafka/partition-operations.ts'
import {
  forgetfulOfOldRecords, oldTimestamp, untilProducersForgotten
} from '../../kafka/producer-state.ts'
import { assertSameRecords, untilRecords } from '../comparison.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess, type Properties
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { numbered } from './fault-probe.ts'

describe('an unclean election on the target', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({}, { brokers: 3, config: forgetfulOfOldRecords })
  })
  after(async () => { await clusters.close() })

  test('loses no record, for a running mirror and for one that starts after it', async t => {
    const { source, target } = clusters
    // Two flows from one cluster: one runs during the election and the other does not.
    const flow = (alias: string): string => createPropertiesFile(t,
      flowProperties(clusters, {
        clusters: 'east, other, west',
        'other.bootstrap.servers': source.bootstrapServers,
        'east->west.enabled': alias === 'east',
        'other->west.enabled': alias === 'other',
        topics: alias,
        'metadata.max.age.ms': 1000
      }))
    const write = async (from: number, to: number): Promise<void> => {
      for (const topic of ['east', 'other']) {
        await produce(source.bootstrapServers, topic, numbered(from, to), { lingerMs: 5 })
      }
    }
    for (const alias of ['east', 'other']) {
      await source.createTopic(alias)
      await createUncleanTopic(target, `${alias}.${alias}`, 1, [1, 2])
    }
    const running = await startMirror(t, flow('east'))
    const stopped = await startMirror(t, flow('other'))
    const untilBoth = async (other: MirrorProcess, count: number): Promise<void> => {
      await untilRecords(running, target, 'east.east', count)
      await untilRecords(other, target, 'other.other', count)
    }
    await write(0, 300)
    await untilBoth(stopped, 300)

    await target.broker(2).stop()
    await write(300, 500)
    await untilBoth(stopped, 500)
    assert.equal((await stopped.stop()).code, 0)
    await target.broker(1).kill()
    await target.broker(2).start()
    for (const topic of ['east.east', 'other.other']) {
      await untilLeader(target, topic, 0, leader => leader === 2)
    }

    const started = await startMirror(t, flow('other'))
    await untilBoth(started, 500)
    await write(500, 600)
    await untilBoth(started, 600)
    for (const [mirror, alias] of [[running, 'east'], [started, 'other']] as const) {
      const line = await mirror.untilLogged('what is mirrored again', ({ text }) =>
        text.includes('mirrors up to 200 records again'))
      assert.match(line.text, /offset 500 = target offset 500 was acknowledged, .* ends at 300/)
      const labels = `{source="${alias}",target="west",topic="${alias}"}`
      // The coordinator was killed, so the group may move the topic for a moment.
      const series = await mirror.until('figures of the topic', async () => {
        const { series } = await mirror.metrics()
        return series.has(`longhaul_records_doubled_total${labels}`) && series
      })
      assert.equal(series.get(`longhaul_records_mirrored_again_total${labels}`), 200)
      assert.equal(series.get(`longhaul_records_doubled_total${labels}`), 0)
      assert.equal((await mirror.stop()).code, 0)
      await assertSameRecords(clusters, { topic: alias, remoteTopic: `${alias}.${alias}` })
    }
  })

  const onePartition = (from: number, to: number, what = 'record'): string[] =>
    numbered(from, to).map(({ value }) => value.replace('record', what))

  const valuesOn = async (topic: string, partition: number): Promise<string[]> =>
    (await readTopic(clusters.target.bootstrapServers, topic, { partitions: [partition] }))
      .map(({ value }) => String(value))

  const start = async (t: CleanUp, topics: string, more: Properties = {}): Promise<MirrorProcess> =>
    await startMirror(t, createPropertiesFile(t, flowProperties(clusters, { topics, ...more })))

  // Regression: if other records fill the whole gap, the log is as long as expected, and a leader
  // that has forgotten the producer accepts the next batch: the lost records stayed missing,
  // unreported.
  test('repairs a partition in which another producer wrote at the lost offsets', async t => {
    const { source, target } = clusters
    const partitions = [
      { partition: 0, foreign: 100 }, // a part of the gap remains
      { partition: 1, foreign: 250 },
      { partition: 2, foreign: 250, timestamp: oldTimestamp }
    ]
    const remote = 'east.filled'
    const write = async (from: number, to: number): Promise<void> => {
      for (const { partition, timestamp = Date.now() } of partitions) {
        await produce(source.bootstrapServers, 'filled',
          numbered(from, to, partition).map(record => ({ ...record, timestamp })), { lingerMs: 5 })
      }
    }
    if (!target.broker(1).isRunning) await target.broker(1).start() // the previous test killed it
    await source.createTopic('filled', { partitions: partitions.length })
    await createUncleanTopic(target, remote, partitions.length, [1, 2])
    const before = await start(t, 'filled')
    await write(0, 300)
    await untilRecords(before, target, remote, 3 * 300)
    await target.broker(2).stop()
    await write(300, 500)
    await untilRecords(before, target, remote, 3 * 500)
    assert.equal((await before.stop()).code, 0)
    await target.broker(1).kill()
    await target.broker(2).start()
    for (const { partition, foreign, timestamp = Date.now() } of partitions) {
      await untilLeader(target, remote, partition, leader => leader === 2)
      await produce(target.bootstrapServers, remote, onePartition(0, foreign, 'foreign')
        .map(value => ({ value, partition, timestamp })))
    }
    await untilProducersForgotten(target, remote, 2)

    const mirror = await start(t, 'filled')
    await untilRecords(mirror, target, remote, 3 * 500 + 600)
    await write(500, 600)
    await untilRecords(mirror, target, remote, 3 * 600 + 600)
    assert.equal((await mirror.stop()).code, 0)
    for (const { partition, foreign } of partitions) {
      const line = mirror.log.find(({ text }) =>
        text.startsWith(`filled-${partition}: mirrors up to`))
      assert.match(line?.text ?? '', foreign < 200
        ? /target offset 500 was acknowledged, the target log ends at 400/
        : /target offset 500 was acknowledged, and before that .* of another producer/)
      assert.deepEqual(await valuesOn(remote, partition), [
        ...onePartition(0, 300), ...onePartition(0, foreign, 'foreign'), ...onePartition(300, 600)
      ])
    }
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  })

  test('mirrors again the records of a disk that a broker lost', async t => {
    const { source, target } = clusters
    const remote = 'east.disk'
    const broker = target.broker(2)
    await source.createTopic('disk')
    await target.runTool('org.apache.kafka.tools.TopicCommand',
      ['--create', '--topic', remote, '--replica-assignment', String(broker.id)])
    const mirror = await start(t, 'disk', { 'metadata.max.age.ms': 1000 })
    await produce(source.bootstrapServers, 'disk', numbered(0, 300))
    await untilRecords(mirror, target, remote, 300)
    await broker.stop()
    rmSync(join(broker.logDir, `${remote}-0`), { recursive: true })
    await broker.start()
    // Idle until the loss is detected: a batch before that may be appended after a gap.
    await untilRecords(mirror, target, remote, 300)
    await produce(source.bootstrapServers, 'disk', numbered(300, 310))
    await untilRecords(mirror, target, remote, 310)
    assert.match((await mirror.untilLogged('what is mirrored again', ({ text }) =>
      text.includes('records again'))).text, /^disk-0: mirrors up to 300 .* target log ends at 0/)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOn(remote, 0), onePartition(0, 310))
  })
})
