// The reader of the integration tests, over a mock cluster: a test that compares what it returns
// must not pass because the reader stops too early.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { openMockCluster } from '../../src/dataplane/index.ts'
import { readTopic } from './kafka-consumer.ts'
import { produce } from './kafka-producer.ts'

const topics = [{ name: 'orders', partitions: 2, replicationFactor: 1 }]
const laterMs = 1_000

const numbered = (from: number, to: number): Array<{ value: string, partition: number }> =>
  Array.from({ length: to - from }, (_, index) =>
    ({ value: `${from + index}`, partition: (from + index) % 2 }))

// A broker that hung may report an old end of the log: the reader then saw the end of each
// partition, and returned without the records after it.
test('a reader that expects more records than there are waits for them at the ends', async t => {
  const cluster = openMockCluster({ brokers: 1, topics })
  t.after(() => { cluster.close() })
  const servers = cluster.bootstrapServers()
  await produce(servers, 'orders', numbered(0, 6))
  const reading = readTopic(servers, 'orders', { expected: 10 })
  const early = readTopic(servers, 'orders')
  assert.deepEqual((await early).map(({ value }) => String(value)), ['0', '2', '4', '1', '3', '5'])
  await setTimeout(laterMs)
  await produce(servers, 'orders', numbered(6, 10))
  assert.deepEqual((await reading).map(({ value }) => String(value)),
    ['0', '2', '4', '6', '8', '1', '3', '5', '7', '9'])
})
