// Topics are copied once, whatever the names of the clusters: aliases that contain the separator,
// two sites with the same aliases for each other, one cluster under two aliases.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const quick = {
  'replication.factor': 1,
  'progress.topic.replication.factor': 1,
  'emit.heartbeats.enabled': false,
  'offset-syncs.topic.replication.factor': 1,
  'refresh.topics.interval.seconds': 1,
  'metrics.port': 0
}

describe('mirroring in a circle', { timeout: 240_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  async function createTopic (cluster: KafkaCluster, topic: string): Promise<void> {
    await cluster.createTopic(topic)
    await produce(cluster.bootstrapServers, topic, [{ value: `of ${topic}`, partition: 0 }])
  }

  async function namesOn (cluster: KafkaCluster, ending: string): Promise<readonly string[]> {
    return (await cluster.admin.topicNames()).filter(name => name.endsWith(ending)).sort()
  }

  /** A later topic that arrives proves that a refresh has seen all earlier ones. */
  async function untilRefreshed (
    mirror: MirrorProcess, from: KafkaCluster, to: KafkaCluster, remote: (topic: string) => string,
    topic: string
  ): Promise<void> {
    await createTopic(from, topic)
    await untilRecords(mirror, to, remote(topic), 1)
  }

  // Regression: the names grew by one alias at each refresh, up to 249 characters, and so did the
  // records.
  test('aliases that hold the separator', async t => {
    const { source, target } = clusters
    await createTopic(source, 'dotted')
    const file = createPropertiesFile(t, {
      ...quick,
      'clusters': 'dc.one, dc.two',
      'dc.one.bootstrap.servers': source.bootstrapServers,
      'dc.two.bootstrap.servers': target.bootstrapServers,
      'dc.one->dc.two.enabled': true,
      'dc.two->dc.one.enabled': true,
      'topics': '.*dotted.*'
    })
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'dc.one.dotted', 1)
    for (const round of [1, 2, 3]) {
      await untilRefreshed(mirror, target, source, topic => `dc.two.${topic}`, `dotted-${round}`)
    }
    assert.deepEqual(await namesOn(source, 'dotted'), ['dotted'])
    assert.deepEqual(await namesOn(target, 'dotted'), ['dc.one.dotted'])
    const line = await mirror.untilLogged('the circle', ({ text }) =>
      text.includes('dc.two->dc.one does not mirror dc.one.dotted'))
    assert.equal(line.level, 'warn')
    assert.equal((await mirror.stop()).code, 0)
    assert.equal(mirror.log.filter(({ text }) => text === line.text).length, 1, 'said once')
  })

  test('two sites with the same aliases for each other', async t => {
    const { source, target } = clusters
    await createTopic(source, 'shared-orders')
    const site = (local: KafkaCluster, remote: KafkaCluster): string => createPropertiesFile(t, {
      ...quick,
      'clusters': 'local, remote',
      'local.bootstrap.servers': local.bootstrapServers,
      'remote.bootstrap.servers': remote.bootstrapServers,
      'remote->local.enabled': true,
      'topics': '.*shared.*'
    })
    const remote = (topic: string): string => `remote.${topic}`
    const mirrors = await Promise.all(
      [startMirror(t, site(source, target)), startMirror(t, site(target, source))])
    await untilRecords(mirrors[1], target, 'remote.shared-orders', 1)
    for (const round of [1, 2, 3]) {
      await untilRefreshed(mirrors[0], target, source, remote, `shared-${round}-east`)
      await untilRefreshed(mirrors[1], source, target, remote, `shared-${round}-west`)
    }
    assert.deepEqual(await namesOn(source, 'shared-orders'), ['shared-orders'])
    assert.deepEqual(await namesOn(target, 'shared-orders'), ['remote.shared-orders'])
    for (const mirror of mirrors) assert.equal((await mirror.stop()).code, 0)
  })

  test('one cluster under two aliases', async t => {
    const { source } = clusters
    await createTopic(source, 'alone')
    const file = createPropertiesFile(t, {
      ...flowProperties({ source, target: source }, {}),
      'topics': '.*alone.*'
    })
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, source, 'east.alone', 1)
    for (const round of [1, 2, 3]) {
      await untilRefreshed(mirror, source, source, topic => `east.${topic}`, `alone-${round}`)
    }
    assert.deepEqual(await namesOn(source, 'alone'), ['alone', 'east.alone'])
    await mirror.untilLogged('the one cluster', ({ level, text }) =>
      level === 'warn' && text.includes('east and west are both cluster'))
    assert.equal((await mirror.stop()).code, 0)
  })
})
