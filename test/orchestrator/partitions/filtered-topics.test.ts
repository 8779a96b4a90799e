// Filters change while the flow runs: topics leave, and come back where they stood.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../time/manual-clock.ts'
import {
  createRunning, laneEvent, orders, ordersLeftOut, positionsOf, released, report
} from './partitions-fixture.ts'

// The next look may be minutes later, and metadata that are behind do not change a name.
test('a topic that the filter excludes leaves at the first look, and comes back where it stood',
  async () => {
    const fixture = await createRunning()
    const { assigned, partitions } = fixture
    report(fixture, 0, laneEvent('running'), 15n)
    const left = partitions.setTopics(ordersLeftOut)
    await settle()
    report(fixture, 0, released, 20n)
    await left
    assert.equal(partitions.table.size, 0)
    await partitions.setTopics(orders)
    await settle()
    assert.deepEqual(positionsOf(assigned.slice(-1)), [[20n, 20n, 20]])
  })
