// Which topics are mirrored under which names, and how a running mirror follows their changes.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ClusterAdmin } from '../../src/orchestrator/cluster/cluster-admin.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { assertSameRecords, remoteOf, untilRecords } from './comparison.ts'
import { untilOwned } from './loaded-flow.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

describe('topics and their remote topics', () => {
  let clusters: MirroredClusters
  before(async () => {
    // The source accepts records of any time, as brokers before 4.0 do by default; the target
    // cleans within a minute, so it refuses source topics that wait longer.
    clusters = await startClusters(
      { config: { 'log.message.timestamp.after.max.ms': '9223372036854775807' } },
      { config: { 'log.cleaner.max.compaction.lag.ms': '60000' } })
  })
  after(async () => { await clusters.close() })

  test('an empty topic is created with its partition count and settings, excluded ones are not',
    async t => {
      const { source, target } = clusters
      await source.createTopic('shop.empty',
        { partitions: 5, configs: { 'retention.ms': '123456789', 'cleanup.policy': 'compact' } })
      await source.createTopic('shop.internal')
      await source.createTopic('shop.secret')
      await source.createTopic('other')
      const file = createPropertiesFile(t, flowProperties(clusters, {
        'east->west.topics': 'shop\\..*',
        'east->west.topics.exclude': '.*[\\-\\.]internal, shop\\.sec.*'
      }))
      const mirror = await startMirror(t, file)
      await mirror.until('the remote topic', async () =>
        await target.admin.partitionCount('east.shop.empty').catch(() => 0) === 5)
      const described = await target.runTool('kafka.admin.ConfigCommand',
        ['--describe', '--entity-type', 'topics', '--entity-name', 'east.shop.empty'])
      assert.match(described, /retention\.ms=123456789/)
      assert.match(described, /cleanup\.policy=compact/)
      assert.equal((await mirror.stop()).code, 0)
      const names = await target.admin.topicNames()
      assert.deepEqual(names.filter(name => /shop|other/.test(name)), ['east.shop.empty'])
    })

  test('a setting that the target refuses is left out and named, and the topic is mirrored',
    async t => {
      const { source, target } = clusters
      await source.createTopic('patient', { configs: {
        'cleanup.policy': 'compact', 'min.compaction.lag.ms': '120000', 'segment.ms': '3600000'
      } })
      await produce(source.bootstrapServers, 'patient', [{ key: 'a', value: 'one', partition: 0 }])
      const file = createPropertiesFile(t,
        flowProperties(clusters, { 'east->west.topics': 'patient' }))
      const mirror = await startMirror(t, file)
      await untilRecords(mirror, target, 'east.patient', 1)
      const line = await mirror.untilLogged('the setting', ({ text }) => text.includes('min.comp'))
      assert.equal(line.level, 'warn')
      assert.match(line.text, /min\.compaction\.lag\.ms=120000 of patient: .*max\.compaction\.lag/)
      const described = await target.runTool('kafka.admin.ConfigCommand',
        ['--describe', '--entity-type', 'topics', '--entity-name', 'east.patient'])
      assert.match(described, /cleanup\.policy=compact/)
      assert.match(described, /segment\.ms=3600000/)
      assert.doesNotMatch(described, /min\.compaction/)
      assert.equal((await mirror.stop()).code, 0)
    })

  // The owner of slot 0 has this duty: it must continue when that process ends.
  test('settings that change on the source change on the target, also after a hand-over',
    async t => {
      const source = createAdmin(t, clusters.source.bootstrapServers)
      const target = createAdmin(t, clusters.target.bootstrapServers)
      await clusters.source.createTopic('tuned', { configs: { 'retention.ms': '1000001' } })
      const file = createPropertiesFile(t, flowProperties(clusters, {
        'east->west.topics': 'tuned',
        'sync.topic.configs.interval.seconds': 1
      }))
      const first = await startMirror(t, file)
      await first.until('the remote topic', async () =>
        (await settingsOf(target, 'east.tuned'))['retention.ms'] === '1000001')
      await first.untilLogged('that there are no ACLs', ({ level, text }) =>
        level === 'info' && text === 'east has no authorizer: no ACLs are copied to west')
      await change(target, 'east.tuned', { 'max.message.bytes': '2000000' })
      await change(source, 'tuned', { 'retention.ms': '1000002', 'segment.ms': '3600000' })
      await first.until('the settings to follow', async () =>
        (await settingsOf(target, 'east.tuned'))['retention.ms'] === '1000002')
      const second = await startMirror(t, file)
      assert.equal((await first.stop()).code, 0)
      await untilOwned(second, 1)
      await change(source, 'tuned', { 'retention.ms': '1000003' })
      await second.until('the settings to follow', async () =>
        (await settingsOf(target, 'east.tuned'))['retention.ms'] === '1000003')
      assert.deepEqual(await settingsOf(target, 'east.tuned'), {
        'max.message.bytes': '2000000', 'retention.ms': '1000003', 'segment.ms': '3600000'
      })
      const duties =
        seriesOf(await second.metrics(), 'longhaul_duty_last_success_timestamp_seconds')
      assert.ok(Object.keys(duties).some(labels => labels.includes('topic config sync')))
      assert.equal((await second.stop()).code, 0)
    })

  // Kafka 4 refuses records more than an hour ahead; such a record would stop its partition.
  test('a record of the future arrives, because the source accepted it', async t => {
    const { source, target } = clusters
    const timestamp = Date.now() + 2 * 86_400_000
    await source.createTopic('future')
    await produce(source.bootstrapServers, 'future', [{ value: 'early', partition: 0, timestamp }])
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'future' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.future', 1)
    assert.equal((await mirror.stop()).code, 0)
    await assertSameRecords(clusters, remoteOf('future'))
  })

  test('topics created and partitions added while the mirror runs are mirrored', async t => {
    const { source, target } = clusters
    await source.createTopic('growing', { partitions: 1 })
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'growing, born' }))
    const mirror = await startMirror(t, file)
    await produce(source.bootstrapServers, 'growing', numbered(100, 1))
    await untilRecords(mirror, target, 'east.growing', 100)

    await source.createTopic('born', { partitions: 3 })
    await produce(source.bootstrapServers, 'born', numbered(300, 3))
    await source.admin.createPartitions('growing', 4)
    await produce(source.bootstrapServers, 'growing', numbered(400, 4))
    await untilRecords(mirror, target, 'east.born', 300)
    await untilRecords(mirror, target, 'east.growing', 500)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal(await target.admin.partitionCount('east.growing'), 4)
    await assertSameRecords(clusters, remoteOf('born'))
    await assertSameRecords(clusters, remoteOf('growing'))
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  })

  test('the separator stands between alias and topic', async t => {
    const { source, target } = clusters
    await source.createTopic('parted')
    await produce(source.bootstrapServers, 'parted', numbered(10, 1))
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': 'parted', 'replication.policy.separator': '__' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east__parted', 10)
    assert.equal((await mirror.stop()).code, 0)
    await assertSameRecords(clusters, { topic: 'parted', remoteTopic: 'east__parted' })
  })

  test('topic.rename writes exact names, prefixes and suffixes, also after a restart', async t => {
    const { source, target } = clusters
    const names = new Map([
      ['renamed', 'sales.renamed'], ['named-web', 'web.named'], ['named', 'named-eu'],
      ['kept', 'east.kept']
    ])
    for (const topic of names.keys()) {
      await source.createTopic(topic)
      await produce(source.bootstrapServers, topic, [{ value: topic, partition: 0 }])
    }
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': [...names.keys()].join(),
      'topic.rename': 'renamed@sales.$0, (named)-(.*)@$2.$1, named@$0-eu'
    }))
    for (const records of [1, 2]) {
      const mirror = await startMirror(t, file)
      for (const [topic, remote] of names) {
        if (records === 2) {
          await produce(source.bootstrapServers, topic, [{ value: 'again', partition: 0 }])
        }
        await untilRecords(mirror, target, remote, records)
        assert.deepEqual((await readTopic(target.bootstrapServers, remote))
          .map(({ value }) => String(value)), [topic, 'again'].slice(0, records))
      }
      assert.equal((await mirror.stop()).code, 0)
    }
    const remotes = (await target.admin.topicNames()).filter(name => /named|kept/.test(name))
    assert.deepEqual(remotes.sort(), [...names.values()].sort())
  })

  test('under IdentityReplicationPolicy topics keep their names', async t => {
    const { source, target } = clusters
    await source.createTopic('same-name', { partitions: 2 })
    await produce(source.bootstrapServers, 'same-name', numbered(10, 2))
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'same-name',
      'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy'
    }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'same-name', 10)
    assert.equal((await mirror.stop()).code, 0)
    await assertSameRecords(clusters, { topic: 'same-name', remoteTopic: 'same-name' })
  })

  test("flows both ways in one process mirror each other's topics once and never back", async t => {
    const { source, target } = clusters
    await source.createTopic('orders', { partitions: 2 })
    await target.createTopic('orders', { partitions: 2 })
    await produce(source.bootstrapServers, 'orders', numbered(50, 2, 'east'))
    await produce(target.bootstrapServers, 'orders', numbered(70, 2, 'west'))
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'west->east.enabled': true,
      'topics': '(east\\.|west\\.)*(orders|later)'
    }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.orders', 50)
    await untilRecords(mirror, source, 'west.orders', 70)
    // A topic that is found later proves that the remote topics were listed and not mirrored.
    await source.createTopic('later')
    await produce(source.bootstrapServers, 'later', numbered(5, 1))
    await untilRecords(mirror, target, 'east.later', 5)
    await target.createTopic('later')
    await produce(target.bootstrapServers, 'later', numbered(6, 1))
    await untilRecords(mirror, source, 'west.later', 6)
    assert.equal((await mirror.stop()).code, 0)

    const back = { source: target, target: source }
    await assertSameRecords(clusters, remoteOf('orders'))
    await assertSameRecords({ ...clusters, ...back },
      { topic: 'orders', remoteTopic: 'west.orders' })
    assert.equal((await readTopic(source.bootstrapServers, 'orders')).length, 50)
    const ofOrders = (names: readonly string[]): string[] =>
      names.filter(name => /orders|later/.test(name))
    assert.deepEqual(ofOrders(await source.admin.topicNames()),
      ['later', 'orders', 'west.later', 'west.orders'])
    assert.deepEqual(ofOrders(await target.admin.topicNames()),
      ['east.later', 'east.orders', 'later', 'orders'])
    assert.deepEqual(mirror.summary().flows.map(flow => [flow.source, flow.target, flow.records]),
      [['east', 'west', 55], ['west', 'east', 76]])
  })

  // The last test: from here on the source has a topic that every flow mirrors. The clusters have
  // one broker each, and the default replication factor of the topic is 3.
  test('heartbeats are written and mirrored, and a refusal of theirs is reported once', async t => {
    const { source, target } = clusters
    await source.createTopic('beside')
    await produce(source.bootstrapServers, 'beside', numbered(10, 1))
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'beside',
      'emit.heartbeats.enabled': true,
      'west->east.heartbeats.topic.replication.factor': 1
    }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.beside', 10)
    await untilRecords(mirror, target, 'east.heartbeats', 3)
    const { text } = await mirror.untilLogged('the refusal', line => line.level === 'warn' &&
      line.text.includes('heartbeats.topic.replication.factor=3'))
    assert.match(text, /east->west, to the topic heartbeats on west/)
    const successes =
      seriesOf(await mirror.metrics(), 'longhaul_duty_last_success_timestamp_seconds')
    const duties = Object.keys(successes).filter(labels => labels.includes('heartbeats'))
    assert.equal(duties.length, 1, duties.join())
    assert.match(duties[0] ?? '', /heartbeats west->east/)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal(mirror.log.filter(line => line.text === text).length, 1)
    assert.ok(!(await target.admin.topicNames()).includes('heartbeats'))
    // Kafka's class reads them.
    const printed = await target.runTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      '--topic', 'east.heartbeats', '--from-beginning', '--max-messages', '2', '--formatter',
      'org.apache.kafka.connect.mirror.formatters.HeartbeatFormatter'
    ])
    const line = /Heartbeat\{sourceClusterAlias=west, targetClusterAlias=east, timestamp=\d{13}\}/g
    assert.equal([...printed.matchAll(line)].length, 2)
  })
})

function numbered (
  count: number, partitions: number, prefix = 'value'
): Array<{ value: string, partition: number }> {
  return Array.from({ length: count }, (_, index) =>
    ({ value: `${prefix} ${index}`, partition: index % partitions }))
}

async function change (
  admin: ClusterAdmin, topic: string, settings: Readonly<Record<string, string>>
): Promise<void> {
  const changes = Object.entries(settings).map(([name, value]) =>
    ({ operation: 'set' as const, name, value }))
  const [altered] = await admin.incrementalAlterConfigs([{ type: 'topic', name: topic, changes }])
  assert.equal(altered?.error, undefined)
}

/** Settings of the topic itself, without the bounds on timestamps. */
async function settingsOf (
  admin: ClusterAdmin, topic: string
): Promise<Readonly<Record<string, string | null>>> {
  const [described] = await admin.describeConfigs([{ type: 'topic', name: topic }])
  return Object.fromEntries((described?.entries ?? [])
    .filter(({ name, source }) =>
      source === 'DYNAMIC_TOPIC_CONFIG' && !name.startsWith('message.timestamp'))
    .map(({ name, value }) => [name, value]))
}
