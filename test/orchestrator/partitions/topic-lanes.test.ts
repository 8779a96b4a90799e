// Which lanes mirror how many partitions of a topic, by the table and the wanted topics.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopicLanes } from '../../../src/orchestrator/partitions/topic-lanes.ts'

test('the placement of a topic follows its partitions, lanes and growth', () => {
  const rows = [
    { topic: 'big', lane: 0 }, { topic: 'big', lane: 0 }, { topic: 'big', lane: 1 },
    { topic: 'big', lane: -1 }, { topic: 'gone', lane: 1 }
  ]
  const table = { version: 1, values: () => rows }
  const counts = new Map([['big', 8]])
  const wanted = {
    version: 1,
    get: (topic: string) => {
      const partitions = counts.get(topic)
      return partitions === undefined ? undefined : { partitions }
    }
  }
  const topicLanes = new TopicLanes({ table, wanted })
  const first = topicLanes.placements
  assert.deepEqual(first, [
    { topic: 'big', partitions: 8, lanes: new Map([[0, 2], [1, 1]]) },
    { topic: 'gone', partitions: 1, lanes: new Map([[1, 1]]) }
  ])
  assert.equal(topicLanes.placements, first)
  counts.set('big', 10)
  wanted.version++
  assert.equal(topicLanes.placements[0]?.partitions, 10)
  rows.pop()
  table.version++
  assert.deepEqual(topicLanes.placements.map(({ topic }) => topic), ['big'])
})
