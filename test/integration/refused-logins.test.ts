// A password that the broker does not know any more while flows run: said once, by few connections,
// and forgotten soon after the broker knows it again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { startCountingRelay } from './counting-relay.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { smallFlows } from './mirrored-clusters.ts'

const security = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const measuredMs = 20_000
/**
 * Each of the fifteen clients of both flows tries once. Then the clients of the data plane share
 * their pauses, and so do those of the control plane: each of the two tries after 1, 3, 7, 12 and
 * 17 s, a quarter less by jitter: 26 attempts. The rest is for a loaded machine, where an attempt
 * that lasts longer than 3 s lets the next client try. Without the gate there were 80.
 */
const attemptsMax = 40

/** The longest pause is 5 s; the rest is for a loaded machine. */
const recoveredMsMax = 15_000

// Lanes tried once a second a cluster, and readers of the progress topic with a new client each
// time: for as long as the password was wrong.
test('a password that the broker no longer accepts is named once, by few attempts', async t => {
  const relay = await startCountingRelay(t, () => cluster.serversOf('SCRAM'))
  const cluster = await startKafkaCluster(t, {
    moreListeners: [{
      name: 'SCRAM',
      protocol: 'SASL_PLAINTEXT',
      advertisedPort: relay.port,
      config: {
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'scram-sha-512.sasl.jaas.config': `${security} required;`
      }
    }]
  })
  const setPassword = async (password: string): Promise<void> => {
    await cluster.runTool('kafka.admin.ConfigCommand', ['--alter', '--entity-type', 'users',
      '--entity-name', 'mirror', '--add-config', `SCRAM-SHA-512=[password=${password}]`])
  }
  await setPassword('first-secret')
  await cluster.createTopic('orders')
  await produce(cluster.bootstrapServers, 'orders', numbered(0, 50))
  // One cluster under two names: one as source and one as target of the clients that log in.
  const mirror = await startMirror(t, createPropertiesFile(t, {
    ...smallFlows,
    'clusters': 'guarded, open',
    'guarded->open.enabled': true,
    'open->guarded.enabled': true,
    'open.bootstrap.servers': cluster.bootstrapServers,
    'guarded.bootstrap.servers': relay.address,
    'guarded.security.protocol': 'SASL_PLAINTEXT',
    'guarded.sasl.mechanism': 'SCRAM-SHA-512',
    'guarded.sasl.jaas.config':
      `${security} required username="mirror" password="first-secret";`
  }))
  await untilRecords(mirror, cluster, 'guarded.orders', 50)
  await untilRecords(mirror, cluster, 'open.orders', 50)
  await mirror.untilReady()

  await setPassword('second-secret')
  const [before, logged] = [relay.connections, mirror.log.length]
  relay.reset()
  await sleep(measuredMs)
  const attempts = relay.connections - before
  t.diagnostic(`${attempts} attempts in ${measuredMs / 1000} s`)
  assert.ok(attempts <= attemptsMax, `${attempts} attempts`)
  const lines = mirror.log.slice(logged).filter(({ level, text }) =>
    level !== 'info' && /user mirror by SCRAM-SHA-512/.test(text))
  // Of both flows: the first one, the consequences, and who is not ready; then one a minute.
  assert.ok(lines.length >= 1 && lines.length <= 4, lines.map(({ text }) => text).join('\n'))
  assert.match(lines[0]?.text ?? '', /guarded.*127\.0\.0\.1:\d+.*\b(client|lanes)\b/)
  for (const flow of ['guarded->open', 'open->guarded']) {
    const reason = await mirror.untilNotReady(new RegExp(`^${flow}: .*user mirror by SCRAM`))
    assert.match(reason, /guarded/)
  }

  await setPassword('first-secret')
  const acceptedAt = performance.now()
  await produce(cluster.bootstrapServers, 'orders', numbered(50, 60))
  await untilRecords(mirror, cluster, 'guarded.orders', 60)
  await untilRecords(mirror, cluster, 'open.orders', 60)
  const recoveredMs = performance.now() - acceptedAt
  t.diagnostic(`all records ${(recoveredMs / 1000).toFixed(1)} s after the broker knew it again`)
  assert.ok(recoveredMs <= recoveredMsMax, `${recoveredMs} ms`)
  await mirror.untilReady()
  assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
  assert.doesNotMatch(`${mirror.stdout}${mirror.stderr}`, /(first|second)-secret/)
})
