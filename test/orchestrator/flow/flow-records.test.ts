// Orders of an operator about topics and partitions that the flow does not mirror.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doubtOf } from '../../../src/orchestrator/flow/flow-records.ts'
import { createFlow } from '../config/create-config.ts'
import { FakeCluster } from './fake-cluster.ts'

const source = new FakeCluster()
source.addTopic('orders', 3)
source.addTopic('carts', 1)
const flow = createFlow(['A->B.topics = orders, later', 'A->B.topics.exclude = later'])

const doubts: ReadonlyArray<readonly [topic: string | undefined, number | undefined, RegExp]> = [
  ['carts', undefined, /does not mirror carts \(not matched\)/],
  ['later', undefined, /does not mirror later \(excluded\)/],
  ['__consumer_offsets', undefined, /does not mirror __consumer_offsets \(internal\)/],
  ['orders', 3, /^orders has 3 partitions, and no partition 3$/]
]
for (const [topic = '', partition, text] of doubts) {
  test(`an order about ${topic}${partition === undefined ? '' : `-${partition}`} has a doubt`,
    async () => {
      const scope = { topic, ...partition !== undefined && { partition } }
      assert.match(await doubtOf(scope, flow, { source: source.admin() }) ?? '', text)
    })
}

test('an order about a topic that the source lacks has a doubt', async () => {
  const doubt = await doubtOf(
    { topic: 'orders' }, flow, { source: new FakeCluster().admin() })
  assert.equal(doubt, 'A has no topic orders')
})

test('an order about what the flow mirrors has none', async () => {
  for (const scope of [{}, { topic: 'orders' }, { topic: 'orders', partition: 2 }]) {
    assert.equal(await doubtOf(scope, flow, { source: source.admin() }), undefined)
  }
})
