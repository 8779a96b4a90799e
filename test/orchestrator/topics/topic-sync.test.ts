// Remote topics are created and given partitions like their source topics, in bounded requests; an
// error of one topic is a problem of that topic alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  syncTopicsOnce, type TopicSyncOptions, type TopicSyncResult
} from '../../../src/orchestrator/topics/topic-sync.ts'
import { TopicRemarks } from '../../../src/orchestrator/topics/topic-remarks.ts'
import { createFlow } from '../config/create-config.ts'
import { TopicsCluster, unknownSettings, type FakeTopic } from './topics-cluster.ts'

interface Clusters {
  readonly source: TopicsCluster
  readonly target: TopicsCluster
}

function createClusters (
  source: Readonly<Record<string, FakeTopic>>, target: Readonly<Record<string, FakeTopic>> = {}
): Clusters {
  return { source: new TopicsCluster('A', source), target: new TopicsCluster('B', target) }
}

async function sync (
  { source, target }: Clusters, more: Partial<TopicSyncOptions> = {}
): Promise<TopicSyncResult> {
  const { topics, configProperties } = createFlow()
  return await syncTopicsOnce({
    source: source.admin(),
    target: target.admin(),
    selection: topics,
    replicationFactor: 1,
    configProperties,
    claim: () => undefined,
    mayChange: () => true,
    validateOnly: false,
    signal: new AbortController().signal,
    ...more
  })
}

const numbered = (count: number): Record<string, FakeTopic> => Object.fromEntries(
  Array.from({ length: count }, (_, index) => [`topic-${index}`, { partitions: 3 }]))

test('missing topics are created, short ones get partitions, others are not changed', async () => {
  const clusters = createClusters(
    {
      new: { partitions: 2, configs: { 'retention.ms': '5' } },
      short: { partitions: 4 },
      full: { partitions: 1 }
    },
    { 'A.short': { partitions: 3 }, 'A.full': { partitions: 6 } })
  const { onSource, planned, ...result } = await sync(clusters)
  assert.equal(planned.length, 3)
  assert.deepEqual(onSource, new Map([['new', 2], ['short', 4], ['full', 1]]))
  assert.deepEqual(result, {
    topics: [
      { topic: 'new', remoteTopic: 'A.new', partitions: 2 },
      { topic: 'short', remoteTopic: 'A.short', partitions: 4 },
      { topic: 'full', remoteTopic: 'A.full', partitions: 1 }
    ],
    problems: [],
    unsettled: [],
    warnings: [],
    refused: [],
    leftOut: [],
    unknown: [],
    created: new Map([['new', { 'retention.ms': '5' }]]),
    grown: ['short']
  })
  assert.deepEqual(clusters.target.topics.get('A.new'),
    { partitions: 2, configs: { 'retention.ms': '5' } })
  assert.equal(clusters.target.topics.get('A.short')?.partitions, 4)
})

