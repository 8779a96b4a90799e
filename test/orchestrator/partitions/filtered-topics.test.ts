// Filters change while the flow runs: topics leave, and return at their positions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { settle } from '../time/manual-clock.ts'
import {
  createRunning, laneEvent, noTopics, orders, ordersLeftOut, positionsOf, released, report
} from './partitions-fixture.ts'

// The next look may be minutes later, and stale metadata do not change a name.
test('a topic that the filter excludes leaves at the first look, and returns at its position',
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

// A topic with a problem is mirrored as far as possible; a topic in a loop must not be.
test('a topic that must stop leaves at the first look, and its problem stays visible',
  async () => {
    const fixture = await createRunning()
    const { lines, partitions } = fixture
    report(fixture, 0, laneEvent('running'), 15n)
    const error = new ReplicatorError('MIRROR_LOOP', 'A->B')
    const stopped = {
      ...noTopics,
      onSource: new Map([['orders', 1]]),
      problems: [{ topic: 'orders', mustStop: true, error }]
    }
    const left = partitions.setTopics(stopped)
    await settle()
    report(fixture, 0, released, 20n)
    await left
    assert.equal(partitions.table.size, 0)
    assert.deepEqual(partitions.topicProblems, [{ topic: 'orders', reason: error.message }])
    assert.equal(lines.filter(line => line.includes('excluded now')).length, 0)
    await partitions.setTopics(stopped)
    assert.equal(partitions.topicProblems.length, 1)
    await partitions.setTopics(orders)
    await settle()
    assert.deepEqual(positionsOf(fixture.assigned.slice(-1)), [[20n, 20n, 20]])
  })
