// The topics of the source at the flow's first look, and those that were created later.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotOf } from '../../../src/orchestrator/progress/task-slots.ts'
import { FirstLook } from '../../../src/orchestrator/partitions/first-look.ts'
import type { SlotPartition } from '../../../src/orchestrator/partitions/partition-table.ts'
import { FakeProgressStore } from '../flow/fake-cluster.ts'

const slots = 4
const allSlots = [0, 1, 2, 3]

/** A process that has just started, with the records of earlier processes. */
function createProcess (store: FakeProgressStore): FirstLook {
  return new FirstLook({
    slots,
    read: async slot => (await store.read(slot)).firstLook,
    write: async records => { await store.write(records) }
  })
}

function partitionOf (topic: string, partition: number): SlotPartition {
  return { topic, partition, remoteTopic: `A.${topic}`, slot: slotOf(topic, partition, slots) }
}

function isBornLater (look: FirstLook, topic: string, partition = 0): boolean {
  return look.isBornLater(partitionOf(topic, partition))
}

const atFirst = new Map([['orders', 2], ['payments', 40]])
const later = new Map([...atFirst, ['orders', 3], ['born', 1]])

test('partitions of the first look existed, and those of a later look are new', async () => {
  const look = createProcess(new FakeProgressStore())
  look.update(atFirst)
  await look.settle(allSlots)
  look.update(later)
  await look.settle(allSlots)
  assert.deepEqual([0, 1, 2].map(partition => isBornLater(look, 'orders', partition)),
    [false, false, true])
  assert.equal(isBornLater(look, 'payments', 39), false)
  assert.equal(isBornLater(look, 'born'), true)
})

// Regression: a topic that was created while no process ran counted as an old topic, and its
// records up to the restart were left out.
test('the first look outlives the process, even for a slot without partitions then', async () => {
  const store = new FakeProgressStore()
  const first = createProcess(store)
  first.update(new Map())
  await first.settle(allSlots)
  const second = createProcess(store)
  second.update(later)
  await second.settle(allSlots)
  for (const topic of ['orders', 'payments', 'born']) {
    assert.equal(isBornLater(second, topic), true, topic)
  }
})

test('a progress topic of an earlier version, without a first look, gets the present look',
  async () => {
    const store = new FakeProgressStore()
    store.append({
      slot: 0,
      record: {
        kind: 'partition',
        source: { topic: 'orders', partition: 0 },
        progress: { upstream: 5n, downstream: 5n, sequence: 5 },
        producerId: 7n
      }
    })
    const look = createProcess(store)
    look.update(later)
    await look.settle(allSlots)
    assert.equal(isBornLater(look, 'born'), false)
  })

test('a slot that another process releases keeps the look of that process', async () => {
  const store = new FakeProgressStore()
  const [one, other] = [createProcess(store), createProcess(store)]
  one.update(atFirst)
  await one.settle([0, 1, 2, 3])
  other.update(later)
  await other.settle([0, 1])
  await other.settle(allSlots)
  assert.equal(isBornLater(other, 'born'), true)
  assert.equal(isBornLater(other, 'orders', 1), false)
})

test('a look that cannot be recorded does not count, and is repeated', async () => {
  const store = new FakeProgressStore()
  const look = createProcess(store)
  look.update(atFirst)
  store.beforeWrite = () => { throw new Error('the target does not answer') }
  await look.settle(allSlots)
  assert.equal(look.isSettled(0), false)
  assert.match(look.errorOf(0)?.message ?? '', /does not answer/)
  store.beforeWrite = () => {}
  await look.settle(allSlots)
  assert.equal(look.errorOf(0), undefined)
  assert.equal(isBornLater(look, 'orders'), false)
})

test('thousands of topics are recorded in records of a bounded size', async () => {
  const store = new FakeProgressStore()
  const look = createProcess(store)
  const topics = new Map(Array.from({ length: 20_000 }, (_, index) => [`topic-${index}`, 1]))
  look.update(topics)
  await look.settle(allSlots)
  const again = createProcess(store)
  again.update(topics)
  await again.settle(allSlots)
  assert.ok([...topics.keys()].every(topic => !isBornLater(again, topic)))
})
