// What `longhaul offsets explain` and `longhaul offsets export` print of the progress topic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  flowToJson, flowToText, type FlowOnRecord
} from '../../../src/orchestrator/cli/offsets-on-record.ts'
import { partitionsNamed } from '../../../src/orchestrator/cli/named-topic.ts'
import { exactSpan } from '../../../src/orchestrator/offsets/offset-map.ts'
import { createFlow } from '../config/create-config.ts'

const thinned = {
  upstream: 40n, upstreamLength: 60n, downstream: 30n, downstreamLength: 50n, records: 45n
}
const onRecord: FlowOnRecord = {
  flow: createFlow(),
  partitions: [{
    source: { topic: 'orders', partition: 3 },
    producerId: 7n,
    progress: {
      upstream: 101n,
      downstream: 80n,
      sequence: 75,
      leaderEpoch: 4,
      topicIds: { source: 'one' },
      offsets: {
        start: { upstream: 10n, downstream: 0n },
        isWhole: false,
        spans: [exactSpan(10n, 0n, 30n), thinned]
      }
    }
  }]
}

test('a partition is shown with its map and the gaps in the map', () => {
  const text = flowToText(onRecord, 'orders', 100)
  assert.match(text,
    /^A->B: orders-3 is mirrored up to source offset 101, which is target offset 80 of A/)
  assert.match(text, /orders-3, by producer 7\. Its offset map is known from source offset 10/)
  assert.match(text, /10 to 39 +. 0 to 29 +. 30 +. each record/)
  assert.match(text, /40 to 99 +. 30 to 79 +. 45 +. with gaps: answers may be early/)
})

test('a topic without a position is reported with the progress topic', () => {
  assert.match(flowToText({ ...onRecord, partitions: [] }, 'orders', 80),
    /^A->B: longhaul-progress\.A\.internal has no position of orders: check the name/)
})

test('a topic is found by its name on the source and by that of its remote topic', () => {
  const { flow, partitions } = onRecord
  for (const name of ['orders', 'A.orders']) {
    assert.deepEqual(partitionsNamed(name, flow, partitions), partitions, name)
  }
  assert.deepEqual(partitionsNamed('B.orders', flow, partitions), [])
  const renaming = createFlow(['topic.rename = orders@sales'])
  for (const name of ['orders', 'sales']) {
    assert.deepEqual(partitionsNamed(name, renaming, partitions), partitions, name)
  }
  assert.deepEqual(partitionsNamed('A.orders', renaming, partitions), [])
  assert.match(flowToText({ flow: renaming, partitions: [] }, 'A.orders', 80),
    /has no position of A\.orders: check the name \(perhaps orders, which is sales on the target\)/)
})

test('the name on the source goes before an equal name on the target', () => {
  const swapping = createFlow(['topic.rename = orders@sales, sales@orders'])
  const [orders] = onRecord.partitions
  assert.ok(orders !== undefined)
  const sales = { ...orders, source: { topic: 'sales', partition: 3 } }
  assert.deepEqual(partitionsNamed('sales', swapping, [orders, sales]), [sales])
})

test('JSON contains all positions and maps, with offsets as text', () => {
  assert.deepEqual(flowToJson(onRecord), {
    flow: 'A->B',
    progressTopic: 'longhaul-progress.A.internal',
    partitions: [{
      topic: 'orders',
      remoteTopic: 'A.orders',
      partition: 3,
      sourceOffset: '101',
      targetOffset: '80',
      producerId: '7',
      sequence: 75,
      leaderEpoch: 4,
      topicIds: { source: 'one' },
      offsetMap: {
        isWhole: false,
        start: { sourceOffset: '10', targetOffset: '0' },
        spans: [
          { sourceOffset: '10', targetOffset: '0', sourceLength: '30', targetLength: '30',
            records: '30' },
          { sourceOffset: '40', targetOffset: '30', sourceLength: '60', targetLength: '50',
            records: '45' }
        ]
      }
    }]
  })
})
