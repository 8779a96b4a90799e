// Where partitions begin that were never mirrored.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OffsetReset } from '../../../src/orchestrator/config/offset-reset.ts'
import {
  startAt, startPositions, type StartAt
} from '../../../src/orchestrator/partitions/start-positions.ts'
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

test('later partitions begin at their earliest offset, unless none may begin', () => {
  const starts = (reset: OffsetReset): readonly StartAt[] =>
    [false, true].map(isBornLater => startAt(reset, isBornLater, 1000))
  assert.deepEqual(starts('latest'), ['latest', 'earliest'])
  assert.deepEqual(starts({ byDurationMs: 400 }), [600n, 'earliest'])
  assert.deepEqual(starts({ atMs: 700 }), [700n, 'earliest'])
  assert.deepEqual(starts('earliest'), ['earliest', 'earliest'])
  assert.deepEqual(starts('none'), ['none', 'none'])
})

describe('startPositions', () => {
  test('begins at the first record of the source and the end of the target', async () => {
    const { source, target } = createClusters()
    const { positions, problems } = await startPositions(
      source.admin(), target.admin(), [partition('orders')], () => 'earliest')
    assert.deepEqual(problems, [])
    assert.deepEqual(positions.map(({ progress }) => progress),
      [{ upstream: 3n, downstream: 40n, sequence: 0 }])
  })

  test('begins after the last record with auto.offset.reset=latest', async () => {
    const { source, target } = createClusters()
    const { positions } = await startPositions(
      source.admin(), target.admin(), [partition('orders')], () => 'latest')
    assert.equal(positions[0]?.progress.upstream, 100n)
  })

  test('counts the records before the start', async () => {
    const { source, target } = createClusters()
    const at = async (start: StartAt): Promise<bigint | undefined> => (await startPositions(
      source.admin(), target.admin(), [partition('orders')], () => start)).positions[0]?.passedOver
    assert.equal(await at('earliest'), 0n)
    assert.equal(await at('latest'), 97n)
  })

  test('begins at the first record from the given time on, or at the end if none is as new',
    async () => {
      const { source, target } = createClusters()
      source.times.set('orders/0', [[1_000n, 20n], [2_000n, 30n]])
      const at = async (start: bigint): Promise<bigint | undefined> => (await startPositions(
        source.admin(), target.admin(), [partition('orders')], () => start))
        .positions[0]?.progress.upstream
      assert.equal(await at(1_500n), 30n)
      assert.equal(await at(500n), 20n)
      assert.equal(await at(2_500n), 100n)
    })

  // librdkafka returns partitions of a broker that failed with neither offset nor error, and by
  // time that is also the answer for no record. Regression: the partition would have begun at its
  // end.
  test('a broker that fails once does not count as one without new records', async () => {
    const { source, target } = createClusters()
    source.times.set('orders/0', [[1_000n, 20n]])
    source.unansweredTimes = 1
    const { positions } = await startPositions(
      source.admin(), target.admin(), [partition('orders')], () => 500n)
    assert.equal(positions[0]?.progress.upstream, 20n)
  })

  test('begins no partition with auto.offset.reset=none, and reports it', async () => {
    const { source, target } = createClusters()
    const { positions, problems } = await startPositions(
      source.admin(), target.admin(), [partition('orders')], () => 'none')
    assert.deepEqual(positions, [])
    assert.deepEqual(problems.map(({ error }) => error.errorName), ['_AUTO_OFFSET_RESET'])
  })

  test('a partition whose start is not found does not delay another', async () => {
    const { source, target } = createClusters()
    const { positions, problems } = await startPositions(
      source.admin(), target.admin(), [partition('secret'), partition('orders')], () => 'earliest')
    assert.deepEqual(positions.map(({ partition: { topic } }) => topic), ['orders'])
    assert.deepEqual(problems.map(({ partition: { topic } }) => topic), ['secret'])
    assert.equal(problems[0]?.error.errorName, 'TOPIC_AUTHORIZATION_FAILED')
  })
})
