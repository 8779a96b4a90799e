// Where mirroring begins for what was never mirrored.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startPositions } from '../../../src/orchestrator/partitions/start-positions.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'

function createClusters (): { readonly source: FakeCluster, readonly target: FakeCluster } {
  const source = new FakeCluster()
  const target = new FakeCluster()
  source.topics.set('orders', 2)
  source.starts.set('orders/0', 3n)
  source.ends.set('orders/0', 100n)
  target.topics.set('east.orders', 2)
  target.ends.set('east.orders/0', 40n)
  return { source, target }
}

const partition = (topic: string): { topic: string, remoteTopic: string, partition: number } =>
  ({ topic, remoteTopic: `east.${topic}`, partition: 0 })

describe('startPositions', () => {
  test('begins at the first record of the source and the end of the target', async () => {
    const { source, target } = createClusters()
    const { positions, problems } = await startPositions(
      source.admin(), target.admin(), [partition('orders')], 'earliest')
    assert.deepEqual(problems, [])
    assert.deepEqual(positions.map(({ progress }) => progress),
      [{ upstream: 3n, downstream: 40n, sequence: 0 }])
  })

  test('begins behind the last record where auto.offset.reset is latest', async () => {
    const { source, target } = createClusters()
    const { positions } = await startPositions(
      source.admin(), target.admin(), [partition('orders')], 'latest')
    assert.equal(positions[0]?.progress.upstream, 100n)
  })

  test('where auto.offset.reset is none, begins nothing and says so', async () => {
    const { source, target } = createClusters()
    const { positions, problems } = await startPositions(
      source.admin(), target.admin(), [partition('orders')], 'none')
    assert.deepEqual(positions, [])
    assert.deepEqual(problems.map(({ error }) => error.errorName), ['_AUTO_OFFSET_RESET'])
  })

  test('one partition that cannot be located does not hold up another', async () => {
    const { source, target } = createClusters()
    const { positions, problems } = await startPositions(
      source.admin(), target.admin(), [partition('secret'), partition('orders')], 'earliest')
    assert.deepEqual(positions.map(({ partition: { topic } }) => topic), ['orders'])
    assert.deepEqual(problems.map(({ partition: { topic } }) => topic), ['secret'])
    assert.equal(problems[0]?.error.errorName, 'TOPIC_AUTHORIZATION_FAILED')
  })
})
