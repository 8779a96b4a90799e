// The number of task slots is that of the progress topic, unless positions lie elsewhere.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { slotOf } from '../../../src/orchestrator/progress/task-slots.ts'
import { refuseMisplaced, slotsOnRecord } from
  '../../../src/orchestrator/progress/topic-slots.ts'
import type { SlotProgress } from '../../../src/orchestrator/progress/slot-contents.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'

const topic = 'longhaul-progress.east.internal'

function storeOf (slots: number): { read: (slot: number) => Promise<SlotProgress> } {
  const sources = Array.from({ length: 20 }, (_, partition) => ({ topic: 'orders', partition }))
  return {
    read: async slot => ({
      partitions: new Map(sources
        .filter(each => slotOf(each.topic, each.partition, slots) === slot)
        .map(source => [`${source.topic}-${source.partition}`, { source }]))
    }) as unknown as SlotProgress
  }
}

test('the slots are the partitions of the topic; without it they are not known', async () => {
  const cluster = new FakeCluster()
  assert.equal(await slotsOnRecord(cluster.admin(), topic), undefined)
  cluster.topics.set(topic, 8)
  assert.equal(await slotsOnRecord(cluster.admin(), topic), 8)
})

// Mechanism: kafka-topics --alter adds partitions to the progress topic. Each position stays where
// it was, and the flow looks for most of them in other slots, finds none, and begins again.
test('positions of another number of slots are refused', async () => {
  await refuseMisplaced({ store: storeOf(8), topic, slots: 8 })
  await assert.rejects(refuseMisplaced({ store: storeOf(8), topic, slots: 16 }),
    (error: ReplicatorError) => error.errorName === 'PROGRESS_SLOTS_CHANGED' &&
      error.message.includes('orders-'))
})