// Regression: INVALID_CONFIG for message.downconversion.enable, which Kafka 4 does not know,
// prevented that a topic of a Kafka 3 cluster was mirrored.
test('a setting that the target refuses is left out, and one warning names it', async () => {
  const configs = { 'message.downconversion.enable': 'false', 'cleanup.policy': 'compact' }
  const clusters = createClusters(Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e'].map(topic => [topic, { partitions: 1, configs }])))
  clusters.target.refuse = unknownSettings('message.downconversion.enable')
  const result = await sync(clusters)
  assert.equal(result.topics.length, 5)
  assert.deepEqual([result.problems, result.unsettled], [[], []])
  assert.deepEqual(clusters.target.topics.get('A.a')?.configs, { 'cleanup.policy': 'compact' })
  assert.equal(result.warnings.length, 1)
  assert.match(result.warnings[0]?.message ?? '',
    /message\.downconversion\.enable=false of a, b, c and 2 more: Unknown topic config name/)
})

test('topics with refused settings share the requests that find them', async () => {
  const clusters = createClusters(Object.fromEntries(Array.from({ length: 100 }, (_, index) =>
    [`t${index}`, { partitions: 1, configs: { [`odd.${index % 2}`]: '1', fine: '2' } }])))
  clusters.target.refuse = unknownSettings('odd.1')
  await sync(clusters)
  const requests = clusters.target.requests.filter(request => /^(check|create)/.test(request))
  assert.equal(requests[0], 'createTopics(100)')
  assert.ok(requests.slice(1, -1).every(request => request === 'check(50)'), requests.join())
  assert.equal(requests.at(-1), 'createTopics(50)')
  assert.ok(requests.length <= 2 + 2 * 2 + 5)
})

// Regression: without DESCRIBE_CONFIGS a compacted topic was created with the defaults of the
// target, which delete its records after a week.
test('a topic whose settings cannot be read is a problem and is not created', async () => {
  const clusters = createClusters({ open: { partitions: 1 }, closed: { partitions: 1 } })
  clusters.source.hidden.set('closed', 'TOPIC_AUTHORIZATION_FAILED')
  const result = await sync(clusters)
  assert.deepEqual(result.topics.map(({ topic }) => topic), ['open'])
  assert.deepEqual(result.problems.map(({ topic, error }) => [topic, error.errorName]),
    [['closed', 'TOPIC_SETTINGS_UNREADABLE']])
  assert.deepEqual(result.unsettled, ['closed'])
  assert.equal(clusters.target.topics.has('A.closed'), false)
})

test('a topic that the target refuses for another reason is a problem with that text', async () => {
  const clusters = createClusters({ good: { partitions: 1 }, bad: { partitions: 1 } })
  clusters.target.refuse = ({ name }) => name === 'A.bad'
    ? new ReplicatorError('POLICY_VIOLATION', 'no topics named bad')
    : undefined
  const { problems, topics, unsettled } = await sync(clusters)
  assert.deepEqual(topics.map(({ topic }) => topic), ['good'])
  assert.deepEqual(problems.map(({ topic }) => topic), ['bad'])
  assert.match(problems[0]?.error.message ?? '', /A\.bad on B: .*no topics named bad/)
  assert.deepEqual(unsettled, ['bad'])
})

test('2,000 new topics are created in requests of bounded size', async () => {
  const clusters = createClusters(numbered(2_000))
  const result = await sync(clusters)
  assert.equal(result.topics.length, 2_000)
  assert.equal(result.created.size, 2_000)
  assert.deepEqual([result.problems, result.unsettled, result.warnings], [[], [], []])
  const sizes = [...clusters.source.requests, ...clusters.target.requests]
    .filter(request => !request.startsWith('list'))
    .map(request => Number(/\d+/.exec(request)?.[0]))
  assert.ok(Math.max(...sizes) <= 200, sizes.join())
})

test('a request that fails completely ends the call: topics that were created before are mirrored',
  async () => {
    const clusters = createClusters(numbered(500))
    let creations = 0
    clusters.target.beforeRequest = name => {
      if (name === 'createTopics' && ++creations > 1) {
        throw new ReplicatorError('CLUSTER_UNREACHABLE', 'cluster B')
      }
    }
    const result = await sync(clusters)
    assert.equal(result.topics.length, 200)
    assert.equal(result.unsettled.length, 300)
    assert.deepEqual(result.problems, [])
    assert.deepEqual(result.warnings.map(({ errorName }) => errorName), ['CLUSTER_UNREACHABLE'])
    assert.equal(creations, 2)
  })

test('a topic that another process created meanwhile is mirrored, and is not counted as created',
  async () => {
    const clusters = createClusters({ both: { partitions: 2 } })
    clusters.target.beforeRequest = name => {
      if (name === 'createTopics') clusters.target.topics.set('A.both', { partitions: 2 })
    }
    const result = await sync(clusters)
    assert.deepEqual(result.topics.map(({ partitions }) => partitions), [2])
    assert.deepEqual([result.created.size, result.problems, result.unsettled], [0, [], []])
  })

test('a process changes only the topics that it may change, and looks again for the others',
  async () => {
    const clusters = createClusters(
      { ours: { partitions: 1 }, theirs: { partitions: 1 }, grows: { partitions: 3 } },
      { 'A.grows': { partitions: 2 } })
    const mayChange = (topic: string): boolean => topic === 'ours'
    const first = await sync(clusters, { mayChange })
    assert.deepEqual(first.topics.map(({ topic, partitions }) => [topic, partitions]),
      [['ours', 1], ['grows', 2]])
    assert.deepEqual([first.problems, first.unsettled], [[], ['theirs', 'grows']])
    assert.deepEqual([...clusters.target.topics.keys()], ['A.grows', 'A.ours'])
    await sync(clusters)
    const second = await sync(clusters, { mayChange })
    assert.deepEqual(second.topics.map(({ partitions }) => partitions), [1, 1, 3])
    assert.deepEqual(second.unsettled, [])
  })

test('an abort ends the call before its next request', async () => {
  const clusters = createClusters(numbered(500))
  const stopping = new AbortController()
  clusters.target.beforeRequest = name => { if (name === 'createTopics') stopping.abort() }
  await assert.rejects(sync(clusters, { signal: stopping.signal }), { name: 'AbortError' })
  assert.equal(clusters.target.topics.size, 200)
})

test('a partition count that the target refuses to raise is named, and the others are mirrored',
  async () => {
    const clusters = createClusters({ broad: { partitions: 3 } }, { 'A.broad': { partitions: 1 } })
    clusters.target.hidden.set('A.broad', 'TOPIC_AUTHORIZATION_FAILED')
    const { problems, topics, unsettled } = await sync(clusters)
    assert.deepEqual(topics.map(({ partitions }) => partitions), [1])
    assert.match(problems[0]?.error.message ?? '',
      /A\.broad on B has 1 partitions, broad on A has 3, and B refuses to add partitions/)
    assert.deepEqual(unsettled, ['broad'])
  })

test('topics that are not mirrored are returned with the reason, also missing ones', async () => {
  const names = ['orders', 'B.orders', 'x.audit', '__x', 'other']
  const clusters = createClusters(
    Object.fromEntries(names.map(name => [name, { partitions: 1 }])))
  const flow = createFlow(
    ['A->B.topics = .*orders, x\\\\.audit, __x, gone', 'A->B.topics.exclude = x.*'])
  const result = await sync(clusters, { selection: flow.topics })
  assert.deepEqual(result.leftOut, [
    { topic: 'B.orders', verdict: 'cycle' },
    { topic: 'x.audit', verdict: 'excluded' },
    { topic: '__x', verdict: 'internal' },
    { topic: 'other', verdict: 'not matched' }
  ])
  assert.deepEqual(result.unknown, ['gone'])
  const remarks = new TopicRemarks(flow)
  const made = remarks.newAbout(result)
  assert.deepEqual(made, [
    'A->B does not mirror B.orders: an alias in the name says that the topic came from A or B, ' +
      'and copies of copies would never end',
    'topics names x.audit, which is not mirrored: topics.exclude matches it',
    'topics names __x, which is not mirrored: its name is that of an internal topic',
    'topics names gone, and A shows no topic of this name'
  ])
  assert.deepEqual(remarks.newAbout(result), [], 'each is made once')
})

// Regression: a policy with a mistyped topic name had no effect, and no line reported it.
test('a setting of a missing topic is logged once, with the nearest name', async () => {
  const clusters = createClusters({ orders: { partitions: 1 } })
  const flow = createFlow([
    'A->B.topic.oders.data.loss = skip', 'A->B.topic.orders.data.loss = skip',
    'A->B.topic.unlike.corrupt.batch = skip'
  ])
  const result = await sync(clusters, { selection: flow.topics })
  const remarks = new TopicRemarks(flow)
  assert.deepEqual(remarks.newAbout(result), [
    'A->B.topic.oders.data.loss: A shows no topic oders; the topic orders has a similar name',
    'A->B.topic.unlike.corrupt.batch: A shows no topic unlike'
  ])
  assert.deepEqual(remarks.newAbout(result), [])
})

test('a remote name that is too long is a problem that no other attempt can end', async () => {
  const clusters = createClusters({ ['x'.repeat(248)]: { partitions: 1 } })
  const { problems, unsettled } = await sync(clusters)
  assert.deepEqual(problems.map(({ error }) => error.errorName), ['REMOTE_NAME_TOO_LONG'])
  assert.deepEqual(unsettled, [])
  assert.equal(clusters.target.topics.size, 0)
})

// Two source topics with one remote topic would be written with one producer id and the same
// sequences: the target would treat records of one as duplicates of the other.
test('of topics with the same name in topic.rename one is mirrored, always the same', async () => {
  const { topics } = createFlow(['topic.rename = .*-(orders)@$1'])
  for (const names of [['a-orders', 'b-orders'], ['b-orders', 'a-orders']]) {
    const { problems, topics: mirrored } = await sync(
      createClusters(Object.fromEntries(names.map(name => [name, { partitions: 1 }]))),
      { selection: topics })
    assert.deepEqual(mirrored.map(({ remoteTopic, topic }) => [topic, remoteTopic]),
      [['a-orders', 'orders']])
    assert.deepEqual(problems.map(({ error, topic }) => [topic, error.errorName]),
      [['b-orders', 'DUPLICATE_TARGET_TOPIC']])
    assert.match(problems[0]?.error.message ?? '', /topic\.rename calls a-orders orders, too/)
  }
})

test('no topic is renamed to an internal one', async () => {
  // Longhaul's heartbeats would be between the records.
  for (const name of ['__consumer_offsets', 'heartbeats', 'A.checkpoints.internal']) {
    const { topics } = createFlow([`topic.rename = orders@${name}`])
    const { problems, topics: mirrored } = await sync(
      createClusters({ orders: { partitions: 1 } }), { selection: topics })
    assert.deepEqual(mirrored, [])
    assert.deepEqual(problems.map(({ error }) => error.errorName), ['REMOTE_NAME_RESERVED'], name)
  }
})
