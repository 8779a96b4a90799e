// Figures by broker: sums over the lanes that never fall, with a bound on the brokers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerSums, brokersMax } from '../../../src/orchestrator/observability/broker-totals.ts'
import type { BrokerSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { sampleLane } from './sample-flow.ts'

const names = { source: 'A', target: 'B' }

function brokerOf (broker: number, change: Partial<BrokerSnapshot> = {}): BrokerSnapshot {
  return {
    isTarget: false, broker, requests: 0n, failedRequests: 0n, answerMs: 0n, sentBytes: 0n,
    receivedBytes: 0n, throttleMs: 0n, connections: 0n, ...change
  }
}

test('the figures of a broker are those of all lanes, by cluster and id', () => {
  const sums = new BrokerSums()
  const totals = sums.observe([
    sampleLane({ lane: 0, brokers: [
      brokerOf(1, { requests: 5n, answerMs: 70n, connections: 1n }),
      brokerOf(1, { isTarget: true, requests: 2n, throttleMs: 9n })
    ] }),
    sampleLane({ lane: 1, brokers: [brokerOf(1, { requests: 3n, receivedBytes: 11n })] })
  ], names)
  assert.deepEqual(totals, [
    { cluster: 'A', broker: '1', requests: 8, failedRequests: 0, answerMs: 70, sentBytes: 0,
      receivedBytes: 11, throttleMs: 0, connections: 1 },
    { cluster: 'B', broker: '1', requests: 2, failedRequests: 0, answerMs: 0, sentBytes: 0,
      receivedBytes: 0, throttleMs: 9, connections: 0 }
  ])
})

// Mechanism: a lane that restarts counts from 0, and learns of its brokers one after the other.
test('a broker keeps its figures when a lane restarts, and when brokers come and go', () => {
  const sums = new BrokerSums()
  const requestsOf = (incarnation: number, brokers: readonly BrokerSnapshot[]): unknown[] =>
    sums.observe([sampleLane({ incarnation, brokers })], names)
      .map(({ broker, requests }) => [broker, requests])
  assert.deepEqual(requestsOf(1, [brokerOf(7, { requests: 100n })]), [['7', 100]])
  assert.deepEqual(requestsOf(1, [brokerOf(3, { requests: 1n }), brokerOf(7, { requests: 110n })]),
    [['7', 110], ['3', 1]])
  assert.deepEqual(requestsOf(2, [brokerOf(3, { requests: 4n })]), [['7', 110], ['3', 5]])
  assert.deepEqual(requestsOf(2, [brokerOf(3, { requests: 6n }), brokerOf(7, { requests: 2n })]),
    [['7', 112], ['3', 7]])
})

test('brokers beyond the bound share a row of their cluster', () => {
  const sums = new BrokerSums()
  const brokers = Array.from({ length: brokersMax + 50 }, (_, i) => brokerOf(i, { requests: 1n }))
  for (let times = 0; times < 2; times++) {
    const totals = sums.observe([sampleLane({ brokers })], names)
    assert.equal(totals.length, brokersMax + 1)
    assert.equal(totals.find(({ broker }) => broker === 'other')?.requests, 50)
  }
})
