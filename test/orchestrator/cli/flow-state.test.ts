// What `topics` shows of a topic: how its batches are sent, how many of them were merged, and what
// is not known without a process.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  topicsOf, unknownState, type PartitionState
} from '../../../src/orchestrator/cli/flow-state.ts'

function partitionOf (
  topic: string, partition: number,
  figures: Pick<PartitionState, 'batching' | 'batches' | 'batchesMerged'>
): PartitionState {
  return {
    topic, partition, state: 'running', reason: null, sinceMs: null, upstreamOffset: null,
    sourceEnd: null, lagRecords: null, lagSeconds: null, ...figures
  }
}

test('the share of merged batches is that of all partitions, and unknown without batches', () => {
  const shown = topicsOf([
    partitionOf('busy', 0, { batching: 'rebatch', batches: 90, batchesMerged: 60 }),
    partitionOf('busy', 1, { batching: 'rebatch', batches: 10, batchesMerged: 0 }),
    partitionOf('idle', 0, { batching: 'auto', batches: 0, batchesMerged: 0 }),
    partitionOf('unread', 0, { batching: 'auto', batches: null, batchesMerged: null })
  ])
  assert.deepEqual(shown.map(each => [each.topic, each.batching, each.mergedShare]), [
    ['busy', 'rebatch', 0.6], ['idle', 'auto', null], ['unread', 'auto', null]
  ])
})

// Regression: a topic whose only partition was faulted had 0 faulted partitions, and 0 read as an
// answer, although the line below the table said that faults are not known.
test('how many partitions are faulted is not known while the state of one is not known', () => {
  const figures = { batching: 'auto', batches: null, batchesMerged: null }
  const stateOf = (topic: string, partition: number, state: string): PartitionState =>
    ({ ...partitionOf(topic, partition, figures), state })
  const shown = topicsOf([
    stateOf('behind', 0, unknownState), stateOf('behind', 1, 'caught-up'),
    stateOf('fine', 0, 'caught-up'), stateOf('fine', 1, 'paused'),
    stateOf('recreated', 0, 'faulted'), stateOf('recreated', 1, unknownState)
  ])
  assert.deepEqual(shown.map(each => [each.topic, each.faulted]),
    [['behind', null], ['fine', 0], ['recreated', 1]])
})
