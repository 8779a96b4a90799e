// A bootstrap list whose first server is dead, while the next one answers late, as on a busy
// machine: the clients of the control plane wait for the next one.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import rdkafka from 'node-rdkafka'
import { connect, disconnect } from '../../../src/orchestrator/cluster/kafka-client.ts'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { StubBroker } from '../../kafka/stub-broker.ts'
import { createAdmin } from './create-admin.ts'

/** Longer than one attempt of node-rdkafka's clients, shorter than the time for an address. */
const silentMs = 6_000
const connectMsMax = 60_000

async function startServers (t: TestContext): Promise<string> {
  const stub = await StubBroker.start(t)
  stub.silentMs = silentMs
  // No process listens on ports below those of services.
  return `127.0.0.1:1,${stub.bootstrapServers}`
}

// Regression: one refused connection counted as evidence that no broker can be used. If no other
// broker had answered 3 s later, each call failed with CLUSTER_UNREACHABLE, although the connection
// to the next server was being opened. A start on a machine with load 20 ended so.
test('the admin client waits for the second server if the first one is dead', async t => {
  const admin = createAdmin(t, await startServers(t))
  assert.equal((await admin.describeCluster()).clusterId, 'one-cluster')
})

// Regression: the same after 5 s.
test('a client of node-rdkafka waits for the second server if the first one is dead', async t => {
  const properties = { 'bootstrap.servers': await startServers(t) }
  const producer = new rdkafka.Producer({ ...properties, event_cb: true }, {})
  producer.on('event.error', () => {})
  await connect(producer, connectMsMax, { cluster: 'west', properties })
  assert.ok(producer.isConnected())
  await disconnect(producer)
})

// Regression: the time for the next address also held for the next attempt at the only address, so
// that the time limit of the caller ended the call, with TIMED_OUT.
test('a server that accepts connections and answers nothing is unreachable', async t => {
  const stub = await StubBroker.start(t)
  stub.silentMs = 10 * connectMsMax
  const admin = createAdmin(t, stub.bootstrapServers)
  await assert.rejects(admin.describeCluster({ timeoutMs: 28_000 }), (error: ReplicatorError) => {
    assert.equal(error.errorName, 'CLUSTER_UNREACHABLE', error.message)
    assert.match(error.message, /accepts the connection, and does not answer/)
    return true
  })
})
