// An operator withdraws permissions and bandwidth from the mirror's user, and grants them again
// while records flow. Only the affected part waits, the log names it, and no restart is needed.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { addAcl, removeAcl } from '../../kafka/acls.ts'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { setQuota } from '../../kafka/partition-operations.ts'
import { untilMoreRecords, untilRecords } from '../comparison.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type Properties
} from '../mirror-process.ts'
import {
  flowProperties, login, startClusters, type MirroredClusters
} from '../mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from '../sequence-load.ts'
import { untilFaulted } from './fault-probe.ts'

// The mirror logs in as guest; the test's own clients use another listener and may do everything.
const secured = {
  sasl: { users: { guest: 'guest-secret' }, superUsers: [] },
  config: {
    'allow.everyone.if.no.acl.found': 'true',
    // Quotas use the last second instead of the last ten seconds.
    'quota.window.num': '2'
  }
}

/** With an ACL on the topic only super users have permissions that are not listed there. */
const withoutGuest = (operation: string, topic: string): string[] =>
  ['--deny-principal', 'User:guest', '--operation', operation, '--topic', topic]

describe('permissions and quotas of the mirror\'s user', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(secured) })
  after(async () => { await clusters.close() })

  const properties = (more: Properties): Properties => flowProperties(clusters, {
    ...login('east', 'guest', 'guest-secret'),
    ...login('west', 'guest', 'guest-secret'),
    'fault.retry.interval.ms': 1000,
    ...more
  })

  test('a topic without permission stops alone until the permission is granted again', async t => {
    const { source, target } = clusters
    const topics = ['unreadable', 'unwritable', 'granted'] as const
    for (const topic of topics) await source.createTopic(topic)
    const mirror = await startMirror(t, createPropertiesFile(t,
      properties({ 'east->west.topics': topics.join() })))
    const loads = await Promise.all(topics.map(async topic =>
      await SequenceLoad.start(t, source, topic, { partitions: 1 })))
    for (const topic of topics) await untilRecords(mirror, target, `east.${topic}`, 100)
    const unreadable = withoutGuest('Read', 'unreadable')
    const unwritable = withoutGuest('Write', 'east.unwritable')
    await Promise.all([addAcl(source, unreadable), addAcl(target, unwritable)])
    for (const [topic, needs] of [['unreadable', 'READ'], ['unwritable', 'WRITE']] as const) {
      const line = await untilFaulted(mirror, topic, 'TOPIC_AUTHORIZATION_FAILED')
      assert.match(line, new RegExp(`No permission on the topic: .*needs ${needs} on the topic`))
    }
    await untilMoreRecords(mirror, target, 'east.granted', 100)
    await Promise.all([removeAcl(source, unreadable), removeAcl(target, unwritable)])
    for (const [index, topic] of topics.entries()) {
      const written = await loads[index]?.stop() ?? 0
      await untilRecords(mirror, target, `east.${topic}`, written)
    }
    assert.equal((await mirror.stop()).code, 0)
    // Regression: a topic that may not be described counted as recreated at each refresh of the
    // topics.
    assert.equal(mirror.log.filter(({ text }) => text === 'created remote topics').length, 1)
    for (const [index, topic] of topics.entries()) {
      await assertEachOnceInOrder(target, `east.${topic}`, 1, loads[index]?.written ?? 0)
    }
  })

  // MirrorMaker 2 never reads remote topics, so its permissions lack READ. Regression: the text
  // named operations that were granted.
  test('without READ on a remote topic the error names READ and the remote topic', async t => {
    const { source, target } = clusters
    await source.createTopic('unverified')
    await produce(source.plainBootstrapServers, 'unverified', [{ value: 'one', partition: 0 }])
    const guest = ['--allow-principal', 'User:guest', '--topic', 'east.unverified']
    await addAcl(target, [...guest,
      ...['Create', 'Describe', 'DescribeConfigs', 'Write'].flatMap(each => ['--operation', each])])
    const mirror = await startMirror(t, createPropertiesFile(t,
      properties({ 'east->west.topics': 'unverified' })))
    const line = await untilFaulted(mirror, 'unverified', 'TOPIC_AUTHORIZATION_FAILED')
    assert.match(line, /reading target east\.unverified-0 .*needs READ on the topic/)
    await addAcl(target, [...guest, '--operation', 'Read'])
    await untilRecords(mirror, target, 'east.unverified', 1)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('a flow without permission on its progress topic waits for it alone',
    async t => {
      const { source, target } = clusters
      for (const cluster of [source, target]) await cluster.createTopic('both-ways')
      const denied = withoutGuest('All', 'longhaul-progress.west.internal')
      await addAcl(source, denied)
      const mirror = spawnMirror(t, createPropertiesFile(t,
        properties({ 'topics': 'both-ways', 'west->east.enabled': true })))
      const loads = await Promise.all([source, target].map(async cluster =>
        await SequenceLoad.start(t, cluster, 'both-ways', { partitions: 1 })))
      await untilRecords(mirror, target, 'east.both-ways', 100)
      const line = await mirror.untilLogged('the flow that cannot start', ({ flow, level }) =>
        flow === 'west->east' && level === 'error')
      assert.match(line.text, /No permission on the topic: .*longhaul-progress\.west\.internal/)
      await removeAcl(source, denied)
      await untilRecords(mirror, source, 'west.both-ways', 100)

      // Regression: if the topic was denied again within a second, the group member had not seen
      // the topic since it joined. So it noticed no change and did not join again, and the group
      // revoked nothing. Progress is written each second.
      await untilMoreRecords(mirror, source, 'longhaul-progress.west.internal', 5)

      // Denied again while the flow runs: the group cannot assign slots of a topic that its members
      // may not describe. No other process can own the slots, so this process keeps them and
      // continues; it reports progress that it cannot write, and a restart would resume further
      // back.
      await addAcl(source, denied)
      await mirror.untilLogged('progress that cannot be written', ({ flow, text }) =>
        flow === 'west->east' && text.includes('PROGRESS_UNWRITABLE'))
      await mirror.untilLogged('slots that are kept', ({ flow, text }) =>
        flow === 'west->east' && text.includes('this process keeps all slots'))
      await untilMoreRecords(mirror, source, 'west.both-ways', 100)
      await untilMoreRecords(mirror, target, 'east.both-ways', 100)
      await removeAcl(source, denied)
      const [eastern = 0, western = 0] = await Promise.all(
        loads.map(async load => await load.stop()))
      await untilRecords(mirror, target, 'east.both-ways', eastern)
      await untilRecords(mirror, source, 'west.both-ways', western)
      assert.equal((await mirror.stop()).code, 0)
      await assertEachOnceInOrder(target, 'east.both-ways', 1, eastern)
      await assertEachOnceInOrder(source, 'west.both-ways', 1, western)
    })

  test('quotas of both clusters slow the mirror down and show as throttled time', async t => {
    const { source, target } = clusters
    const records = Array.from({ length: 1000 }, (_, index) =>
      ({ value: `${index} ${'x'.repeat(1000)}`, partition: 0 }))
    await source.createTopic('paced')
    await produce(source.plainBootstrapServers, 'paced', records, { batchRecordsMax: 20 })
    const setQuotas = async (perSecond?: { source: number, target: number }): Promise<void> => {
      await Promise.all([
        setQuota(source, 'guest', 'consumer_byte_rate', perSecond?.source),
        setQuota(target, 'guest', 'producer_byte_rate', perSecond?.target)
      ])
    }
    // The target's quota is the lower one, otherwise the source's quota alone would determine the
    // rate.
    await setQuotas({ source: 400_000, target: 150_000 })
    const mirror = await startMirror(t, createPropertiesFile(t,
      properties({ 'east->west.topics': 'paced' })))
    await untilRecords(mirror, target, 'east.paced', records.length)
    const { series } = await mirror.metrics()
    for (const cluster of ['east', 'west']) {
      const waited = series.get(
        `longhaul_throttle_seconds_total{cluster="${cluster}",source="east",target="west"}`) ?? 0
      assert.ok(waited > 0, `${cluster} throttled for ${waited} s`)
    }
    assert.equal((await mirror.stop()).code, 0)
    await setQuotas()
    const values = (await readTopic(target.plainBootstrapServers, 'east.paced'))
      .map(({ value }) => String(value))
    assert.deepEqual(values, records.map(({ value }) => value))
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  })
})
