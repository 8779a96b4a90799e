// Several connections of a lane to a broker at the other end of a long line that wants TLS or a
// login: each connection has its own handshake, and is replaced before its session ends.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { startLine, type Line } from '../../perf/line/line.ts'
import { Certificates } from '../kafka/certificates.ts'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { password, tls } from './login-listeners.ts'
import {
  createPropertiesFile, startMirror, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 12
const connections = 4
// The lane replaces a connection after 90 % of it: a busy machine may be late by the rest.
const sessionMs = 10_000
/** 2 MB a second, which four connections pass and one does not. */
const slowLoad = {
  partitions, codec: 'none', recordBytes: 2_000, recordsPerTurn: 2
} as const
const plainModule = 'org.apache.kafka.common.security.plain.PlainLoginModule'

describe('over a long line to a broker that wants a login', () => {
  let certificates: Certificates
  let source: KafkaCluster
  let target: KafkaCluster
  let ports: readonly number[]
  const lines: Line[] = []
  before(async () => {
    certificates = await Certificates.create()
    ports = await reservePorts(2)
    const [saslPort = 0, tlsPort = 0] = ports
    const keys = certificates.keyStore('broker')
    source = await startKafkaCluster(undefined, {
      config: { 'connections.max.reauth.ms': String(sessionMs) },
      jvm: { properties: { 'longhaul.login.log.level': 'DEBUG' } },
      moreListeners: [
        {
          name: 'FARSASL',
          protocol: 'SASL_SSL',
          advertisedPort: saslPort,
          config: {
            ...keys,
            'sasl.enabled.mechanisms': 'PLAIN',
            'plain.sasl.jaas.config': `${plainModule} required user_mirror="${password}";`
          }
        },
        {
          name: 'FARTLS',
          protocol: 'SSL',
          advertisedPort: tlsPort,
          config: { ...keys, ...certificates.clientAuthentication }
        }
      ]
    })
    target = await startKafkaCluster()
    // 50 KB in flight: 0.5 MB/s a connection.
    const settings = { roundTripMs: 100, rate: 0, window: 50_000 }
    for (const [port, listener] of [[saslPort, 'FARSASL'], [tlsPort, 'FARTLS']] as const) {
      const to = Number(source.serversOf(listener).split(':')[1])
      lines.push(await startLine(port, to, settings))
    }
  })
  after(async () => {
    for (const line of lines) await line.stop()
    await source.close()
    await target.close()
    certificates.remove()
    releasePorts(ports)
  })

  /** Small Fetches, between which partitions can change their connection. */
  async function mirrorOver (
    t: TestContext, topic: string, port: number | undefined, login: Properties
  ): Promise<MirrorProcess> {
    return await startMirror(t, createPropertiesFile(t, flowProperties({ source, target }, {
      'east->west.topics': topic,
      ...Object.fromEntries(Object.entries(login).map(([name, value]) => [`east.${name}`, value])),
      'east.bootstrap.servers': `127.0.0.1:${port}`,
      'fetch.max.bytes': '256KiB',
      'connections.per.broker.max': connections,
      'lanes': 1
    })))
  }

  async function untilComplete (
    mirror: MirrorProcess, load: SequenceLoad, topic: string
  ): Promise<void> {
    const written = await load.stop()
    await untilRecords(mirror, target, `east.${topic}`, written * partitions)
    const errors = seriesOf(await mirror.metrics(), 'longhaul_errors_total')
    assert.deepEqual(Object.entries(errors).filter(([, count]) => count > 0), [])
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    await assertEachOnceInOrder(target, `east.${topic}`, partitions, written)
  }

  // A connection that was not replaced in time would be closed by the broker at its next Fetch.
  test('each of them is replaced before its session ends, under load', async t => {
    await source.createTopic('sessions', { partitions })
    const load = await SequenceLoad.start(t, source, 'sessions', slowLoad)
    const mirror = await mirrorOver(t, 'sessions', ports[0], {
      'security.protocol': 'SASL_SSL',
      'ssl.truststore.location': certificates.path('ca.pem'),
      'sasl.mechanism': 'PLAIN',
      'sasl.jaas.config': `${plainModule} required username="mirror" password="${password}";`
    })
    await mirror.until('all connections', async () => await connectionsOf(mirror) === connections)
    const logins = countLogins(source)
    await mirror.until('each connection is replaced twice', () =>
      countLogins(source) >= logins + 2 * connections)
    assert.equal(await connectionsOf(mirror), connections)
    await untilComplete(mirror, load, 'sessions')
    assert.doesNotMatch(source.broker(1).logTail(Infinity), /Disconnecting expired channel/)
  })

  test('each of them authenticates itself by its certificate', async t => {
    await source.createTopic('certificates', { partitions })
    const load = await SequenceLoad.start(t, source, 'certificates', slowLoad)
    const { mutual } = tls(certificates)
    const mirror = await mirrorOver(t, 'certificates', ports[1], mutual?.properties ?? {})
    await mirror.until('all connections', async () => await connectionsOf(mirror) === connections)
    await untilComplete(mirror, load, 'certificates')
  })
})

/** Over which its only lane fetches. */
async function connectionsOf (mirror: MirrorProcess): Promise<number> {
  const { series } = await mirror.metrics()
  return series.get('longhaul_source_connections{lane="0",source="east",target="west"}') ?? 0
}

/** On new connections; librdkafka logs in again on its own ones. */
function countLogins (cluster: KafkaCluster): number {
  const loggedIn = /Set SASL server state to COMPLETE during authentication/g
  return [...cluster.broker(1).logTail(Infinity).matchAll(loggedIn)].length
}
