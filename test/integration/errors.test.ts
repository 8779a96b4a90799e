// Errors name cluster, broker and setting; healthy parts continue; scripts read the exit code.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, test, type TestContext } from 'node:test'
import { addAcl } from '../kafka/acls.ts'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'
import { untilRecords } from './comparison.ts'
import {
  createPropertiesFile, runCommand, spawnMirror, startMirror, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, login, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

describe('errors', () => {
  let clusters: MirroredClusters
  let secured: KafkaCluster
  before(async () => {
    const started = await Promise.all([startClusters(), startKafkaCluster(undefined, {
      sasl: { users: { root: 'root-secret', guest: 'guest-secret' }, superUsers: ['root'] }
    })])
    clusters = started[0]
    secured = started[1]
  })
  after(async () => {
    await clusters.close()
    await secured.close()
  })

  test('a cluster that does not answer is named, and without other flows the exit code is 3',
    async t => {
      const [port = 0] = await reservePorts(1)
      t.after(() => { releasePorts([port]) })
      const mirror = spawnProperties(t, flowProperties(clusters,
        { 'west.bootstrap.servers': `127.0.0.1:${port}`, 'admin.timeout.ms': 5000 }))
      assert.deepEqual(await mirror.untilExit(), { code: 3, signal: null })
      const text = errorsOf(mirror)
      assert.match(text, /west/)
      assert.match(text, new RegExp(`127\\.0\\.0\\.1:${port}`))
      assert.match(text, /west\.bootstrap\.servers/)
    })

  test('a port that does not speak Kafka is named like an unreachable cluster', async t => {
    const http = await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'nothing' })))
    const line = await http.untilLogged('metrics', ({ url }) => typeof url === 'string')
    const address = String(line['url']).replace('http://', '')
    const mirror = spawnProperties(t, flowProperties(clusters,
      { 'east.bootstrap.servers': address, 'admin.timeout.ms': 5000 }))
    assert.deepEqual(await mirror.untilExit(), { code: 3, signal: null })
    assert.match(errorsOf(mirror), /east\.bootstrap\.servers/)
    assert.ok(errorsOf(mirror).includes(address))
    assert.equal((await http.stop()).code, 0)
  })

  test('a flow whose cluster does not answer does not stop another flow', async t => {
    const { source, target } = clusters
    const [port = 0] = await reservePorts(1)
    t.after(() => { releasePorts([port]) })
    await source.createTopic('alive')
    await produce(source.bootstrapServers, 'alive', [{ value: 'one', partition: 0 }])
    const mirror = spawnProperties(t, flowProperties(clusters, {
      'clusters': 'east, west, north',
      'north.bootstrap.servers': `127.0.0.1:${port}`,
      'north->west.enabled': true,
      'topics': 'alive',
      'admin.timeout.ms': 5000
    }))
    await untilRecords(mirror, target, 'east.alive', 1)
    const line = await mirror.untilLogged('north', ({ level, text }) =>
      level === 'error' && text.includes('north->west'))
    assert.match(line.text, /north\.bootstrap\.servers/)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('a refused login names the cluster and ends with 3', async t => {
    const mirror = spawnProperties(t, flowProperties({ ...clusters, source: secured },
      { ...login('east', 'root', 'wrong'), 'admin.timeout.ms': 8000 }))
    assert.deepEqual(await mirror.untilExit(), { code: 3, signal: null })
    const text = errorsOf(mirror)
    assert.match(text, /login|authentication/i)
    assert.match(text, /east/)
    assert.match(text, /sasl/)
    assert.doesNotMatch(`${mirror.stderr}${mirror.stdout}`, /root-secret|"wrong"/)
  })

  test('a topic without permission is named, and another topic is mirrored', async t => {
    const { target } = clusters
    await secured.createTopic('allowed')
    await secured.createTopic('forbidden')
    await secured.createTopic('unread')
    await produce(secured.plainBootstrapServers, 'allowed', [{ value: 'one', partition: 0 }])
    await produce(secured.plainBootstrapServers, 'forbidden', [{ value: 'one', partition: 0 }])
    const guest = ['--allow-principal', 'User:guest']
    // Describe alone shows the topic; the permission to read is missing.
    await addAcl(secured, [...guest, '--operation', 'Describe', '--operation', 'DescribeConfigs',
      '--topic', 'forbidden'])
    await addAcl(secured, [...guest, '--operation', 'Read', '--operation', 'Describe',
      '--operation', 'DescribeConfigs', '--topic', 'allowed'])
    await addAcl(secured, [...guest, '--operation', 'Read', '--operation', 'Describe',
      '--topic', 'unread'])
    // Another alias: west holds progress for east, which names the other source cluster.
    const mirror = spawnProperties(t, flowProperties(clusters, {
      'clusters': 'east, west, south',
      'east->west.enabled': false,
      'south.bootstrap.servers': secured.bootstrapServers,
      ...login('south', 'guest', 'guest-secret'),
      'south->west.enabled': true,
      'south->west.topics': 'allowed|forbidden|unread'
    }))
    await untilRecords(mirror, target, 'south.allowed', 1)
    const line = await mirror.untilLogged('the missing permission', ({ level, text }) =>
      level === 'error' && text.includes('forbidden'))
    assert.match(line.text, /permission/)
    assert.match(line.text, /READ/)
    const unread = await mirror.untilLogged('the settings', ({ level, text }) =>
      level === 'error' && text.includes('unread'))
    assert.match(unread.text, /DESCRIBE_CONFIGS/)
    const names = await target.admin.topicNames()
    assert.ok(names.includes('south.allowed'))
    assert.ok(!names.includes('south.unread'), "no topic has the target's defaults by guess")
    await addAcl(secured, [...guest, '--operation', 'Read', '--topic', 'forbidden'])
    assert.equal((await mirror.stop()).code, 0)
  })

  test('a target topic with fewer partitions that may not grow is named, and the rest is mirrored',
    async t => {
      const { source } = clusters
      await source.createTopic('broad', { partitions: 3 })
      await secured.createTopic('east.broad', { partitions: 1 })
      await produce(source.bootstrapServers, 'broad',
        [0, 1, 2].map(partition => ({ value: `of ${partition}`, partition })))
      const guest = ['--allow-principal', 'User:guest']
      await addAcl(secured, [...guest, '--operation', 'Read', '--operation', 'Write',
        '--operation', 'Describe', '--operation', 'DescribeConfigs', '--topic', 'east.broad'])
      await addAcl(secured, [...guest, '--operation', 'All', '--group', '*'])
      await addAcl(secured, [...guest, '--operation', 'All', '--topic', 'longhaul-progress',
        '--resource-pattern-type', 'prefixed'])
      await addAcl(secured, [...guest, '--operation', 'IdempotentWrite', '--operation', 'Describe',
        '--cluster'])
      const mirror = spawnProperties(t, flowProperties({ source, target: secured },
        { ...login('west', 'guest', 'guest-secret'), 'east->west.topics': 'broad' }))
      await untilRecords(mirror, secured, 'east.broad', 1)
      const line = await mirror.untilLogged('the partitions', ({ level, text }) =>
        level === 'error' && text.includes('partitions'))
      assert.match(line.text, /east\.broad on west has 1 partitions, broad on east has 3/)
      assert.equal((await mirror.stop()).code, 0)
    })

  test('two aliases of one cluster under the same names are refused', async t => {
    const { source } = clusters
    const properties = flowProperties({ source, target: source },
      { 'replication.policy.class': 'IdentityReplicationPolicy' })
    const plain = spawnProperties(t, properties)
    assert.deepEqual(await plain.untilExit(), { code: 2, signal: null })
    assert.match(plain.stderr, /bootstrap\.servers/)
    // The addresses differ, so only the cluster id shows that they are one cluster.
    const otherwise = source.bootstrapServers.replace('127.0.0.1', 'localhost')
    const hidden = spawnProperties(t, { ...properties, 'west.bootstrap.servers': otherwise })
    assert.deepEqual(await hidden.untilExit(), { code: 3, signal: null })
    assert.match(errorsOf(hidden), /east and west are both cluster/)
    assert.match(errorsOf(hidden), /bootstrap\.servers/)
  })

  test('if two flows would write one topic, the second reports it, and the first continues',
    async t => {
      const { source, target } = clusters
      // The topic of east happens to have the remote name of north's topic.
      const remoteTopic = 'north.contested'
      await source.createTopic(remoteTopic)
      await secured.createTopic('contested')
      await produce(source.bootstrapServers, remoteTopic, [{ value: 'same', partition: 0 }])
      await produce(secured.plainBootstrapServers, 'contested', [{ value: 'same', partition: 0 }])
      const mirror = spawnProperties(t, flowProperties(clusters, {
        'clusters': 'east, west, north',
        'north.bootstrap.servers': secured.plainBootstrapServers,
        'north->west.enabled': true,
        'east->west.replication.policy.class': 'IdentityReplicationPolicy',
        'topics': '(north\\.)?contested'
      }))
      await untilRecords(mirror, target, remoteTopic, 1)
      const line = await mirror.untilLogged('the other flow', ({ level }) => level === 'error')
      assert.match(line.text, /the flow (east|north)->west writes north\.contested on west/)
      assert.equal((await mirror.stop()).code, 0)
      assert.deepEqual(await target.admin.offsets(remoteTopic, 0), { low: 0, high: 1 })
    })

  test('a default metrics port in use is replaced, and a chosen one in use is an error',
    async t => {
      const { 'metrics.port': _, ...properties } =
        flowProperties(clusters, { 'east->west.topics': 'nothing' })
      // This test or another process uses the port.
      const holder = createServer()
      holder.on('error', () => {})
      await new Promise<void>(resolve => {
        holder.once('error', () => { resolve() })
        holder.listen(9584, '127.0.0.1', resolve)
      })
      t.after(() => { holder.close() })
      const mirror = spawnProperties(t, properties)
      const line = await mirror.untilLogged('the port', ({ text }) => text.includes('port 9584'))
      assert.match(line.text, /another process uses port 9584.*metrics are at http:.*metrics\.port/)
      const { url } = await mirror.untilLogged('metrics', ({ url }) => typeof url === 'string')
      assert.equal((await fetch(`${String(url)}/healthz`)).status, 200)
      const { port } = new URL(String(url))
      const second = spawnProperties(t, { ...properties, 'metrics.port': port })
      assert.deepEqual(await second.untilExit(), { code: 3, signal: null })
      assert.match(errorsOf(second), new RegExp(`metrics\\.port=${port}`))
      assert.equal((await mirror.stop()).code, 0)
    })

  test('a misspelt property is refused with --strict, names the right one, and ends with 2',
    async t => {
      const file = createPropertiesFile(t,
        { ...flowProperties(clusters, {}), 'east->west.topcis': '.*' })
      const strict = await runCommand(['run', '--strict', file])
      assert.equal(strict.exit.code, 2)
      assert.match(strict.stderr, /^error: .*topcis.*did you mean east->west\.topics/m)
      const nothing = await runCommand(['run', 'no-such-file.properties'])
      assert.equal(nothing.exit.code, 2)
      assert.match(nothing.stderr, /no-such-file\.properties/)
    })
})

function spawnProperties (t: TestContext, properties: Properties): MirrorProcess {
  return spawnMirror(t, createPropertiesFile(t, properties))
}

function errorsOf (mirror: MirrorProcess): string {
  return mirror.log.filter(({ level }) => level === 'error').map(({ text }) => text).join('\n')
}
