// Addresses of brokers: IPv6, also with a zone, a name with one dead address, and servers in the
// list that do not listen. Advertised addresses that lead nowhere: logins.test.ts.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect, createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startKafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, startMirror, type CleanUp } from './mirror-process.ts'
import { smallFlows } from './mirrored-clusters.ts'

const hasIpv6 = Object.values(networkInterfaces()).some(addresses =>
  addresses?.some(({ address }) => address === '::1'))

/** `ADDRESS%INTERFACE` of a link-local address; undefined: the machine has none. */
function linkLocalAddress (): string | undefined {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => addresses
    .filter(({ address }) => address.startsWith('fe80:'))
    .map(({ address }) => `${address}%${name}`))[0]
}

const linkLocal = linkLocalAddress()

// The zone was refused where the file is read. The data plane's client and those of node-rdkafka
// resolve the address themselves, so only connections show that they understand the zone.
test('of a link are reached by address and interface, in both roles',
  { skip: linkLocal === undefined ? 'this machine has no link-local address' : false }, async t => {
    const relay = await startIpv6Relay(t, linkLocal)
    const cluster = await startKafkaCluster(t)
    relay.passTo(cluster.bootstrapServers)
    await cluster.createTopic('orders')
    await produce(cluster.bootstrapServers, 'orders', numbered(0, 50))
    const mirror = await startMirror(t, createPropertiesFile(t, {
      'clusters': 'zoned, plain',
      'zoned.bootstrap.servers': `[${linkLocal}]:${relay.port}`,
      'plain.bootstrap.servers': cluster.bootstrapServers,
      'zoned->plain.enabled': true,
      'plain->zoned.enabled': true,
      ...smallFlows
    }))
    for (const from of ['zoned', 'plain']) await untilRecords(mirror, cluster, `${from}.orders`, 50)
    await mirror.untilReady()
    assert.ok(relay.connections > 0)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  })

// A ring, so that each cluster is a source and a target. Brokers of the tests listen only on IPv4.
test('of IPv6, of names with a dead address and behind dead servers are reached in both roles',
  { skip: hasIpv6 ? false : 'this machine has no ::1' }, async t => {
    const relay = await startIpv6Relay(t)
    const cluster = await startKafkaCluster(t, {
      moreListeners: [
        { name: 'SIX', protocol: 'PLAINTEXT', advertisedHost: '[::1]', advertisedPort: relay.port },
        { name: 'NAME', protocol: 'PLAINTEXT', advertisedHost: 'two-addresses.test' }
      ]
    })
    relay.passTo(cluster.serversOf('SIX'))
    await cluster.createTopic('orders')
    await produce(cluster.bootstrapServers, 'orders', numbered(0, 50))
    const flows = [['six', 'name'], ['name', 'list'], ['list', 'six']] as const
    const mirror = await startMirror(t, createPropertiesFile(t, {
      'clusters': 'six, name, list',
      'six.bootstrap.servers': `[::1]:${relay.port}`,
      'name.bootstrap.servers': cluster.serversOf('NAME', 'two-addresses.test'),
      // No process listens on ports below those of services.
      'list.bootstrap.servers': `127.0.0.1:1, [::1]:1,, ${cluster.bootstrapServers},`,
      ...Object.fromEntries(flows.map(([from, to]) => [`${from}->${to}.enabled`, true])),
      ...smallFlows
    }), [], { LD_PRELOAD: createResolver(t) })
    for (const [from] of flows) await untilRecords(mirror, cluster, `${from}.orders`, 50)
    await mirror.untilReady()
    assert.ok(relay.connections > 0)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  })

/** The library that resolves `two-addresses.test`. */
function createResolver (t: CleanUp): string {
  const folder = createTempFolder('resolver')
  t.after(async () => { removeFolder(folder) })
  const library = join(folder, 'resolver_shim.so')
  execFileSync(process.env['CC'] ?? 'cc', ['-shared', '-fPIC', '-O1', '-o', library,
    join(repoRoot(), 'test/integration/resolver_shim.c')])
  return library
}

interface Ipv6Relay {
  readonly port: number
  readonly connections: number
  passTo (broker: string): void
}

/** Listens on the address and forwards connections to the broker, once its address is known. */
async function startIpv6Relay (t: CleanUp, address = '::1'): Promise<Ipv6Relay> {
  let to = ''
  let connections = 0
  const server = createServer(socket => {
    connections++
    const [host = '', port = ''] = to.split(':')
    const onward = connect(Number(port), host)
    socket.on('error', () => { onward.destroy() })
    onward.on('error', () => { socket.destroy() })
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>(resolve => { server.listen(0, address, resolve) })
  t.after(async () => { server.close() })
  const { port } = server.address() as AddressInfo
  return {
    port,
    get connections () { return connections },
    passTo: broker => { to = broker }
  }
}
