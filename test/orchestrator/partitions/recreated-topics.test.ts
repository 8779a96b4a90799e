// A source topic that was recreated with fewer partitions than before.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { TopicLook } from '../../../src/orchestrator/partitions/wanted-topics.ts'
import type { FakeProgressStore } from '../flow/fake-cluster.ts'
import { settle } from '../time/manual-clock.ts'
import {
  createPartitions, createRunning, laneEvent, orders, released, report, type PartitionsFixture
} from './partitions-fixture.ts'

const lookWith = (count: number): TopicLook => {
  const names = { topic: 'orders', remoteTopic: 'east.orders' }
  return {
    topics: [{ ...names, partitions: count }],
    planned: [{ ...names, sourcePartitions: count, targetPartitions: 3 }],
    problems: [],
    onSource: new Map([['orders', count]]),
    leftOut: []
  }
}

async function createThree (): Promise<PartitionsFixture & {
  readonly releaseAll: () => Promise<void>
  readonly states: () => readonly string[]
}> {
  const fixture = createPartitions('stop')
  const { partitions, source, target } = fixture
  source.addTopic('orders', 3)
  target.addTopic('east.orders', 3)
  await partitions.setTopics(lookWith(3))
  await partitions.acquire([0])
  for (const id of [0, 1, 2]) {
    report(fixture, laneOf(fixture, id), laneEvent('running', { id }), 10n)
  }
  const releaseAll = async (): Promise<void> => {
    await settle()
    for (const { id, state } of [...partitions.table.values()]) {
      if (state !== 'recalled' && state !== 'releasing') continue
      report(fixture, laneOf(fixture, id), laneEvent('stopped', { id, released: true }))
    }
    await settle()
  }
  const states = (): readonly string[] =>
    [...partitions.table.values()].map(({ partition, state }) => `${partition} ${state}`)
  return { ...fixture, releaseAll, states }
}

function laneOf ({ partitions }: PartitionsFixture, id: number): number {
  return partitions.table.byId(id)?.lane ?? -1
}

const gone = 'warn: orders was recreated on west with 1 partition: ' +
  'partitions 1, 2 are no longer mirrored'

// Regression: the lane of a partition that the new topic lacks reports that the partition does not
// exist. That was shown as a fault until the second look at all topics, 20 minutes later by
// default, and then as a topic that the source does not have.
test('partitions that a recreated topic lacks leave when one of them faults', async () => {
  const fixture = await createThree()
  const { lines, partitions, releaseAll, source, states } = fixture
  source.addTopic('orders', 1)
  const missing = laneEvent('faulted', { id: 2, code: 1007, detail: 'orders-2 does not exist' })
  report(fixture, laneOf(fixture, 2), missing)
  await releaseAll()
  assert.deepEqual(states(), ['0 stopped'])
  assert.deepEqual(lines.filter(line => /orders-[12]/.test(line)), [])
  assert.deepEqual(lines.filter(line => line.includes('no longer mirrored')), [gone])
  await partitions.beginDue()
  assert.deepEqual(states(), ['0 stopped'], 'they do not come back')
})

test('and when a look at all topics finds another topic of this name', async () => {
  const { lines, partitions, releaseAll, source, states } = await createThree()
  source.addTopic('orders', 1)
  const look = partitions.setTopics(lookWith(1))
  await releaseAll()
  await look
  assert.deepEqual(states(), ['0 stopped'])
  assert.deepEqual(lines.filter(line => line.includes('no longer mirrored')), [gone])
})

// Regression: nobody read a paused partition, so its position in a deleted topic was found only
// when it was resumed: lag 0, state paused, no log line.
test('a paused partition stays paused, and the log names the error after a resume', async () => {
  const fixture = createPartitions('stop')
  const { lines, partition, partitions, problems, source } = fixture
  await partitions.setTopics(orders)
  partitions.control.setPauses(() => ({ by: 'an operator', sinceMs: 0 }))
  await partitions.acquire([0])
  assert.equal(partition().state, 'paused')
  source.addTopic('orders', 1)
  await partitions.lookAtResting()
  fixture.clock.skip(5_000)
  await partitions.lookAtResting()
  assert.equal(partition().state, 'paused')
  assert.match(partitions.recreation(partition())?.message ?? '', /TOPIC_RECREATED/)
  const said = lines.filter(line => line.includes('TOPIC_RECREATED'))
  assert.equal(said.length, 1, lines.join('\n'))
  assert.match(said[0] ?? '', /^error: orders-0 is paused: .*topic orders has id orders-id-2/)
  assert.deepEqual([...problems.counts.values()], [1n])
})

