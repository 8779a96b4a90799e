// Logins by Kerberos, as a MirrorMaker 2 file configures them. Needs system packages and a build
// with libsasl2, which `npm run build` uses if it finds the headers.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { librdkafkaFeatures } from '../../src/orchestrator/cluster/native-version.ts'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { missingForRealm, Realm } from '../kafka/kerberos.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { clusterProperties, type Login } from './login-listeners.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type Properties
} from './mirror-process.ts'
import { smallFlows } from './mirrored-clusters.ts'

const skip = missingForRealm() ?? (librdkafkaFeatures.includes('sasl_gssapi')
  ? false
  : 'this build has no Kerberos: apt-get install libsasl2-dev, then npm run build')

const loginModule = 'com.sun.security.auth.module.Krb5LoginModule required'

const sessionMs = 5_000
const ticketSeconds = 10
/** Several lives of a ticket. */
const renewalsMs = 30_000

describe('logins by Kerberos', { skip }, () => {
  let realm: Realm
  let cluster: KafkaCluster
  before(async () => {
    realm = await Realm.start(['kafka/127.0.0.1', 'mirror', 'stranger'])
    cluster = await startKafkaCluster(undefined, {
      jvm: { properties: { 'java.security.krb5.conf': realm.configPath } },
      moreListeners: [{
        name: 'KERBEROS',
        protocol: 'SASL_PLAINTEXT',
        config: {
          'sasl.enabled.mechanisms': 'GSSAPI',
          'sasl.kerberos.service.name': 'kafka',
          'connections.max.reauth.ms': String(sessionMs),
          'gssapi.sasl.jaas.config': `${loginModule} useKeyTab=true storeKey=true ` +
            `keyTab="${realm.keyTab('kafka')}" ` +
            `principal="${realm.principal('kafka/127.0.0.1')}";`
        }
      }]
    })
    await cluster.createTopic('orders')
    await cluster.createTopic('payments')
    await produce(cluster.bootstrapServers, 'orders', numbered(0, 50))
  })
  after(async () => {
    await cluster?.close()
    await realm?.close()
  })

  const login = (keyTab: string, principal = 'mirror'): Login => ({
    listener: 'KERBEROS',
    properties: {
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'GSSAPI',
      'sasl.kerberos.service.name': 'kafka',
      'sasl.jaas.config': `${loginModule} useKeyTab=true storeKey=true ` +
        `keyTab="${realm.keyTab(keyTab)}" principal="${realm.principal(principal)}";`
    }
  })
  const properties = (keyTab: string): Properties => ({
    'clusters': 'east, west',
    ...clusterProperties('east', login(keyTab), cluster),
    ...clusterProperties('west', login(keyTab), cluster),
    'east->west.enabled': true,
    ...smallFlows,
    'east->west.topics': 'orders'
  })

  test('by a key tab mirror records in both roles', async t => {
    const mirror = await startMirror(t, createPropertiesFile(t, properties('mirror')), [],
      realm.environment('mirror'))
    await untilRecords(mirror, cluster, 'east.orders', 50)
    await mirror.untilReady()
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
    const values = (await readTopic(cluster.bootstrapServers, 'east.orders'))
      .map(({ value }) => String(value))
    assert.deepEqual(values, numbered(0, 50).map(({ value }) => value))
  })

  test('get new tickets before the old ones expire', async t => {
    const mirror = await startMirror(t, createPropertiesFile(t, {
      ...properties('mirror'),
      'east->west.topics': 'payments',
      'east.sasl.kerberos.min.time.before.relogin': 4_000,
      'west.sasl.kerberos.min.time.before.relogin': 4_000
    }), [], realm.environment('renewed', ticketSeconds))
    for (let from = 0, until = Date.now() + renewalsMs; Date.now() < until; from += 10) {
      await produce(cluster.bootstrapServers, 'payments', numbered(from, from + 10))
      await untilRecords(mirror, cluster, 'east.payments', from + 10)
      await sleep(sessionMs / 5)
    }
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ level, text }) =>
      /^(warn|error)$/.test(level) && !/are both cluster/.test(text)), [])
  })

  test('by a key tab without the principal are refused, and the log says why', async t => {
    const mirror = spawnMirror(t, createPropertiesFile(t, properties('stranger')), [],
      realm.environment('stranger'))
    assert.deepEqual(await mirror.untilExit(), { code: 3, signal: null })
    const [refused, ...others] = mirror.log.filter(({ level }) => level === 'error')
    assert.match(refused?.text ?? '', /cluster east: broker 127\.0\.0\.1:\d+ .*: GSSAPI Error: No /)
    assert.match(refused?.text ?? '', /Check keyTab, principal .* in east\.sasl\.jaas\.config/)
    assert.deepEqual(others.map(({ text }) => text), ['no flow could start: the process ends'])
  })
})
