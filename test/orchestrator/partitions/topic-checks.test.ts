// Checks of many remote topics, over a fake cluster.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartitionTable } from '../../../src/orchestrator/partitions/partition-table.ts'
import {
  remoteTopicsPerLook, TopicChecks
} from '../../../src/orchestrator/partitions/topic-checks.ts'
import { KnownTopicIds } from '../../../src/orchestrator/partitions/topic-ids.ts'
import { WantedTopics } from '../../../src/orchestrator/partitions/wanted-topics.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

/** Two topics more than two looks can ask about, with two partitions each. */
const topicCount = 2 * remoteTopicsPerLook + 2

test('each look asks about some remote topics, and all looks together about all', async () => {
  const table = new PartitionTable()
  const target = new FakeCluster()
  for (let number = 0; number < topicCount; number++) {
    const topic = `topic-${number}`
    target.addTopic(`east.${topic}`, 2)
    for (const partition of [0, 1]) {
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
  let follows = 0
  const checks = new TopicChecks({
    table,
    wanted: new WantedTopics(topic => `east.${topic}`),
    topicIds: new KnownTopicIds(new FakeCluster().admin(), target.admin()),
    gone: { remove: async () => {} },
    recreated: { follow: async () => { follows++ } },
    onError: thrown => { throw thrown },
    clock: new ManualClock()
  })
  for (let look = 0; look < 3; look++) await checks.lookAtRemote()
  assert.deepEqual(asked, [remoteTopicsPerLook, remoteTopicsPerLook, 2])
  const known = follows
  for (let look = 0; look < 3; look++) await checks.lookAtRemote()
  assert.equal(follows, known, 'nothing has changed')
  target.addTopic(`east.topic-${topicCount - 1}`, 2)
  for (let look = 0; look < 3; look++) await checks.lookAtRemote()
  assert.equal(follows, known + 1)
})
