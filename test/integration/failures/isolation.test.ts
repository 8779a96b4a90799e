// A fault of one flow, topic or partition never stops another: clusters that fail, topics that are
// deleted, target topics with too few partitions.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startKafkaCluster, type KafkaCluster } from '../../kafka/cluster.ts'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { eventually } from '../../kafka/eventually.ts'
import { untilMoreRecords, untilRecords } from '../comparison.ts'
import { createPropertiesFile, startMirror, type CleanUp } from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from '../sequence-load.ts'
import { numbered, skippedRecords } from './fault-probe.ts'

describe('a fault stays local', () => {
  let clusters: MirroredClusters
  let north: KafkaCluster
  before(async () => {
    const started = await Promise.all([startClusters(), startKafkaCluster()])
    clusters = started[0]
    north = started[1]
  })
  after(async () => {
    await clusters.close()
    await north.close()
  })

  const propertiesFile = (t: CleanUp, topics: string, more: object = {}): string =>
    createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': topics, 'fault.retry.interval.ms': 1000, ...more }))

  test('a source cluster that fails stops only its flow, which continues when it answers again',
    async t => {
      const { source, target } = clusters
      const sources = [source, north]
      for (const cluster of sources) await cluster.createTopic('lasting')
      const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
        'clusters': 'east, west, north',
        'north.bootstrap.servers': north.bootstrapServers,
        'north->west.enabled': true,
        'topics': 'lasting'
      })))
      const loads = await Promise.all(sources.map(async cluster =>
        await SequenceLoad.start(t, cluster, 'lasting', { partitions: 1 })))
      for (const name of ['east', 'north']) {
        await untilRecords(mirror, target, `${name}.lasting`, 100)
      }
      await north.broker(1).stop()
      await mirror.untilLogged('the cluster that does not answer', ({ flow, level, text }) =>
        flow === 'north->west' && level === 'warn' && text.includes('north'))
      await untilMoreRecords(mirror, target, 'east.lasting', 200)
      await north.broker(1).start()
      await untilMoreRecords(mirror, target, 'north.lasting', 100)
      const written = await Promise.all(loads.map(async load => await load.stop()))
      for (const [index, name] of ['east', 'north'].entries()) {
        await untilRecords(mirror, target, `${name}.lasting`, written[index] ?? 0)
      }
      assert.equal((await mirror.stop()).code, 0)
      for (const [index, name] of ['east', 'north'].entries()) {
        await assertEachOnceInOrder(target, `${name}.lasting`, 1, written[index] ?? 0)
      }
      assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
    })

  test('a source topic that is deleted is dropped, its remote topic is kept, and no other stops',
    async t => {
      const { source, target } = clusters
      for (const topic of ['doomed', 'spared']) {
        await source.createTopic(topic)
        await produce(source.bootstrapServers, topic, numbered(0, 100))
      }
      const mirror = await startMirror(t, propertiesFile(t, 'doomed, spared'))
      for (const topic of ['doomed', 'spared']) {
        await untilRecords(mirror, target, `east.${topic}`, 100)
      }
      await source.admin.deleteTopic('doomed')
      await mirror.untilLogged('the topic that leaves', ({ text }) =>
        /no longer mirrored.*: doomed/.test(text))
      await mirror.until('metrics without the topic', async () =>
        ![...(await mirror.metrics()).series.keys()].some(name => name.includes('topic="doomed"')))
      await produce(source.bootstrapServers, 'spared', numbered(100, 200))
      await untilRecords(mirror, target, 'east.spared', 200)
      assert.equal((await mirror.stop()).code, 0)
      assert.equal((await readTopic(target.bootstrapServers, 'east.doomed')).length, 100)
      assert.equal((await readTopic(target.bootstrapServers, 'east.spared')).length, 200)
    })

  test('a target topic with fewer partitions gets more, also after it was recreated', async t => {
    const { source, target } = clusters
    const records = (from: number): ReturnType<typeof numbered> =>
      [0, 1, 2].flatMap(partition => numbered(from, from + 50, partition))
    await source.createTopic('wide', { partitions: 3 })
    await target.createTopic('east.wide', { partitions: 1 })
    await produce(source.bootstrapServers, 'wide', records(0))
    const mirror = await startMirror(t, propertiesFile(t, 'wide',
      { 'topic.recreated': 'skip', 'refresh.topics.interval.seconds': 3 }))
    await untilRecords(mirror, target, 'east.wide', 150)

    // The mirror creates a missing topic: the test deletes it until the test's own topic is first.
    await eventually('the narrow topic', async () => {
      await target.admin.deleteTopic('east.wide').catch(() => {})
      return await target.createTopic('east.wide', { partitions: 1 }).then(() => true, () => false)
    })
    assert.equal(await skippedRecords(mirror, 'wide', 'topic_recreated'), 0)
    await produce(source.bootstrapServers, 'wide', records(1000))
    await untilRecords(mirror, target, 'east.wide', 150)
    assert.equal((await mirror.stop()).code, 0)
    const read = (await readTopic(target.bootstrapServers, 'east.wide'))
      .map(({ partition, value }) => ({ value: String(value), partition }))
    assert.deepEqual(read, records(1000))
  })
})
