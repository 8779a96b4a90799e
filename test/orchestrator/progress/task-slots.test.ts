// Processes of different versions must agree on slots: the pinned values must never change.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { slotOf } from '../../../src/orchestrator/progress/task-slots.ts'

const pinned: ReadonlyArray<readonly [topic: string, partition: number, of: number, slot: number]> =
  [
    ['orders', 0, 32, 12],
    ['orders', 1, 32, 28],
    ['orders', 31, 32, 4],
    ['', 0, 32, 5],
    ['straße', 3, 32, 17],
    ['a', 0, 7, 5],
    ['shop.payments_v2-eu', 12, 64, 32],
    ['orders', 0, 1, 0],
    ['orders', 1, 2, 1]
  ]

const topics = Array.from({ length: 500 }, (_, index) => `topic-${index}`)

describe('slotOf', () => {
  for (const [topic, partition, slots, slot] of pinned) {
    test(`'${topic}'-${partition} of ${slots} is in slot ${slot}, for ever`, () => {
      assert.equal(slotOf(topic, partition, slots), slot)
    })
  }

  test('is an existing slot, whatever the topic', () => {
    fc.assert(fc.property(fc.string(), fc.nat(100_000), fc.integer({ min: 1, max: 1_000 }),
      (topic, partition, slots) => {
        const slot = slotOf(topic, partition, slots)
        assert.ok(Number.isInteger(slot) && slot >= 0 && slot < slots)
      }))
  })

  // What librdkafka's cooperative-sticky assignor assigns to the second of two members.
  test('splits four partitions two and two between halves of the slots', () => {
    for (const topic of topics) {
      const inLowerHalf = [0, 1, 2, 3].filter(partition => slotOf(topic, partition, 32) < 16)
      assert.equal(inLowerHalf.length, 2, topic)
    }
  })

  test('splits four partitions two and two between even and odd slots', () => {
    for (const topic of topics) {
      const even = [0, 1, 2, 3].filter(partition => slotOf(topic, partition, 32) % 2 === 0)
      assert.equal(even.length, 2, topic)
    }
  })

  test('spread a topic evenly over slots whose number is a power of two', () => {
    fc.assert(fc.property(fc.string(), fc.nat(8), (topic, power) => {
      const slots = 2 ** power
      const counts = Array.from({ length: slots }, () => 0)
      for (let partition = 0; partition < slots * 8; partition++) {
        const slot = slotOf(topic, partition, slots)
        counts[slot] = (counts[slot] ?? 0) + 1
      }
      assert.ok(Math.min(...counts) === 8 && Math.max(...counts) === 8, counts.join(' '))
    }))
  })

  test('spreads many topics of one partition over all slots', () => {
    const counts = Array.from({ length: 32 }, () => 0)
    for (let topic = 0; topic < 3_200; topic++) {
      const slot = slotOf(`topic-${topic}`, 0, 32)
      counts[slot] = (counts[slot] ?? 0) + 1
    }
    assert.ok(Math.min(...counts) > 50 && Math.max(...counts) < 200, counts.join(' '))
  })
})
