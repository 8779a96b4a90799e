// The native client over mock brokers: results, missing items, and failures of the whole cluster.
import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { openMockCluster, type MockCluster } from '../../../src/dataplane/index.ts'
import { openClusterAdmin } from '../../../src/orchestrator/cluster/native-cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { withTimeout } from '../../kafka/eventually.ts'
import { createAdmin } from './create-admin.ts'

// Calls here have 120 s: a call that fails sooner has not waited for its deadline.
const soonMs = 80_000
const metadataApiKey = 3

function createCluster (t: TestContext, brokers = 3): MockCluster {
  const cluster = openMockCluster({
    brokers,
    topics: [{ name: 'orders', partitions: 4, replicationFactor: brokers }]
  })
  t.after(() => { cluster.close() })
  return cluster
}

async function errorOf (promise: Promise<unknown>): Promise<ReplicatorError> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof ReplicatorError, String(error))
    return error
  }
  assert.fail('nothing failed')
}

async function soonErrorOf (promise: Promise<unknown>): Promise<ReplicatorError> {
  return await withTimeout('an error before the deadline', soonMs, errorOf(promise))
}

// Most tests wait for seconds of librdkafka, each with a cluster of its own.
describe('a cluster that answers', { concurrency: true }, () => {
  test('is described by id, controller and brokers', async t => {
    const cluster = createCluster(t)
    cluster.setBrokerRack({ broker: 2, rack: 'east' })
    const admin = createAdmin(t, cluster.bootstrapServers())
    const { clusterId, controller, brokers } = await admin.describeCluster()
    assert.match(clusterId ?? '', /^mockCluster/)
    assert.equal(controller, 1)
    assert.deepEqual(brokers.map(({ id, host, rack }) => ({ id, host, rack })), [
      { id: 1, host: '127.0.0.1', rack: null },
      { id: 2, host: '127.0.0.1', rack: 'east' },
      { id: 3, host: '127.0.0.1', rack: null }
    ])
  })

  test('is described by any of the named brokers, also while the controller hangs', async t => {
    const cluster = createCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers())
    assert.equal((await admin.describeCluster()).controller, 1)
    cluster.setBrokerRoundTrip({ broker: 1, milliseconds: 60_000 })
    for (const broker of [2, 3]) {
      assert.equal((await admin.describeCluster({ broker })).brokers.length, 3)
    }
    const error = await soonErrorOf(admin.describeCluster({ broker: 1, timeoutMs: 1_000 }))
    assert.equal(error.errorName, 'TIMED_OUT')
  })

  test('describes topics; a missing topic has an error and is not created', async t => {
    const cluster = createCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers())
    cluster.setPartitionLeader({ topic: 'orders', partition: 2, broker: -1 })
    const [orders, missing] = await admin.describeTopics(['orders', 'missing'])
    assert.equal(orders?.error, undefined)
    assert.equal(orders?.internal, false)
    assert.deepEqual(orders?.partitions.map(({ partition }) => partition), [0, 1, 2, 3])
    assert.equal(orders?.partitions[2]?.leader, -1)
    assert.deepEqual(orders?.partitions[0]?.replicas.toSorted(), [1, 2, 3])
    assert.equal(missing?.error?.errorName, 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.match(missing?.error?.detail ?? '', /cluster A: topic missing/)
    assert.deepEqual(missing?.partitions, [])
    const [wanted] = await admin.listOffsets(
      [{ topic: 'missing', partition: 0, at: 'latest' }], 'read_committed')
    assert.equal(wanted?.error?.errorName, 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.deepEqual(await admin.listTopics(),
      [{ name: 'orders', partitionCount: 4, error: undefined }])
  })

  test('lists offsets as BigInts, with an error for the one partition that is missing', async t => {
    const admin = createAdmin(t, createCluster(t).bootstrapServers())
    const offsets = await admin.listOffsets([
      { topic: 'orders', partition: 3, at: 'latest' },
      { topic: 'orders', partition: 0, at: 'earliest' },
      { topic: 'orders', partition: 1, at: 1_700_000_000_000n },
      { topic: 'orders', partition: 7, at: 'latest' }
    ], 'read_committed')
    assert.deepEqual(offsets.map(({ partition, offset }) => [partition, offset]),
      [[3, 0n], [0, 0n], [1, -1n], [7, -1n]])
    assert.deepEqual(offsets.map(({ error }) => error?.errorName),
      [undefined, undefined, undefined, '_UNKNOWN_PARTITION'])
  })

  // Regression: librdkafka asks each leader separately, and returns the question for leaders that
  // do not answer: their end offsets were -1 without an error, and a topic with progress seemed
  // empty.
  test('returns an error for each offset whose broker does not answer', async t => {
    const cluster = createCluster(t)
    for (const partition of [0, 1, 2, 3]) {
      cluster.setPartitionLeader({ topic: 'orders', partition, broker: partition === 2 ? 2 : 1 })
    }
    const admin = createAdmin(t, cluster.bootstrapServers(), { 'socket.timeout.ms': '1000' })
    const list = async (at: 'earliest' | 'latest'): Promise<unknown> => {
      const wanted = [0, 1, 2, 3].map(partition => ({ topic: 'orders', partition, at }))
      const listed = await admin.listOffsets(wanted, 'read_uncommitted')
      return listed.map(({ offset, error }) => error?.errorName ?? offset)
    }
    assert.deepEqual(await list('latest'), [0n, 0n, 0n, 0n])
    cluster.setBrokerRoundTrip({ broker: 2, milliseconds: 60_000 })
    assert.deepEqual(await list('latest'), [0n, 0n, '_TRANSPORT', 0n])
    assert.deepEqual(await list('earliest'), [0n, 0n, '_TRANSPORT', 0n])
  })

  test('allocates producer ids', async t => {
    const admin = createAdmin(t, createCluster(t).bootstrapServers())
    const { producerId, producerEpoch } = await admin.initProducerId()
    assert.equal(typeof producerId, 'bigint')
    assert.equal(producerEpoch, 0)
  })

  // It counted as a cluster that cannot be reached, was asked again for 43 seconds without a word,
  // and the text told the user to check bootstrap.servers.
  test('refuses a cluster that has no producer ids by the name of the request', async t => {
    const cluster = createCluster(t)
    cluster.hideRequest({ apiKey: 22 })
    const admin = createAdmin(t, cluster.bootstrapServers())
    const error = await admin.initProducerId().then(() => undefined, (thrown: unknown) => thrown)
    assert.ok(error instanceof ReplicatorError)
    assert.equal(error.errorName, '_UNSUPPORTED_FEATURE')
    assert.equal(error.retriable, false)
    assert.match(error.message, /initProducerId: no connected broker offers this request/)
  })

  test('answers many simultaneous calls, each to its caller', async t => {
    const admin = createAdmin(t, createCluster(t).bootstrapServers())
    const counts = await Promise.all(Array.from({ length: 60 }, async (_, index) => {
      const names = Array.from({ length: index % 7 }, (_, topic) => `missing-${topic}`)
      return (await admin.describeTopics(names)).length
    }))
    assert.deepEqual(counts, counts.map((_, index) => index % 7))
  })

  test('reports an unsupported request without waiting for the timeout', async t => {
    const admin = createAdmin(t, createCluster(t).bootstrapServers())
    const error = await soonErrorOf(
      admin.createTopics([{ name: 'new', partitions: 1, replicationFactor: 1 }]))
    assert.equal(error.errorName, '_UNSUPPORTED_FEATURE')
  })

  test('may be slow: neither a long round trip nor one lost connection fails a call', async t => {
    const cluster = createCluster(t)
    cluster.setBrokerRoundTrip({ broker: -1, milliseconds: 400 })
    const transportError = -195
    cluster.pushRequestErrors({ apiKey: metadataApiKey, codes: [transportError] })
    const admin = createAdmin(t, cluster.bootstrapServers())
    assert.equal((await admin.describeCluster()).brokers.length, 3)
    assert.equal((await admin.listTopics()).length, 1)
  })

  test('may have lost its controller and other brokers', async t => {
    const cluster = createCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers())
    await admin.describeCluster()
    cluster.setBrokerDown({ broker: 1 })
    cluster.setBrokerDown({ broker: 2 })
    assert.equal((await admin.describeCluster()).controller, 3)
    assert.equal((await admin.listTopics()).length, 1)
  })
})

