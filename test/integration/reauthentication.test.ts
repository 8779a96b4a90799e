// Brokers with `connections.max.reauth.ms`: every client of a flow logs in repeatedly on its open
// connections, under load, which costs neither a record nor a connection nor a pause.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../kafka/eventually.ts'
import { Link } from '../kafka/link.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'
import { startProxy, type TcpProxy } from '../kafka/proxy.ts'
import { apiKeyOf } from '../kafka/request-heads.ts'
import { saslHandshake } from '../kafka/token-login.ts'
import { startTokenServer } from '../kafka/token-server.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { seriesOf, type Exposition } from '../orchestrator/observability/exposition.ts'
import { untilMoreRecords, untilRecords } from './comparison.ts'
import { commitOffsets, hasOffsets } from './group-commit.ts'
import {
  clusterProperties, oidc, password, passwordListener, sasl, startLoginCluster, type Login,
  type LoginCluster
} from './login-listeners.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type Properties
} from './mirror-process.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'
import { smallFlows } from './mirrored-clusters.ts'

const partitions = 3
/**
 * librdkafka logs in again after 90 % of it. A busy machine may be late by the rest; with 10 s it
 * was late once in some runs beside a load. Within the rest a login that is held must be released.
 */
const sessionMs = 30_000
/** Written while a login is held: several batches of each partition. */
const recordsMeanwhile = 100

// A client that did not log in again would lose its connection at its first request after the
// session: the broker closes it. All clients are busy: lanes by the load, the others each second.
test('a repeated login under load costs no record, no connection and no pause', async t => {
  const { held, started: { certificates, cluster } } = await startHeldCluster(t)
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
  await commitOffsets(admin, 'billing', [
    { topic: 'orders', partition: 0, offset: 1n, metadata: '' }
  ])
  const mirror = await startMirror(t, createPropertiesFile(t, {
    'clusters': aliases.join(),
    ...Object.assign({}, ...Object.entries(logins).map(([alias, login]) =>
      clusterProperties(alias, login, cluster))) as Properties,
    'plain.bootstrap.servers': `127.0.0.1:${held.port}`,
    ...Object.fromEntries(flows.map(([from, to]) => [`${from}->${to}.enabled`, true])),
    ...smallFlows,
    'checkpoints.topic.replication.factor': 1,
    'refresh.topics.interval.seconds': 1,
    'sync.group.offsets.enabled': true,
    'sync.group.offsets.interval.seconds': 1
  }))
  for (const alias of aliases) await untilRecords(mirror, cluster, `${alias}.orders`, 1)
  await mirror.untilReady()
  const before = await mirror.until('counts of both brokers of each flow', async () => {
    const counts = countsOf(await mirror.metrics(), connectionMetrics)
    return Object.keys(counts).length === connectionMetrics.length * 2 * flows.length && counts
  })
  const connections = countIn(cluster.broker(1).logTail(Infinity), loggedIn)

  // The source of one flow and the target of another one: their lanes continue on the connections
  // that they have, however long the broker needs for a login.
  held.hold(isLoginOfLane)
  await mirror.until('a login of a lane', () => held.heldCount > 0)
  for (const alias of ['plain', 'token']) {
    await untilMoreRecords(mirror, cluster, `${alias}.orders`, recordsMeanwhile)
  }
  assert.ok(held.heldCount > 0)
  await held.release()

  await mirror.until('every client logs in repeatedly', () =>
    countIn(cluster.broker(1).logTail(Infinity), loggedInAgain) >= 2 * connections)
  const written = await load.stop()
  for (const alias of aliases) {
    await untilRecords(mirror, cluster, `${alias}.orders`, written * partitions)
  }
  await eventually('translated offsets of the group', async () =>
    await hasOffsets(admin, 'billing', aliases.map(alias => `${alias}.orders`), 1n))
  const metrics = await mirror.metrics()
  // No connection was opened anew and no request had no answer: nothing waited for a login.
  assert.deepEqual(countsOf(metrics, connectionMetrics), before)
  assert.deepEqual(Object.entries(countsOf(metrics, errorMetrics)).filter(([, n]) => n > 0), [])
  assert.equal(countIn(cluster.broker(1).logTail(Infinity), expired), 0)
  assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
  assert.deepEqual(mirror.log.filter(({ level, text }) =>
    level !== 'info' && !/ are both cluster /.test(text)), [])
  for (const alias of aliases) {
    await assertEachOnceInOrder(cluster, `${alias}.orders`, partitions, written)
  }
})

/** The listener for passwords is behind a proxy that may hold logins. */
async function startHeldCluster (
  t: CleanUp
): Promise<{ readonly held: TcpProxy, readonly started: LoginCluster }> {
  const ports = await reservePorts(1)
  const [port = 0] = ports
  t.after(async () => { releasePorts(ports) })
  const started = await startLoginCluster({
    config: { 'connections.max.reauth.ms': String(sessionMs) },
    jvm: { properties: { 'longhaul.login.log.level': 'DEBUG' } },
    moreListeners: [{ ...passwordListener, name: 'HELD', advertisedPort: port }]
  })
  t.after(started.close)
  const [, targetPort] = started.cluster.serversOf('HELD').split(':')
  const held = await startProxy({ port, targetPort: Number(targetPort), link: new Link() })
  t.after(async () => { await held.close() })
  return { held, started }
}

function isLoginOfLane (requestHead: Buffer): boolean {
  return apiKeyOf(requestHead) === saslHandshake && /-lane-/.test(requestHead.toString('latin1'))
}

const connectionMetrics = [
  'longhaul_broker_connections_total', 'longhaul_broker_failed_requests_total'
]
const errorMetrics = ['longhaul_errors_total', 'longhaul_retries_total']

function countsOf (
  metrics: Exposition, names: readonly string[]
): Readonly<Record<string, number>> {
  return Object.fromEntries(names.flatMap(name =>
    Object.entries(seriesOf(metrics, name)).map(([labels, count]) => [name + labels, count])))
}

const loggedIn = /Set SASL server state to COMPLETE during authentication/g
const loggedInAgain = /Set SASL server state to COMPLETE during re-authentication/g
const expired = /Disconnecting expired channel/g

function countIn (text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length
}
