// Checks of many remote topics, over a fake cluster.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartitionTable } from '../../../src/orchestrator/partitions/partition-table.ts'
import { lookWeightMax, TopicChecks } from '../../../src/orchestrator/partitions/topic-checks.ts'
import { KnownTopicIds } from '../../../src/orchestrator/partitions/topic-ids.ts'
import { WantedTopics } from '../../../src/orchestrator/partitions/wanted-topics.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

/** Each look appends the number of topics that it asked about; `follows` counts consequences. */
function createChecks (topicCount: number, partitionCount: number) {
  const table = new PartitionTable()
  const target = new FakeCluster()
  for (let number = 0; number < topicCount; number++) {
    const topic = `topic-${number}`
    target.addTopic(`east.${topic}`, partitionCount)
    for (let partition = 0; partition < partitionCount; partition++) {
      const added = table.add({ topic, partition, remoteTopic: `east.${topic}`, slot: 0 })
      const progress = { upstream: 0n, downstream: 0n, sequence: 0 }
      table.apply(added, { kind: 'position', progress, lane: 0 }, 0)
    }
  }
  const asked: number[] = []
  const describe = target.describeTopics.bind(target)
  target.describeTopics = async names => {
    asked.push(names.length)
    return await describe(names)
  }
  const seen = { follows: 0, deleted: new Array<readonly string[]>() }
  const checks = new TopicChecks({
    table,
    wanted: new WantedTopics(topic => `east.${topic}`),
    topicIds: new KnownTopicIds(new FakeCluster().admin(), target.admin()),
    gone: { remove: async () => {} },
    recreated: {
      follow: async () => { seen.follows++ },
      recallDeleted: topics => { seen.deleted.push([...topics]) }
    },
    onError: thrown => { throw thrown },
    clock: new ManualClock()
  })
  const look = async (times: number): Promise<void> => {
    for (let count = 0; count < times; count++) await checks.lookAtRemote()
  }
  return { asked, look, seen, target }
}

// Regression: each look asked about 200 topics, so with 1,000 a recreated one was found after up to
// 25 s.
test('two looks together ask about each of a thousand remote topics', async () => {
  const { asked, look, seen, target } = createChecks(1_000, 2)
  await look(2)
  assert.deepEqual(asked, [500, 500])
  const known = seen.follows
  await look(2)
  assert.equal(seen.follows, known, 'nothing has changed')
  for (const topic of ['east.topic-0', 'east.topic-499', 'east.topic-999']) {
    const before = seen.follows
    target.addTopic(topic, 2)
    await look(2)
    assert.equal(seen.follows, before + 1, topic)
  }
})

test('a look asks about a bounded number of topics and partitions, the next look about the rest',
  async () => {
    const [topics, partitions] = [50, 100]
    const { asked, look } = createChecks(topics, partitions)
    const perLook = Math.ceil(lookWeightMax / (1 + partitions))
    await look(3)
    assert.deepEqual(asked, [perLook, perLook, topics - 2 * perLook])
    await look(1)
    assert.equal(asked.at(-1), perLook, 'a new round')
  })

test('of a small flow each look asks about all remote topics', async () => {
  const { asked, look } = createChecks(50, 3)
  await look(2)
  assert.deepEqual(asked, [50, 50])
})

// A round of looks lasts 10 s, and readiness must name the topic within 15 s.
test('a topic that a look does not find is asked about by the next look, whatever its share',
  async () => {
    const { look, seen, target } = createChecks(1_000, 2)
    await look(2)
    target.forgetTopic('east.topic-0')
    await look(1)
    assert.deepEqual(seen.deleted, [])
    await look(1)
    assert.deepEqual(seen.deleted, [['east.topic-0']])
    await look(1)
    assert.equal(seen.deleted.length, 1, 'the partitions are recalled once')
  })

test('a topic that only one broker did not know is not deleted', async () => {
  const { look, seen, target } = createChecks(3, 2)
  await look(1)
  target.hideTopic('east.topic-0')
  await look(1)
  target.showTopics()
  await look(3)
  assert.deepEqual(seen.deleted, [])
})
