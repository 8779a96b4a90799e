// Topics whose positions on record are of another topic: `validate` and `plan` name them before a
// start stops their partitions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replacedTopics } from '../../../src/orchestrator/plan/replaced-topics.ts'
import type { TopicIds } from '../../../src/orchestrator/progress/progress.ts'
import { createConfig } from '../config/create-config.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'

/** What is said of `orders`, whose position on record has these ids. */
async function problemOf (
  topicIds: TopicIds, { lines = [], remoteTopic = 'A.orders' }:
  { readonly lines?: readonly string[], readonly remoteTopic?: string } = {}
): Promise<string | undefined> {
  const source = new FakeCluster()
  const target = new FakeCluster()
  source.addTopic('orders', 1)
  target.addTopic('A.orders', 1)
  const targetPartitions = target.topics.get(remoteTopic) ?? 0
  const planned = { topic: 'orders', remoteTopic, sourcePartitions: 1, targetPartitions }
  const onRecord = {
    source: { topic: 'orders', partition: 0 },
    progress: { upstream: 5n, downstream: 5n, sequence: 5, topicIds },
    producerId: 1n
  }
  const [flow] = createConfig(lines).flows
  assert.ok(flow !== undefined)
  const clusters = { source: source.admin(), target: target.admin() }
  const [problem] = await replacedTopics([planned], [onRecord], flow, clusters)
  return problem?.error.message
}

const ids = { source: 'orders-id-1', target: 'A.orders-id-1' }

test('a topic whose ids are those on record is no problem', async () => {
  assert.equal(await problemOf(ids), undefined)
  assert.equal(await problemOf({}), undefined, 'brokers before 2.8 have no ids')
})

test('a topic that was recreated on either cluster would stop', async () => {
  assert.match(await problemOf({ ...ids, source: 'old' }) ?? '', /source topic orders has id/)
  assert.match(await problemOf({ ...ids, target: 'old' }) ?? '', /target topic A\.orders has id/)
})

// Regression: validate said `to be created` of a topic that topic.rename now mirrors to another
// name, and the start stopped its partitions, because progress is of the former remote topic.
test('a mirrored topic under a new name, or without its remote topic, would stop', async () => {
  assert.match(await problemOf(ids, { remoteTopic: 'sales.orders' }) ?? '',
    /has no topic sales\.orders, .*or the flow now mirrors to another name.*TOPIC_RECREATED/)
})

test('where topic.recreated is skip, nothing stops', async () => {
  const lines = ['A->B.topic.orders.topic.recreated = skip']
  assert.equal(await problemOf({ ...ids, source: 'old' }, { lines }), undefined)
  assert.equal(await problemOf(ids, { lines, remoteTopic: 'sales.orders' }), undefined)
})
