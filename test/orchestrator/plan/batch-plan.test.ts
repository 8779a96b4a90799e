// Sampled batches, and what the plan says about a topic because of them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClusterAdmin } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import type {
  BatchSample, SampledBatch, SampleRequest
} from '../../../src/orchestrator/cluster/cluster-samples.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { TargetClaims } from '../../../src/orchestrator/flow/target-claims.ts'
import {
  judgeBatches, planOfBatches, type TopicFacts
} from '../../../src/orchestrator/plan/batch-plan.ts'
import type { FlowLook } from '../../../src/orchestrator/plan/flow-check.ts'
import {
  sampledTopicsMax, sampleTopics, type SampledTopic
} from '../../../src/orchestrator/plan/batch-samples.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import type { TopicCheck } from '../../../src/orchestrator/topics/topic-check.ts'
import { createConfig } from '../config/create-config.ts'
import { silentLog } from '../observability/silent-log.ts'

const batch: SampledBatch = {
  baseOffset: 0n, lastOffset: 9n, records: 10, bytes: 500, maxTimestamp: 1n, magic: 2,
  codec: 'lz4', action: 'pass', reason: 'none'
}
const facts: TopicFacts = {
  remoteTopic: 'east.orders', batchBytesMax: 400, cleanupPolicy: 'delete', targetCodecs: []
}

function judge (batches: readonly SampledBatch[], more: Partial<TopicFacts> = {}) {
  return judgeBatches({ batches, hasRecords: true, problem: undefined }, { ...facts, ...more })
}

describe('the batches of a topic', () => {
  const large: SampledBatch = { ...batch, action: 'reencode', reason: 'too_large' }

  test('pass, are re-encoded, or some of both', () => {
    assert.equal(judge([batch, batch]).verdict, 'pass')
    assert.equal(judge([large]).verdict, 're-encode')
    const { passing, reasons, sampled, verdict, why } = judge([batch, large, batch])
    assert.deepEqual({ passing, reasons, sampled, verdict },
      { passing: 2, reasons: { too_large: 1 }, sampled: 3, verdict: 'mixed' })
    assert.match(why.join(), /1 of 3 .*larger \(up to 500 bytes\) than max\.message\.bytes=400/)
  })

  test('do not count if they are control batches or aborted', () => {
    const control: SampledBatch = { ...batch, action: 'drop', reason: 'control' }
    assert.equal(judge([batch, control]).sampled, 1)
    assert.equal(judge([control]).verdict, 'unknown')
  })

  test('are re-encoded in another codec if the target does not accept theirs', () => {
    const targetCodecs = ['none', 'gzip']
    const { reasons, why } = judge([batch], { targetCodecs })
    assert.deepEqual(reasons, { codec: 1 })
    assert.match(why.join(), /accepts only none, gzip/)
    assert.deepEqual(judge([{ ...batch, codec: 'gzip' }], { targetCodecs }).reasons, {})
  })

  test('of a compacted topic that pass now may be thinned later', () => {
    assert.match(judge([batch], { cleanupPolicy: 'compact,delete' }).why.join(), /the cleaner/)
    const thinned: SampledBatch = { ...batch, action: 'reencode', reason: 'compacted' }
    assert.match(judge([thinned], { cleanupPolicy: 'compact' }).why.join(), /has removed records/)
  })

  test('are unknown if the topic has records of which none could be read', () => {
    const unread = { batches: [], hasRecords: true, problem: 'no READ' }
    const { verdict, why } = judgeBatches(unread, facts)
    assert.deepEqual([verdict, why], ['unknown', ['no READ']])
    assert.equal(judgeBatches({ ...unread, hasRecords: false, problem: undefined }, facts).verdict,
      'no records')
  })
})

/** Partitions of 100 records; every topic is led by broker 1. */
class SampledCluster {
  readonly requests: SampleRequest[] = []
  /** Partitions with batches that only a request for them alone returns. */
  readonly large = new Set<string>()
  failing = false
  starts = 0n

  admin (): ClusterAdmin { return this as unknown as ClusterAdmin }

  async describeTopics (names: readonly string[]) {
    return names.map(name => ({
      name,
      partitions: Array.from({ length: 20 }, (_, partition) => ({ partition, leader: 1 }))
    }))
  }

  async listOffsets (
    wanted: ReadonlyArray<{ readonly topic: string, readonly partition: number, at: string }>
  ) {
    return wanted.map(({ at, ...each }) =>
      ({ ...each, offset: at === 'earliest' ? this.starts : 100n, error: undefined }))
  }

  async sampleBatches (request: SampleRequest): Promise<BatchSample> {
    this.requests.push(request)
    if (this.failing) throw new ReplicatorError('CLUSTER_UNREACHABLE', 'east')
    const partitions = request.partitions.map(({ offset, partition, topic }, i) => ({
      topic,
      partition,
      batches: i > 0 && this.large.has(topic) ? [] : [{ ...batch, baseOffset: offset }],
      error: undefined
    }))
    return { throttleMs: 0, bytes: 1, elapsedMs: 1, partitions }
  }
}

