// A cluster whose controller considers every broker dead, as after a broker was suspended and
// resumed: the broker answers Metadata without any broker.
//
// Regression: after this answer librdkafka forgot all brokers, and its client never recovered; if
// the request named no topic, librdkafka aborted the process (.ci/setup/librdkafka-mends.mjs).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventually } from '../../kafka/eventually.ts'
import { StubBroker } from '../../kafka/stub-broker.ts'
import { createAdmin } from './create-admin.ts'

describe('a cluster that names no broker', () => {
  const untilAskedAgain = async (broker: StubBroker): Promise<void> => {
    const asked = broker.emptyAnswers + 3
    await eventually('three empty answers', () => broker.emptyAnswers >= asked)
  }

  test('is asked again for its brokers until it names one', async t => {
    const broker = await StubBroker.start(t)
    const admin = createAdmin(t, broker.bootstrapServers)
    assert.equal((await admin.describeCluster()).clusterId, 'one-cluster')
    broker.isAlive = false
    const described = admin.describeCluster()
    await untilAskedAgain(broker)
    broker.isAlive = true
    assert.deepEqual((await described).brokers.map(({ id }) => id), [1])
  })

  test('is not forgotten by a client that asks for topics', async t => {
    const broker = await StubBroker.start(t)
    const admin = createAdmin(t, broker.bootstrapServers)
    assert.deepEqual((await admin.listTopics()).map(({ name }) => name), ['known'])
    broker.isAlive = false
    const listed = admin.listTopics()
    await untilAskedAgain(broker)
    broker.isAlive = true
    assert.deepEqual((await listed).map(({ name }) => name), ['known'])
    assert.deepEqual((await admin.describeCluster()).brokers.map(({ id }) => id), [1])
  })
})
