// Every way to log in that a MirrorMaker 2 file can name, before a real broker: each client of a
// flow (admin, group, progress, both ends of the lanes) gets through each listener.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { clusterProperties, sasl, startLoginCluster, tls, type LoginCluster } from
  './login-listeners.ts'
import { createPropertiesFile, startMirror, type Properties } from './mirror-process.ts'

describe('logins', () => {
  let started: LoginCluster
  before(async () => {
    started = await startLoginCluster()
    await started.cluster.createTopic('orders')
    await produce(started.cluster.bootstrapServers, 'orders', numbered(0, 50))
  })
  after(async () => { await started.close() })

  const settings: Properties = {
    'topics': 'orders',
    'lanes': 1,
    'task.slots': 1,
    'replication.factor': 1,
    'progress.topic.replication.factor': 1,
    'metrics.port': 0
  }

  // A ring: each cluster is the source of one flow and the target of another one.
  test('by each kind of store, certificate and password mirror records in both roles', async t => {
    const { certificates, cluster } = started
    const logins = Object.entries({ ...tls(certificates), ...sasl(certificates) })
    const flows = logins.map(([alias], index) =>
      [alias, logins[(index + 1) % logins.length]?.[0] ?? alias] as const)
    const mirror = await startMirror(t, createPropertiesFile(t, {
      ...settings,
      'clusters': logins.map(([alias]) => alias).join(),
      ...Object.assign({}, ...logins.map(([alias, login]) =>
        clusterProperties(alias, login, cluster))) as Properties,
      ...Object.fromEntries(flows.map(([from, to]) => [`${from}->${to}.enabled`, true]))
    }), [], { SSL_CERT_FILE: certificates.path('ca.pem') })
    for (const [from] of flows) await untilRecords(mirror, cluster, `${from}.orders`, 50)
    await mirror.untilReady()
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ level, text }) =>
      (level === 'warn' || level === 'error') && !text.includes('are both cluster')), [])
    for (const [from] of flows) {
      const values = (await readTopic(cluster.bootstrapServers, `${from}.orders`))
        .map(({ value }) => String(value))
      assert.deepEqual(values, numbered(0, 50).map(({ value }) => value))
    }
  })
})
