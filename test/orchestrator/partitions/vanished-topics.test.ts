// What a topic leaves in memory once it is deleted: nothing, so that a process does not grow with
// the topics that come and go. A private map cannot be looked into, so the whole heap is searched.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { getHeapSnapshot } from 'node:v8'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { noTopics, createPartitions, laneEvent, report } from './partitions-fixture.ts'
import type { PartitionsFixture } from './partitions-fixture.ts'
import { settle } from '../time/manual-clock.ts'

const topicCount = 50
/** V8 itself may keep a string of the first call, or of the last one. */
const keptByV8 = 3

/** Fails and is skipped once, is deleted, and its progress is removed from the progress topic. */
async function mirrorAndDelete (fixture: PartitionsFixture, topic: string): Promise<void> {
  const { clock, partitions, problems, source, target } = fixture
  const remoteTopic = `east.${topic}`
  source.addTopic(topic, 1)
  target.addTopic(remoteTopic, 1)
  await partitions.setTopics({
    topics: [{ topic, remoteTopic, partitions: 1 }],
    planned: [{ topic, remoteTopic, sourcePartitions: 1, targetPartitions: 1 }],
    problems: [],
    onSource: new Map([[topic, 1]]),
    leftOut: []
  })
  const { id, lane } = fixture.partition()
  report(fixture, lane, laneEvent('running', { id }), 10n)
  report(fixture, lane, laneEvent('faulted',
    { id, code: 1005, detail: topic, skipTo: 11n, skipRecords: 1n, skipEpoch: 0 }))
  await settle()
  assert.equal(partitions.skipped.get(topic)?.get('record_too_large'), 1n)
  problems.say(topic, new ReplicatorError('TOPIC_CREATE_FAILED', topic))
  await partitions.lookAtRemote()
  await partitions.writeProgress()

  source.forgetTopic(topic)
  await partitions.setTopics(noTopics)
  clock.skip(6_000)
  const gone = partitions.setTopics(noTopics)
  await settle()
  report(fixture, lane, laneEvent('stopped', { id, released: true }))
  await gone
  target.forgetTopic(remoteTopic)
  assert.equal(partitions.table.size, 0)
  partitions.forgetPosition({ topic, partition: 0 })
}

/** How many of the topics are named by a string that is reachable. */
async function countInHeap (token: Buffer): Promise<number> {
  const chunks: Buffer[] = []
  for await (const chunk of getHeapSnapshot()) chunks.push(Buffer.from(chunk as Buffer))
  const names = Buffer.concat(chunks).toString('latin1')
    .matchAll(new RegExp(`${token.toString('hex')}-([0-9]+)`, 'g'))
  return new Set([...names].map(([, number]) => number)).size
}

test('topics that come and go leave nothing in memory', async () => {
  const fixture = createPartitions('skip')
  const { assigned, asked, clock, lines, partitions, problems, store } = fixture
  await partitions.setTopics(noTopics)
  await partitions.acquire([0])
  // Not as a string, which would be in the heap itself.
  const token = randomBytes(8)
  for (let number = 0; number < topicCount; number++) {
    await mirrorAndDelete(fixture, `${token.toString('hex')}-${number}`)
  }
  // The last topic stays until the next look; its problems are over after two rounds.
  await partitions.setTopics(noTopics)
  for (let round = 0; round < 2; round++) {
    problems.endRound()
    clock.skip(120_000)
    problems.tick([])
    await partitions.lookAtRemote()
  }
  assert.ok(lines.length > topicCount)
  for (const calls of [assigned, asked, lines, store.written]) calls.length = 0
  // V8 frees some of the memory only after later collections: each snapshot begins with one.
  let kept = topicCount
  for (let look = 0; look < 20 && kept > keptByV8; look++) {
    await setTimeout(look * 20)
    kept = await countInHeap(token)
  }
  assert.ok(kept <= keptByV8, `${kept} of ${topicCount} topics`)
  assert.equal(partitions.table.size, 0)
})
