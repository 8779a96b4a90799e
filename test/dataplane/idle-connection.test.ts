// A NAT has forgotten the connections to a broker that a lane does not fetch from. When the broker
// becomes a leader, a Fetch on such a connection would fail only after ten seconds of silence:
// the kernel of the NAT's side acknowledges it, and keepalive probes, too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { openForwarder, openMockCluster } from '../../src/dataplane/index.ts'
import { eventually } from '../kafka/eventually.ts'
import { StubBroker } from '../kafka/stub-broker.ts'
import { assignments, defaultSettings, forwarderConfig } from './create-forwarder.ts'

/** Longer than the time after which a connection counts as idle. */
const idleMs = 6_000

// Of the four partitions that moved to such a broker, none made progress for 10.5 s. Both the
// lane's own connection, which it used before the leader moved away, and the one that librdkafka
// keeps are forgotten here.
test('a lane fetches from a broker over a new connection if the others are idle', async t => {
  const brokers = [await StubBroker.start(t), await StubBroker.start(t, 2)] as const
  const [first, second] = brokers
  const cluster: StubBroker['cluster'] = { brokers, leader: first }
  for (const broker of brokers) Object.assign(broker, { cluster, fetchWaitMs: 100 })
  const topics = [{ name: 'known', partitions: 1, replicationFactor: 1 }]
  const target = openMockCluster({ brokers: 1, topics })
  t.after(() => { target.close() })
  const config = forwarderConfig(first.bootstrapServers, target.bootstrapServers())
  const details = new Set<string>()
  const forwarder = openForwarder({
    ...config,
    // librdkafka keeps a connection to each broker, and asks for metadata on the one used last.
    source: { ...config.source, 'enable.sparse.connections': 'false' },
    settings: { ...defaultSettings, metadataMaxAgeMs: 300 }
  }, () => {
    for (const { detail } of forwarder.takeEvents().states) details.add(detail)
  })
  t.after(async () => { await forwarder.close() })
  const lead = async (broker: StubBroker): Promise<void> => {
    cluster.leader = broker
    const before = broker.fetches
    await eventually(`Fetches from broker ${broker.id}`, () => broker.fetches > before + 2)
  }
  const [assignment] = assignments()
  assert.ok(assignment)
  forwarder.assign([{ ...assignment, topic: 'known', remoteTopic: 'known' }])
  await lead(second)
  await lead(first)

  // While both connections were used within a second, librdkafka chooses by chance.
  const leader = await eventually('Metadata from one broker only', async () => {
    const before = brokers.map(({ metadataRequests }) => metadataRequests)
    await setTimeout(2_000)
    const asked = brokers.filter((each, index) => each.metadataRequests > (before[index] ?? 0))
    return asked.length === 1 && asked[0]
  })
  await lead(leader)
  const idle = leader === first ? second : first
  const metadataOfIdle = idle.metadataRequests
  await setTimeout(idleMs)
  assert.equal(idle.metadataRequests, metadataOfIdle)
  details.clear()
  idle.forgetConnections()
  await lead(idle)
  assert.deepEqual([...details].filter(detail => detail.includes('does not answer')), [])
})