/** Starts a server on a free port; returns its address. */
async function listen (
  t: TestContext, onConnection: (socket: Socket) => void
): Promise<string> {
  const server = createServer(onConnection)
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.after(() => { server.close() })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('a cluster that cannot be reached', { concurrency: true }, () => {
  test('is an error before the deadline that names cluster, broker and setting', async t => {
    const admin = createAdmin(t, '127.0.0.1:1')
    const errors = await Promise.all(
      [admin.describeCluster(), admin.listTopics(), admin.initProducerId()].map(soonErrorOf))
    for (const error of errors) {
      assert.equal(error.errorName, 'CLUSTER_UNREACHABLE')
      assert.equal(error.setting, 'A.bootstrap.servers')
      assert.match(error.detail, /cluster A: .*127\.0\.0\.1:1.*Connection refused/)
      assert.equal(error.retriable, true)
    }
  })

  test('because its name does not resolve is reported with this reason', async t => {
    const error = await soonErrorOf(createAdmin(t, 'no-such-host.invalid:9092').describeCluster())
    assert.equal(error.errorName, 'CLUSTER_UNREACHABLE')
    assert.match(error.detail, /Failed to resolve 'no-such-host\.invalid:9092'/)
  })

  test('because it has a listener without TLS is reported with this reason', async t => {
    // The server reads before it closes. A mock broker closes with unread bytes, which resets the
    // connection: on a busy machine the reset arrived first and was the reason.
    const server = await listen(t, socket => { socket.once('data', () => { socket.end() }) })
    const admin = createAdmin(t, server, { 'security.protocol': 'SSL' })
    const error = await soonErrorOf(admin.describeCluster())
    assert.ok(['_SSL', 'CLUSTER_UNREACHABLE'].includes(error.errorName), error.message)
    assert.match(error.detail, /SSL/)
  })

  test('and never answers is a timeout after the given time', async t => {
    const server = await listen(t, () => {})
    const admin = openClusterAdmin(
      { cluster: 'A', properties: { 'bootstrap.servers': server }, timeoutMs: 1_000 })
    t.after(async () => { await admin.close() })
    const error = await soonErrorOf(admin.describeCluster())
    assert.equal(error.errorName, 'TIMED_OUT')
    assert.match(error.detail, /describeCluster got no answer within 1000 ms/)
  })

  test('is asked again by the next call, and then answers', async t => {
    const cluster = createCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers())
    await admin.describeCluster()
    cluster.setBrokerDown({ broker: -1 })
    assert.equal((await soonErrorOf(admin.describeCluster())).errorName, 'CLUSTER_UNREACHABLE')
    cluster.setBrokerUp({ broker: -1 })
    assert.equal((await admin.describeCluster()).brokers.length, 3)
  })
})

