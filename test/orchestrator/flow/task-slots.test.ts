// Slots are what processes of different versions agree on: the pinned values must never change.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { slotOf } from '../../../src/orchestrator/flow/task-slots.ts'

const pinned: ReadonlyArray<readonly [topic: string, partition: number, of: number, slot: number]> =
  [
    ['orders', 0, 32, 12],
    ['orders', 1, 32, 13],
    ['orders', 31, 32, 11],
    ['', 0, 32, 5],
    ['straße', 3, 32, 27],
    ['a', 0, 7, 5],
    ['shop.payments_v2-eu', 12, 64, 32],
    ['orders', 0, 1, 0]
  ]

describe('slotOf', () => {
  for (const [topic, partition, slots, slot] of pinned) {
    test(`'${topic}'-${partition} of ${slots} is in slot ${slot}, for ever`, () => {
      assert.equal(slotOf(topic, partition, slots), slot)
    })
  }

  test('is a slot that exists, whatever the topic', () => {
    fc.assert(fc.property(fc.string(), fc.nat(100_000), fc.integer({ min: 1, max: 1_000 }),
      (topic, partition, slots) => {
        const slot = slotOf(topic, partition, slots)
        assert.ok(Number.isInteger(slot) && slot >= 0 && slot < slots)
      }))
  })

  test('puts as many partitions of a topic as there are slots into slots of their own', () => {
    fc.assert(fc.property(fc.string(), fc.integer({ min: 1, max: 200 }), (topic, slots) => {
      const used = new Set(Array.from({ length: slots }, (_, p) => slotOf(topic, p, slots)))
      assert.equal(used.size, slots)
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
