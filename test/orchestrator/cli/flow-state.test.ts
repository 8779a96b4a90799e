// What `topics` shows of a topic: how its batches are sent, and how many of them were merged.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicsOf, type PartitionState } from '../../../src/orchestrator/cli/flow-state.ts'

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