describe('properties', () => {
  const refused: ReadonlyArray<[properties: Record<string, string>, seen: RegExp]> = [
    [{ 'socket.timeout.ms': 'soon' }, /cluster A: property "socket\.timeout\.ms" = "soon"/],
    [{ 'no.such.thing': '1' }, /cluster A: property "no\.such\.thing" = "1"/],
    // With Kerberos compiled in, the key tab is missing.
    [{ 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'GSSAPI' }, /GSSAPI|kerberos/]
  ]
  for (const [properties, seen] of refused) {
    test(`${JSON.stringify(properties)} are refused by name`, async t => {
      const error = await errorOf((async () => createAdmin(t, '127.0.0.1:1', properties))())
      assert.equal(error.errorName, 'CONFIG_INVALID')
      assert.match(error.detail, seen)
    })
  }

  test('that are secret are never shown', async t => {
    const secret = 'hunter2\0'
    for (const name of ['sasl.password', 'ssl.key.pem', 'sasl.oauthbearer.client.secret']) {
      const error = await errorOf(
        (async () => createAdmin(t, '127.0.0.1:1', { [name]: secret }))())
      assert.match(error.detail, new RegExp(name.replaceAll('.', '\\.')))
      assert.doesNotMatch(error.message, /hunter2/)
    }
  })
})
