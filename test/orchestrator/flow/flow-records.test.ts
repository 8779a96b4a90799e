// Orders of an operator about topics and partitions that the flow does not mirror, and skips to
// offsets that no record has.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doubtOf, refuseSkip } from '../../../src/orchestrator/flow/flow-records.ts'
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

// A skip beyond the end of the log was obeyed: the partition then took the records that did not
// exist yet for lost ones, and no other skip could lead back.
test('a skip goes forward, up to the end of the source log', async () => {
  source.ends.set('orders/1', 400n)
  const progress = { upstream: 96n, downstream: 96n, sequence: 96 }
  const skip = async (to: bigint): Promise<void> => {
    await refuseSkip(
      { source: { topic: 'orders', partition: 1 }, to }, progress, { source: source.admin() })
  }
  await skip(97n)
  await skip(400n)
  const refused = (text: RegExp): object => ({ errorName: 'CONTROL_REFUSED', message: text })
  await assert.rejects(skip(96n),
    refused(/orders-1 is at source offset 96 and can only skip to a later one, not to 96/))
  await assert.rejects(skip(401n),
    refused(/orders-1 ends at source offset 400 and cannot skip beyond it, to 401/))
})

test('a skip of a partition that the source does not show is refused with its error', async () => {
  const progress = { upstream: 1n, downstream: 1n, sequence: 1 }
  const gone = { source: { topic: 'gone', partition: 0 }, to: 2n }
  await assert.rejects(refuseSkip(gone, progress, { source: source.admin() }),
    { errorName: 'TOPIC_AUTHORIZATION_FAILED' })
  await assert.rejects(refuseSkip(gone, undefined, { source: source.admin() }),
    { errorName: 'CONTROL_REFUSED' })
})
