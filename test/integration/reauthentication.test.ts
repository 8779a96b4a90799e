// Brokers with `connections.max.reauth.ms`: every client of a flow logs in repeatedly on its open
// connections, under load, which costs neither a record nor a connection.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTokenServer } from '../kafka/token-server.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import {
  clusterProperties, oidc, password, sasl, startLoginCluster, type Login
} from './login-listeners.ts'
import { createPropertiesFile, startMirror, type Properties } from './mirror-process.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'
import { smallFlows } from './mirrored-clusters.ts'

const partitions = 3
// librdkafka logs in again after 90 % of it: a busy machine may be late by the rest. With 10 s it
// was late once in some runs beside a load.
const sessionMs = 20_000

// A client that did not log in again would lose its connection at its first request after the
// session: the broker closes it. All clients are busy: lanes by the load, the others each second.
test('a repeated login under load costs neither a record nor a connection', async t => {
  const { certificates, cluster, close } = await startLoginCluster({
    config: { 'connections.max.reauth.ms': String(sessionMs) },
    jvm: { properties: { 'longhaul.login.log.level': 'DEBUG' } }
  })
  t.after(close)
  const tokens = await startTokenServer(t, {
    client: 'mirror', secret: password, lifeSeconds: 3600
  })
  const { plain, scram512 } = sasl(certificates)
  assert.ok(plain !== undefined && scram512 !== undefined)
  const logins: Readonly<Record<string, Login>> = {
    plain, scram: scram512, token: oidc(tokens.url)
  }
  const aliases = Object.keys(logins)
  const flows = aliases.map((alias, index) =>
    [alias, aliases[(index + 1) % aliases.length] ?? alias] as const)
  await cluster.createTopic('orders', { partitions })
  const load = await SequenceLoad.start(t, cluster, 'orders', { partitions })
  const admin = createAdmin(t, cluster.bootstrapServers)
  await admin.commitGroupOffsets('billing', [
    { topic: 'orders', partition: 0, offset: 1n, metadata: '' }
  ])
  const mirror = await startMirror(t, createPropertiesFile(t, {
    'clusters': aliases.join(),
    ...Object.assign({}, ...Object.entries(logins).map(([alias, login]) =>
      clusterProperties(alias, login, cluster))) as Properties,
    ...Object.fromEntries(flows.map(([from, to]) => [`${from}->${to}.enabled`, true])),
    ...smallFlows,
    'refresh.topics.interval.seconds': 1,
    'sync.group.offsets.enabled': true,
    'sync.group.offsets.interval.seconds': 1
  }))
  for (const alias of aliases) await untilRecords(mirror, cluster, `${alias}.orders`, 1)
  await mirror.untilReady()
  const connections = countIn(cluster.broker(1).logTail(Infinity), loggedIn)
  await mirror.until('every client logs in repeatedly', () =>
    countIn(cluster.broker(1).logTail(Infinity), loggedInAgain) >= 2 * connections)
  const written = await load.stop()
  for (const alias of aliases) {
    await untilRecords(mirror, cluster, `${alias}.orders`, written * partitions)
  }
  const errors = seriesOf(await mirror.metrics(), 'longhaul_errors_total')
  assert.deepEqual(Object.entries(errors).filter(([, count]) => count > 0), [])
  assert.equal(countIn(cluster.broker(1).logTail(Infinity), expired), 0)
  assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
  assert.deepEqual(mirror.log.filter(({ level, text }) =>
    level !== 'info' && !/ are both cluster /.test(text)), [])
  for (const alias of aliases) {
    await assertEachOnceInOrder(cluster, `${alias}.orders`, partitions, written)
  }
})

const loggedIn = /Set SASL server state to COMPLETE during authentication/g
const loggedInAgain = /Set SASL server state to COMPLETE during re-authentication/g
const expired = /Disconnecting expired channel/g

function countIn (text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length
}
