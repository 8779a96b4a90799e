// How clients of node-rdkafka are closed, and the texts of their errors.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import rdkafka, { type ProducerGlobalConfig } from 'node-rdkafka'
import { clientError, connect, disconnect } from '../../../src/orchestrator/cluster/kafka-client.ts'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { StubBroker } from '../../kafka/stub-broker.ts'
import { saslHandshake } from '../../kafka/token-login.ts'

const connectMsMax = 30_000
const polledEachMs = 1

// Regression: node-rdkafka destroys a producer on a thread of libuv, and its timer polled the
// producer until the thread had ended. Its Producer::Poll holds no lock, so the poll read a queue
// that librdkafka had freed (AddressSanitizer: heap-use-after-free in rd_kafka_q_serve0). On a busy
// machine, which may suspend the thread in between, the process ended with SIGSEGV.
test('a producer is no longer polled when it is being closed', async () => {
  // librdkafka's mock cluster: the client only has to connect.
  const properties = { 'test.mock.num.brokers': 1, 'bootstrap.servers': '127.0.0.1:1' }
  const producer = new rdkafka.Producer(properties as ProducerGlobalConfig, {})
  producer.on('event.error', () => {})
  await connect(producer, connectMsMax)
  let polls = 0
  producer.poll = () => { polls++; return producer }
  producer.setPollInterval(polledEachMs)
  while (polls === 0) await sleep(polledEachMs)

  let pollsBefore = 0
  const closeClient = producer.disconnect.bind(producer)
  Object.assign(producer, {
    disconnect: (flushMs: number, done: () => void) => {
      pollsBefore = polls
      setTimeout(() => { closeClient(flushMs, done) }, 50 * polledEachMs)
    }
  })
  await disconnect(producer)
  assert.equal(polls, pollsBefore)
})

test('an error names the action and the permission, in words of the error table', () => {
  const refused = { code: 29, message: 'Broker: Topic authorization failed' }
  const error = clientError(refused, 'writing to progress-3', 'WRITE on the topic progress')
  assert.equal(error.message, 'No permission on the topic: writing to progress-3. Grant WRITE on ' +
    'the topic progress to the principal of this cluster. (TOPIC_AUTHORIZATION_FAILED)')
  assert.equal(error.cause, refused)
  const down = { code: -187, message: '1/1 brokers are down' }
  assert.match(clientError(down, 'group g').message, /^No broker .* answers: group g\. /)
  const message = 'b:9092/2: Connect to ipv4#1.2.3.4:9092 failed: Connection refused (after 0ms)'
  assert.match(clientError({ code: -195, message }, 'reading').message,
    /: reading: broker 2 at b:9092, Connection refused\. /)
  const told = clientError({ code: -195, message: 'b:1 refused' }, 'writing', 'WRITE on a topic')
  assert.match(told.message, /^The connection to the broker failed: writing: b:1 refused\. If/)
})

// Regression: the commands about offsets said "connecting", and to which cluster not.
test('a connection that fails names the cluster and its servers', async () => {
  const properties = { 'bootstrap.servers': '127.0.0.1:1' }
  const producer = new rdkafka.Producer({ 'bootstrap.servers': '127.0.0.1:1' }, {})
  producer.on('event.error', () => {})
  await assert.rejects(connect(producer, 500, { cluster: 'west', properties }),
    /connecting to cluster west at 127\.0\.0\.1:1/)
  await disconnect(producer)
})

// Regression: librdkafka's line about it names the mechanisms, as that about a refusal does, and
// each client with that login waited as if a broker had refused it.
test('a broker that ends the connection during a login refuses no login', async t => {
  const stub = await StubBroker.start(t)
  stub.endsConnectionAt = saslHandshake
  const properties = {
    'bootstrap.servers': stub.bootstrapServers,
    'security.protocol': 'sasl_plaintext',
    'sasl.mechanism': 'PLAIN',
    'sasl.username': 'mirror',
    'sasl.password': 'secret'
  } as const
  const producer = new rdkafka.Producer({ ...properties, event_cb: true }, {})
  producer.on('event.error', () => {})
  const lines: string[] = []
  producer.on('event.log', ({ message }: { readonly message: string }) => { lines.push(message) })
  await assert.rejects(connect(producer, 2_000, { cluster: 'west', properties }),
    (error: ReplicatorError) => !error.isLoginRefused)
  await disconnect(producer)
  assert.match(lines.join('\n'), /handshake failed: Local: Broker transport failure/)
})

// Regression: a client failed after five seconds whatever the settings said: a start on a busy
// machine, or with a cluster that was slow, ended with exit code 3.
test('a cluster that answers slowly is awaited, until the time limit of the caller', async t => {
  const stub = await StubBroker.start(t)
  stub.silentMs = 6_000
  const properties = { 'bootstrap.servers': stub.bootstrapServers }
  const create = (): rdkafka.Producer => {
    const producer = new rdkafka.Producer({ ...properties, event_cb: true }, {})
    producer.on('event.error', () => {})
    return producer
  }
  const [patient, hasty] = [create(), create()]
  await Promise.all([
    connect(patient, connectMsMax, { cluster: 'west', properties }),
    assert.rejects(connect(hasty, 500, { cluster: 'west', properties }), /connecting to cluster/)
  ])
  assert.ok(patient.isConnected())
  await Promise.all([disconnect(patient), disconnect(hasty)])
})