// Regression: a policy had stopped it because of lost records, which were deleted with their topic.
test('a partition that was stopped before its topic was recreated reports that, too', async () => {
  const fixture = createPartitions('stop')
  const { lines, partition, partitions, source } = fixture
  await partitions.setTopics(orders)
  await partitions.acquire([0])
  report(fixture, laneOf(fixture, 0), laneEvent('faulted',
    { code: 1014, detail: 'truncated', skipTo: 0n, skipRecords: 0n, skipEpoch: 0 }))
  await settle()
  assert.equal(partition().state, 'stopped')
  source.addTopic('orders', 1)
  for (let look = 0; look < 3; look++) {
    await partitions.lookAtResting()
    await settle()
    fixture.clock.skip(5_000)
  }
  assert.equal(partition().state, 'stopped')
  assert.equal(partition().trouble?.error.errorName, 'TOPIC_RECREATED')
  assert.equal(lines.filter(line => line.includes('TOPIC_RECREATED')).length, 1)
})

// Regression: a partition without new records stayed caught-up until the lane asked for metadata.
test('a remote topic that is recreated stops its partition before its next record', async () => {
  const fixture = await createRunning('stop')
  const { lines, partition, partitions, target } = fixture
  await partitions.lookAtRemote()
  assert.equal(partition().state, 'assigned')
  target.addTopic('east.orders', 1)
  await partitions.lookAtRemote()
  report(fixture, 0, released)
  await settle()
  assert.equal(partition().state, 'stopped')
  assert.deepEqual(lines.filter(line => line.includes('TOPIC_RECREATED')).length, 1)
})

test('a target that does not answer about remote topics is a warning, and is asked again',
  async () => {
    const { partition, partitions, problems, target } = await createRunning('stop')
    target.error = away
    await partitions.lookAtRemote()
    assert.deepEqual([...problems.retriedCounts.values()], [1n])
    target.error = undefined
    target.addTopic('east.orders', 1)
    await partitions.lookAtRemote()
    assert.equal(partition().state, 'recalled')
  })

// Regression: the lane of a partition without new records asked for metadata once a minute only.
test('a remote topic that is deleted faults its partition before its next record', async () => {
  const fixture = await createRunning('stop')
  const { lines, partition, partitions, problems, target } = fixture
  await partitions.lookAtRemote()
  target.forgetTopic('east.orders')
  await partitions.lookAtRemote()
  assert.equal(partition().state, 'assigned')
  await partitions.lookAtRemote()
  report(fixture, 0, released)
  await settle()
  assert.equal(partition().state, 'faulted')
  assert.match(lines.join('\n'), /error: orders-0 is faulted: .*topic east.orders partition 0/)
  assert.deepEqual([...problems.counts.values()], [1n])
  await partitions.lookAtRemote()
  await partitions.retryFaulted()
  report(fixture, 0, laneEvent('faulted',
    { code: 1006, detail: 'target topic east.orders partition 0 does not exist' }))
  await settle()
  assert.equal(lines.filter(line => line.includes('is faulted')).length, 1, 'one line')
})

test('a new remote topic that no broker reports yet is not a deleted topic', async () => {
  const fixture = createPartitions()
  const { partition, partitions, target } = fixture
  target.hideTopic('east.orders')
  await partitions.setTopics(orders)
  await partitions.acquire([0])
  report(fixture, 0, laneEvent('running'), 10n)
  for (let look = 0; look < 3; look++) await partitions.lookAtRemote()
  assert.equal(partition().state, 'assigned')
})

