// What the clients of node-rdkafka report if no broker answers: the same as the admin client.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openMockCluster, type MockCluster } from '../../../src/dataplane/index.ts'
import type { ClusterAdmin } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { LogReader } from '../../../src/orchestrator/cluster/log-reader.ts'
import { TopicReader } from '../../../src/orchestrator/cluster/topic-reader.ts'
import { TopicWriter } from '../../../src/orchestrator/cluster/topic-writer.ts'
import { TopicLeaders } from '../../../src/orchestrator/bench/topic-leaders.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'

const topic = 'positions'
const shortMs = 1_500

interface Clients {
  readonly logReader: LogReader
  readonly topicReader: TopicReader
  readonly topicWriter: TopicWriter
}

function createClients (t: TestContext, servers: string): Clients {
  const common = {
    client: { cluster: 'west', properties: { 'bootstrap.servers': servers } },
    group: 'longhaul.test',
    standstillMs: shortMs,
    clock: systemClock,
    topic
  }
  const logReader = new LogReader({ ...common, isolation: 'read_uncommitted' })
  const topicReader = new TopicReader(common)
  const topicWriter = new TopicWriter({ ...common, timeoutMs: shortMs })
  t.after(async () => {
    await Promise.all([logReader.close(), topicReader.close(), topicWriter.close()])
  })
  return { logReader, topicReader, topicWriter }
}

/** Each reads or writes one partition. */
function workOf ({ logReader, topicReader, topicWriter }: Clients, end: bigint): ReadonlyArray<
  readonly [client: string, work: () => Promise<unknown>]
> {
  return [
    ['log reader', async () => {
      await logReader.read({ topic, partition: 0, from: 0n, end }, () => true)
    }],
    ['topic reader', async () => await topicReader.read(0, undefined, () => {})],
    ['topic writer', async () =>
      await topicWriter.write([{ partition: 0, key: Buffer.from('key'), value: null }])]
  ]
}

async function mustBeUnreachable (
  client: string, work: () => Promise<unknown>, told: RegExp
): Promise<void> {
  await assert.rejects(work(), (error: ReplicatorError) => {
    assert.equal(error.errorName, 'CLUSTER_UNREACHABLE', `${client}: ${error.message}`)
    assert.equal(error.setting, 'west.bootstrap.servers', client)
    assert.equal(error.cluster, 'west', client)
    assert.match(error.message, told, client)
    return true
  })
}

// Regression: commands that read the progress topic reported TIMED_OUT or _TRANSPORT where
// validate named the cluster and its addresses.
test('a cluster that refuses connections is unreachable, and is named with its servers',
  async t => {
    const servers = '127.0.0.1:1,127.0.0.1:2'
    await Promise.all(workOf(createClients(t, servers), 1n).map(async ([client, work]) => {
      await mustBeUnreachable(client, work, /west at 127\.0\.0\.1:1,127\.0\.0\.1:2/)
    }))
  })

test('a cluster that stops while clients are connected is unreachable', async t => {
  const cluster: MockCluster = openMockCluster(
    { brokers: 1, topics: [{ name: topic, partitions: 1, replicationFactor: 1 }] })
  const servers = cluster.bootstrapServers()
  const clients = createClients(t, servers)
  for (const [, work] of workOf(clients, 1n).toReversed()) await work()
  cluster.close()
  await Promise.all(workOf(clients, 2n).map(async ([client, work]) => {
    await mustBeUnreachable(client, work, new RegExp(`west at ${servers}`))
  }))
})

test('a topic without a leader on a cluster that answers is not an unreachable cluster',
  async () => {
    const errorOf = async (error: ReplicatorError): Promise<unknown> => {
      let now = 0
      const clock = {
        ...systemClock, monotonic: () => now, sleep: async () => { now += 10_000 }
      }
      const admin: Pick<ClusterAdmin, 'cluster' | 'describeTopics'> = {
        cluster: 'west', describeTopics: async () => [{ name: topic, partitions: [], error }]
      } as never
      const leaders = new TopicLeaders(
        admin as ClusterAdmin, topic, 1, clock, new AbortController().signal)
      return await leaders.refresh().catch((thrown: unknown) =>
        ReplicatorError.from(thrown).errorName)
    }
    assert.equal(await errorOf(new ReplicatorError('LEADER_NOT_AVAILABLE', topic)), 'TIMED_OUT')
    assert.equal(await errorOf(new ReplicatorError('_ALL_BROKERS_DOWN', topic)),
      'CLUSTER_UNREACHABLE')
  })
