// A program for new-topic-offsets.test.ts: asks for the offsets of new topics while the answers to
// other requests tell librdkafka about these topics. Prints the offsets.
import { setTimeout as sleep } from 'node:timers/promises'
import { openAdmin, openMockCluster } from '../../../src/dataplane/index.ts'

const callMs = 20_000
const topics = ['first', 'second', 'third']

const cluster = openMockCluster({ brokers: 1, topics: [] })
const admin = openAdmin({ 'bootstrap.servers': cluster.bootstrapServers() })
await admin.call('describeCluster', {}, callMs)
for (const topic of topics) {
  cluster.createTopic({ name: topic, partitions: 1, replicationFactor: 1 })
  const partitions = [{ topic, partition: 0, at: 'latest' }]
  const listed = admin.call('listOffsets', { partitions, readCommitted: false }, callMs)
  await sleep(50)
  await admin.call('listTopics', {}, callMs)
  const [{ code, offset }] = await listed as [{ readonly code: number, readonly offset: bigint }]
  process.stdout.write(`${topic} ${code} ${offset}\n`)
}
await admin.close()
cluster.close()
