// /readyz with default settings: 503 with the flow and the reason while records do not flow, and
// 200 again when they do.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { addAcl, removeAcl } from '../kafka/acls.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import {
  createPropertiesFile, runCommand, startMirror, type CleanUp, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, login, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { numbered } from './failures/fault-probe.ts'

const secured = {
  sasl: { users: { guest: 'guest-secret' }, superUsers: [] },
  config: { 'allow.everyone.if.no.acl.found': 'true' }
}

describe('readiness', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(secured) })
  after(async () => { await clusters.close() })

  const createFile = (t: CleanUp, topic: string, more: Properties = {}): string =>
    createPropertiesFile(t, flowProperties(clusters, {
      ...login('east', 'guest', 'guest-secret'),
      ...login('west', 'guest', 'guest-secret'),
      'east->west.topics': topic,
      // The defaults, which the other tests shorten.
      'refresh.topics.interval.seconds': 600,
      ...more
    }))
  const start = async (t: CleanUp, topic: string, more: Properties = {}): Promise<MirrorProcess> =>
    await startMirror(t, createFile(t, topic, more))

  /** A mirror that has mirrored a hundred records of the topic and is ready. */
  const startReady = async (t: CleanUp, topic: string): Promise<MirrorProcess> => {
    const { source, target } = clusters
    await source.createTopic(topic)
    await produce(source.plainBootstrapServers, topic, numbered(0, 100))
    const mirror = await start(t, topic)
    await untilRecords(mirror, target, `east.${topic}`, 100)
    await mirror.untilReady()
    return mirror
  }

  // At the same time, one in each direction: both wait for the retry that a fault has by default.
  describe('of a faulted flow', { concurrency: true }, () => {
    test('ends with a partition without permission, and returns with the permission',
      async t => {
        const { source, target } = clusters
        const mirror = await startReady(t, 'forbidden')
        const acl = ['--deny-principal', 'User:guest', '--operation', 'Write', '--topic',
          'east.forbidden']
        await addAcl(target, acl)
        await produce(source.plainBootstrapServers, 'forbidden', numbered(100, 200))
        const reason = await mirror.untilNotReady(/faulted/)
        assert.match(reason, /^east->west: 1 of 1 partition is faulted, .*forbidden-0/)
        assert.match(reason, /TOPIC_AUTHORIZATION_FAILED/)
        await removeAcl(target, acl)
        await mirror.untilReady()
        await untilRecords(mirror, target, 'east.forbidden', 200)
      })

    test('waits for a topic that cannot be created, until it exists', async t => {
      const { source, target } = clusters
      await target.createTopic('wide')
      await produce(target.plainBootstrapServers, 'wide', numbered(0, 100))
      const file = createFile(t, 'none', {
        'east->west.enabled': false,
        'west->east.enabled': true,
        'west->east.topics': 'wide',
        'replication.factor': 3
      })
      const mirror = await startMirror(t, file)
      assert.match(await mirror.untilNotReady(/TOPIC_CREATE_FAILED/), /wide-0 .*replication/)
      // Regression: without a process to ask, the topic was shown as one that had not begun.
      const shown = await runCommand(['lag', file])
      assert.match(shown.stdout, /│ wide +│ 1 +│ 1 +│ 0 +│/)
      assert.match(shown.stdout, /^The target topic cannot be created: west\.wide on east: /m)
      assert.equal(shown.exit.code, 10)
      await source.createTopic('west.wide')
      await mirror.untilReady()
      await untilRecords(mirror, source, 'west.wide', 100)
    })
  })

  test('waits for a partition whose target has records of other producers', async t => {
    const { source, target } = clusters
    await source.createTopic('taken')
    await target.createTopic('east.taken')
    await produce(source.plainBootstrapServers, 'taken', numbered(0, 100))
    await produce(target.plainBootstrapServers, 'east.taken', numbered(0, 10))
    const refused = await start(t, 'taken')
    assert.match(await refused.untilNotReady(/faulted/), /taken-0 .*TARGET_NOT_EMPTY/)
    assert.equal((await refused.stop()).code, 0)
    const allowed = await start(t, 'taken', { 'target.not.empty': 'begin' })
    await untilRecords(allowed, target, 'east.taken', 110)
    await allowed.untilReady()
  })

  /** While the one broker of a cluster is down; `meanwhile` runs then. */
  const withoutCluster = async (
    mirror: MirrorProcess, cluster: KafkaCluster, alias: string, meanwhile: () => Promise<void>
  ): Promise<void> => {
    await cluster.broker(1).kill()
    await meanwhile()
    const reason = await mirror.untilNotReady(new RegExp(`${alias} has not answered`))
    assert.match(reason, /^east->west: /)
    const { series } = await mirror.metrics()
    const labels = '{reason="cluster",source="east",target="west"}'
    assert.equal(series.get(`longhaul_flow_not_ready${labels}`), 1)
    await cluster.broker(1).start()
    await mirror.untilReady()
  }

  test('ends while the target does not answer', async t => {
    const { source, target } = clusters
    const mirror = await startReady(t, 'aimless')
    await withoutCluster(mirror, target, 'west', async () => {
      await produce(source.plainBootstrapServers, 'aimless', numbered(100, 200))
      await mirror.untilNotReady(/acknowledged nothing|has not answered/)
    })
    await untilRecords(mirror, target, 'east.aimless', 200)
  })

  test('ends while the source does not answer', async t => {
    const { source, target } = clusters
    const mirror = await startReady(t, 'sourceless')
    await withoutCluster(mirror, source, 'east', async () => {})
    await produce(source.plainBootstrapServers, 'sourceless', numbered(100, 200))
    await untilRecords(mirror, target, 'east.sourceless', 200)
  })
})