const signal = new AbortController().signal

/** The target has no topics; its broker allows 1 MiB. Batches of the source have 500 bytes. */
function lookAt (source: SampledCluster): FlowLook {
  const [config] = createConfig().flows
  assert.ok(config !== undefined)
  const entry = (name: string, value: string) => ({ name, value })
  const describe = (own: ReturnType<typeof entry>) => async (
    resources: ReadonlyArray<{ readonly name: string }>
  ) => resources.map(({ name }) => ({ name, entries: [own], error: undefined }))
  const clusters = {
    source: Object.assign(source, { describeConfigs: describe(entry('cleanup.policy', 'delete')) }),
    target: {
      describeConfigs: describe(entry('message.max.bytes', String(1024 * 1024))),
      requestVersions: async () => []
    },
    targetDescription: { brokers: [{ id: 1 }] }
  }
  return {
    config, clusters, flows: [config], claims: new TargetClaims(), log: silentLog,
    clock: systemClock, signal
  } as unknown as FlowLook
}

/** A check of topics of which the target has none yet. */
function checkOf (
  created: ReadonlyMap<string, Readonly<Record<string, string>>>, ...names: readonly string[]
): TopicCheck {
  return {
    created,
    topics: names.map(topic =>
      ({ topic, remoteTopic: `A.${topic}`, sourcePartitions: 1, targetPartitions: 0 }))
  } as unknown as TopicCheck
}

describe('the limit of a batch on a topic that a start would create', () => {
  // Without the settings of the new topic the default of the broker would count, and the plan would
  // promise that larger batches pass.
  test('is that of the new topic, and otherwise the default of the broker', async () => {
    const source = new SampledCluster()
    const limits = new Map<string, number>()
    const read = source.sampleBatches.bind(source)
    source.sampleBatches = async request => {
      for (const { batchBytesMax, topic } of request.partitions) limits.set(topic, batchBytesMax)
      return await read(request)
    }
    await planOfBatches(lookAt(source), checkOf(
      new Map([['small', { 'max.message.bytes': '400' }]]), 'small', 'plain'))
    assert.deepEqual(Object.fromEntries(limits), { small: 400, plain: 1024 * 1024 })
  })
})

function topics (count: number, partitions = 3): readonly SampledTopic[] {
  return Array.from({ length: count }, (_, i) => ({
    topic: `topic-${i}`, partitions, batchBytesMax: 0, keepsProducerTimestamps: false
  }))
}

describe('sampling', () => {
  test('looks at begin, middle and end of the first, middle and last partition', async () => {
    const cluster = new SampledCluster()
    const samples = await sampleTopics(cluster.admin(), topics(1, 20), signal)
    assert.deepEqual(
      cluster.requests.map(({ partitions }) => partitions.map(({ offset, partition }) =>
        `${partition}@${offset}`).join(' ')),
      ['0@0 10@0 19@0', '0@50 10@50 19@50', '0@99 10@99 19@99'])
    assert.equal(samples.get('topic-0')?.batches.length, 9)
  })

  // Regression: a Fetch returns a batch beyond the limit only for its first partition with records,
  // so topics of large batches looked as if they could not be read.
  test('asks alone for a partition whose batch is larger than the limit', async () => {
    const cluster = new SampledCluster()
    cluster.large.add('topic-1')
    const samples = await sampleTopics(cluster.admin(), topics(2, 1), signal)
    assert.equal(samples.get('topic-1')?.batches.length, 3)
    assert.equal(cluster.requests.length, 6)
  })

  test('is bounded, however many topics and partitions there are', async () => {
    const cluster = new SampledCluster()
    const samples = await sampleTopics(cluster.admin(), topics(2 * sampledTopicsMax, 20), signal)
    assert.equal(samples.size, sampledTopicsMax)
    assert.equal(cluster.requests.length, 3 * Math.ceil(sampledTopicsMax * 3 / 64))
    assert.ok(cluster.requests.every(({ partitions }) => partitions.length <= 64))
  })

  test('an empty log is not read, and a leader without an answer is a problem of its topics',
    async () => {
      const cluster = new SampledCluster()
      cluster.starts = 100n
      const empty = await sampleTopics(cluster.admin(), topics(1), signal)
      assert.equal(empty.get('topic-0')?.hasRecords, false)
      assert.equal(cluster.requests.length, 0)
      cluster.starts = 0n
      cluster.failing = true
      const { batches, problem } = (await sampleTopics(cluster.admin(), topics(1), signal))
        .get('topic-0') ?? {}
      assert.deepEqual(batches, [])
      assert.match(problem ?? '', /CLUSTER_UNREACHABLE/)
    })
})
