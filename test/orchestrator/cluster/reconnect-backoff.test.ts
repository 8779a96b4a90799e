// How often a client tries to connect to a broker that refuses connections.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openClusterAdmin } from '../../../src/orchestrator/cluster/native-cluster-admin.ts'
import { StubBroker } from '../../kafka/stub-broker.ts'

// The kernel counts for the whole machine, and other tests also connect to brokers that are down;
// before the patch there were forty thousand attempts.
const attemptsMax = 4_000

// Regression: a request that waits for one broker asks librdkafka for a connection at each change
// of the broker's state, and each time librdkafka forgot the pause after a failed attempt
// (librdkafka-mends.mjs).
test('admin requests that wait for a broker pause between attempts to connect', async t => {
  const stub = await StubBroker.start(t)
  stub.advertised = { host: '127.0.0.1', port: await closedPort() }
  const admin = openClusterAdmin({
    cluster: 'west',
    properties: { 'bootstrap.servers': `127.0.0.1:${stub.port}` },
    timeoutMs: 4_000
  })
  t.after(async () => { await admin.close() })
  const before = failedAttempts()
  // Each call ends with an error, either of the request or of its one partition.
  await Promise.allSettled([
    admin.describeTopics(['known']),
    admin.listOffsets([{ topic: 'known', partition: 0, at: 'latest' }], 'read_uncommitted')
  ])
  const attempts = failedAttempts() - before
  assert.ok(attempts > 0 && attempts < attemptsMax, `${attempts} attempts`)
})

async function closedPort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Refused connection attempts of this machine or container. */
function failedAttempts (): number {
  const [names = [], values = []] = readFileSync('/proc/net/snmp', 'utf8').split('\n')
    .filter(line => line.startsWith('Tcp:')).map(line => line.split(' '))
  return Number(values[names.indexOf('AttemptFails')])
}
