// A broker that closes the connection during a login, with the texts of librdkafka itself: what the
// admin client and the lanes say of it.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openForwarder, openMockCluster } from '../../../src/dataplane/index.ts'
import { clientLineText, isLoginLine } from '../../../src/orchestrator/errors/client-lines.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { assignments, forwarderConfig, topic } from '../../dataplane/create-forwarder.ts'
import { eventually } from '../../kafka/eventually.ts'
import { StubBroker } from '../../kafka/stub-broker.ts'
import { saslAuthenticate, saslHandshake } from '../../kafka/token-login.ts'
import { createAdmin } from './create-admin.ts'

const login = {
  'security.protocol': 'sasl_plaintext',
  'sasl.mechanism': 'PLAIN',
  'sasl.username': 'mirror',
  'sasl.password': 'secret'
} as const

const requests = { saslHandshake, saslAuthenticate }

async function startStub (t: TestContext, endsConnectionAt: number): Promise<StubBroker> {
  const stub = await StubBroker.start(t)
  stub.endsConnectionAt = endsConnectionAt
  return stub
}

for (const [request, key] of Object.entries(requests)) {
  // Regression: the text guessed at another security.protocol, although the broker had answered the
  // requests before the login, and a call with a short time limit said TIMED_OUT.
  test(`the admin client names the broker that closes the connection at ${request}`, async t => {
    const { bootstrapServers } = await startStub(t, key)
    for (const timeoutMs of [2_500, 30_000]) {
      const admin = createAdmin(t, bootstrapServers, login)
      const error = await admin.describeCluster({ timeoutMs })
        .then(() => undefined, (thrown: unknown) => ReplicatorError.from(thrown))
      assert.equal(error?.errorName, 'CLUSTER_UNREACHABLE')
      assert.match(error.detail, new RegExp(`^cluster A: broker ${bootstrapServers} ` +
        '\\(sasl_plaintext\\): closes the connection during the login( by PLAIN)?, without an ' +
        'answer$'))
      assert.match(error.action, /Look into the log of that broker/)
    }
  })

  test(`a lane names the broker that closes the connection at ${request}`, async t => {
    const { bootstrapServers } = await startStub(t, key)
    const target = openMockCluster(
      { brokers: 1, topics: [{ name: topic, partitions: 2, replicationFactor: 1 }] })
    const lines: string[] = []
    const forwarder = openForwarder({
      ...forwarderConfig(bootstrapServers, target.bootstrapServers()),
      source: { 'bootstrap.servers': bootstrapServers, ...login }
    }, () => { lines.push(...forwarder.takeEvents().logs.map(({ text }) => text)) })
    t.after(async () => {
      await forwarder.close()
      target.close()
    })
    forwarder.assign(assignments())
    const line = await eventually('the line about the login', async () =>
      lines.find(each => /SASL/.test(each)))
    assert.equal(isLoginLine(line), false, line)
    assert.match(clientLineText(line) ?? line, new RegExp(`: ${bootstrapServers}, the broker ` +
      'closed the connection during the login, without an answer\\. Look into'))
  })
}
