// The link to the peer of a connection is down, so the peer neither answers nor closes the
// connection. The kernel detects that, by keepalive where nothing is sent and by the user timeout
// where something is not acknowledged, and ends the connection. Without these options an idle
// connection would live for two hours, and one with unacknowledged bytes for a quarter of an hour.
// The clients' own limits are above 60 s here, so that only the kernel can end the connections.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openForwarder, openMockCluster } from '../../src/dataplane/index.ts'
import { openClusterAdmin } from '../../src/orchestrator/cluster/native-cluster-admin.ts'
import { eventually } from '../kafka/eventually.ts'
import { NamespaceLink } from '../kafka/netns.ts'
import { StubBroker } from '../kafka/stub-broker.ts'
import { assignments, defaultSettings, forwarderConfig } from './create-forwarder.ts'

const patienceMs = 90_000
/** The kernel needs 10 s and 14 s. */
const foundMsMax = 50_000
const port = 4712

test('a link that is down ends an idle connection of a lane and a busy one of the admin client',
  async t => {
    const link = NamespaceLink.create()
    if (typeof link === 'string') {
      t.skip(link)
      return
    }
    t.after(async () => { await link.close() })
    const broker = await StubBroker.start(t)
    broker.advertised = { host: link.farAddress, port }
    await link.relay(port, broker.port)

    const admin = openClusterAdmin({
      cluster: 'A',
      properties: {
        'bootstrap.servers': broker.bootstrapServers,
        'socket.timeout.ms': String(patienceMs)
      },
      timeoutMs: patienceMs
    })
    t.after(async () => { await admin.close() })
    await admin.describeCluster()
    const ofAdmin = link.openPorts()
    assert.ok(ofAdmin.length > 0)

    const topics = [{ name: 'known', partitions: 1, replicationFactor: 1 }]
    const target = openMockCluster({ brokers: 1, topics })
    t.after(() => { target.close() })
    const forwarder = openForwarder({
      ...forwarderConfig(broker.bootstrapServers, target.bootstrapServers()),
      settings: { ...defaultSettings, fetchWaitMaxMs: patienceMs, requestTimeoutMs: patienceMs }
    }, () => {})
    t.after(async () => { await forwarder.close() })
    const [first] = assignments()
    assert.ok(first)
    forwarder.assign([{ ...first, topic: 'known', remoteTopic: 'known' }])
    // The Fetch is acknowledged by the kernel of the far end, and waits for records.
    await eventually('a Fetch of the lane', () => broker.fetches > 0)
    const ofLane = link.openPorts().filter(each => !ofAdmin.includes(each))
    assert.ok(ofLane.length > 0)

    link.down()
    const described = admin.describeCluster().catch(() => undefined)
    await eventually('the end of the connections of the lane', () =>
      link.openPorts().every(each => !ofLane.includes(each)), { timeoutMs: foundMsMax })
    await eventually('the end of the connections of the admin client', () =>
      link.openPorts().every(each => !ofAdmin.includes(each)), { timeoutMs: foundMsMax })
    await admin.close()
    await described
  })