// Regression: a broker may not yet report a topic that was just created. The first position was
// then on record without the id of the remote topic, and stayed so until the partition was placed
// again: a recreation went unnoticed, and the records of the deleted topic were missing without a
// line.
describe('the id of a remote topic that a broker reports after the first position', () => {
  const createUnnamed = async (policy: 'stop' | 'skip' = 'stop'): Promise<PartitionsFixture> => {
    const fixture = createPartitions(policy)
    const { partitions, target } = fixture
    target.hideTopic('east.orders')
    await partitions.setTopics(orders)
    await partitions.acquire([0])
    report(fixture, 0, laneEvent('running'), 10n)
    assert.equal(targetIdOf(fixture), undefined)
    target.showTopics()
    return fixture
  }

  test('is completed in a running partition, which a recreation then stops', async () => {
    const fixture = await createUnnamed()
    const { partition, partitions, target } = fixture
    await partitions.lookAtRemote()
    assert.equal(targetIdOf(fixture), 'east.orders-id-1')
    assert.equal(partition().state, 'assigned')
    target.addTopic('east.orders', 1)
    await partitions.lookAtRemote()
    report(fixture, 0, released)
    await settle()
    assert.equal(partition().trouble?.error.errorName, 'TOPIC_RECREATED')
  })

  test('is on record although no record was mirrored since', async () => {
    const { partitions, store } = await createUnnamed()
    await partitions.writeProgress()
    await partitions.lookAtRemote()
    await partitions.writeProgress()
    assert.equal(await targetIdOnRecord(store), 'east.orders-id-1')
  })

  test('is in the position that a decision about a fault puts on record', async () => {
    const fixture = await createUnnamed('skip')
    const { partition, store } = fixture
    report(fixture, 0, laneEvent('faulted',
      { code: 1014, detail: 'truncated', skipTo: 0n, skipRecords: 0n, skipEpoch: 0 }))
    await settle()
    assert.equal(partition().state, 'assigned')
    assert.equal(await targetIdOnRecord(store), 'east.orders-id-1')
  })
})

const targetIdOf = ({ partition }: PartitionsFixture): string | undefined =>
  partition().progress?.topicIds?.target

async function targetIdOnRecord (store: FakeProgressStore): Promise<string | undefined> {
  const { partitions } = await store.read(0)
  return partitions.get('orders/0')?.progress.topicIds?.target
}

const away = new ReplicatorError('CLUSTER_UNREACHABLE', 'west')
const otherId = laneEvent('faulted', { code: 103, detail: 'another topic id' })
const linesOf = ({ lines }: PartitionsFixture): readonly string[] =>
  lines.filter(line => /TOPIC_RECREATED|INCONSISTENT_TOPIC_ID/.test(line))

// The lane, the topic ids and the policy each worded the same event, and the policy repeated the
// words of the error. The decision waited for the ids of the target, which it does not need.
describe('a recreated topic while a cluster does not answer is one line', () => {
  const follow = async (fixture: PartitionsFixture): Promise<void> => {
    await fixture.partitions.lookAtResting().catch(() => {})
    await fixture.partitions.retryFaulted().catch(() => {})
    if (fixture.partition().state === 'recalled') report(fixture, 0, released)
    await settle()
    fixture.clock.skip(5_000)
  }

  test('with topic.recreated=stop, for which the source is enough', async () => {
    const fixture = await createRunning('stop')
    fixture.source.addTopic('orders', 1)
    fixture.target.error = away
    report(fixture, 0, otherId)
    await settle()
    assert.equal(fixture.partition().state, 'stopped')
    fixture.target.error = undefined
    await follow(fixture)
    const [line = '', ...more] = linesOf(fixture)
    assert.deepEqual(more, [])
    assert.match(line, /^error: orders-0 is faulted: A topic was recreated: the deleted source/)
    assert.equal(line.match(/was recreated/g)?.length, 1, line)
  })

  test('with topic.recreated=stop, if the source does not answer at first, too', async () => {
    const fixture = await createRunning('stop')
    fixture.source.addTopic('orders', 1)
    fixture.source.error = away
    fixture.target.error = away
    report(fixture, 0, otherId)
    await settle()
    assert.equal(fixture.partition().state, 'faulted')
    fixture.source.error = undefined
    await follow(fixture)
    await follow(fixture)
    assert.equal(fixture.partition().state, 'stopped')
    assert.deepEqual(linesOf(fixture).slice(1), [])
  })

  // The line told the operator to set what was set: the position could not be written.
  test('with topic.recreated=skip, which needs nothing of an operator', async () => {
    const fixture = await createRunning('skip')
    const { assigned, partition, source, store, target } = fixture
    source.addTopic('orders', 1)
    target.error = away
    store.beforeWrite = () => { throw away }
    report(fixture, 0, otherId)
    await settle()
    assert.equal(partition().state, 'faulted')
    await follow(fixture)
    const [line = '', ...more] = linesOf(fixture)
    assert.deepEqual(more, [])
    assert.match(line, /as topic\.recreated=skip is set, .* once both clusters answer/)
    target.error = undefined
    store.beforeWrite = () => {}
    await follow(fixture)
    assert.equal(partition().state, 'assigned')
    assert.equal(assigned.at(-1)?.upstream, 0n)
  })
})
