// A killed mirror continues exactly, each record once and in order, whatever happened to the
// target, the source and its batches meanwhile. Recorded progress is far behind in all cases, and
// in all tests but one the target's broker has forgotten the producer: only the log helps. All
// tests fail without `p->seam.records_left = found` in Resume::Finish (resume.cc).
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  crash, crashWithLateRequest, startLaggingMirror, topicCounter
} from '../integrity/crashed-mirror.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce, type ProducedRecord } from '../kafka/kafka-producer.ts'
import {
  alterTopicConfig, compactedTopicConfigs, deleteRecords, untilCompacted
} from '../kafka/partition-operations.ts'
import {
  forgetfulOfOldRecords, oldTimestamp, untilProducersForgotten
} from '../kafka/producer-state.ts'
import { dataBatches } from '../kafka/raw-log.ts'
import {
  assertSameRecords, countRecords, rawBatches, remoteOf, untilRecords
} from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import type { CleanUp, MirrorProcess, Properties } from './mirror-process.ts'
import { startClusters, type MirroredClusters } from './mirrored-clusters.ts'

describe('a mirror that was killed continues exactly', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({}, { proxied: true, config: forgetfulOfOldRecords })
  })
  after(async () => { await clusters.close() })

  test('among batches of other producers, before, between and after its own', async t => {
    const { source, target } = clusters
    await source.createTopic('shared')
    await target.createTopic('east.shared')
    const foreign = async (): Promise<void> => {
      await produce(target.bootstrapServers, 'east.shared', old(['foreign']))
    }
    const settings = { 'target.not.empty': 'begin' }
    await produce(source.bootstrapServers, 'shared', oldNumbers(0, 60), { batchRecordsMax: 10 })
    await foreign()
    for (let life = 0; life < 2; life++) {
      await crashAfter(t, 'shared', 2, settings)
      await foreign()
    }
    await finish(t, 'shared', { records: 63, resumed: 40 }, settings)
    assert.deepEqual((await valuesOn('east.shared')).filter(value => value !== 'foreign'),
      numbered(0, 60).map(({ value }) => value))
  })

  test('when retention or DeleteRecords trimmed the target', async t => {
    const { source, target } = clusters
    await source.createTopic('trimmed', { partitions: 3 })
    const more = async (from: number, to: number): Promise<void> => {
      for (const partition of [0, 1, 2]) {
        await produce(source.bootstrapServers, 'trimmed', oldNumbers(from, to, partition),
          { batchRecordsMax: 10 })
      }
    }
    await more(0, 30)
    const first = await startLaggingMirror(t, clusters, 'trimmed')
    await untilRecords(first, target, 'east.trimmed', 90)
    assert.equal((await first.stop()).code, 0)
    await more(30, 60)
    const second = await startLaggingMirror(t, clusters, 'trimmed')
    await untilRecords(second, target, 'east.trimmed', 180)
    await crash(clusters, second)
    // Before the recorded offset; between that and the last of its batches, inside a batch; all.
    const cuts = [20, 45, 60]
    for (const [partition, cut] of cuts.entries()) {
      await deleteRecords(target, 'east.trimmed', partition, cut)
      await untilProducersForgotten(target, 'east.trimmed', partition)
    }
    await more(60, 80)
    const third = await startLaggingMirror(t, clusters, 'trimmed')
    // For the last partition the log no longer shows the records after the recorded offset.
    await untilRecords(third, target, 'east.trimmed', 60 + 35 + 50)
    await untilCounted(third, 'trimmed', { resumed: 60, doubled: 30 })
    assert.match((await third.untilLogged('the doubles', ({ text }) =>
      text.startsWith('trimmed-2'))).text, /up to 30 records are mirrored twice/)
    assert.equal((await third.stop()).code, 0)
    for (const [partition, from] of [20, 45, 30].entries()) {
      assert.deepEqual(await valuesOn('east.trimmed', partition),
        numbered(from, 80).map(({ value }) => value))
    }
  })

  // More than the five batches by which a broker detects duplicates. Regression: sent again, they
  // were refused as out of order as long as the broker remembered the producer.
  test('when all its batches were trimmed, and only the broker remembers', async t => {
    const { source, target } = clusters
    await source.createTopic('remembered')
    const more = async (from: number, to: number): Promise<void> => {
      await produce(source.bootstrapServers, 'remembered', numbered(from, to),
        { batchRecordsMax: 5 })
    }
    await more(0, 30)
    const first = await startLaggingMirror(t, clusters, 'remembered')
    await untilRecords(first, target, 'east.remembered', 30)
    assert.equal((await first.stop()).code, 0)
    await more(30, 100)
    const second = await startLaggingMirror(t, clusters, 'remembered')
    await untilRecords(second, target, 'east.remembered', 100)
    await crash(clusters, second)
    await deleteRecords(target, 'east.remembered', 0, 100)
    await more(100, 120)
    const third = await startLaggingMirror(t, clusters, 'remembered')
    await untilRecords(third, target, 'east.remembered', 20)
    await untilCounted(third, 'remembered', { resumed: 70, doubled: 0 })
    assert.equal((await third.stop()).code, 0)
    assert.deepEqual(await valuesOn('east.remembered'),
      numbered(100, 120).map(({ value }) => value))
  })

  test('in the middle of batches that were compacted and are re-encoded', async t => {
    const { source } = clusters
    await source.createTopic('thin', { configs: compactedTopicConfigs })
    await produce(source.bootstrapServers, 'thin', updates(200),
      { codec: 'lz4', lingerMs: 50, batchRecordsMax: 20 })
    await untilCompacted(source, 'thin', 0)
    await alterTopicConfig(source, 'thin', neverCleaned)
    const records = recordsOf('thin')
    await crashAfter(t, 'thin', 3)
    const resumed = await countRecords(clusters.target, 'east.thin')
    assert.ok(resumed > 0 && resumed < records)
    await finish(t, 'thin', { records, resumed })
    await assertSameRecords(clusters, remoteOf('thin'))
  })

  test('in the middle of batches with append times, which are re-encoded', async t => {
    const { source } = clusters
    await source.createTopic('stamped', { configs: { 'message.timestamp.type': 'LogAppendTime' } })
    await produce(source.bootstrapServers, 'stamped', oldNumbers(0, 60),
      { codec: 'zstd', batchRecordsMax: 10 })
    // They are new, so the broker remembers them; the pieces must be the same.
    const proxy = await crashWithLateRequest(t, clusters, 'stamped', 3)
    proxy.reset()
    await finish(t, 'stamped', { records: 60, resumed: 30 })
    await assertSameRecords(clusters, remoteOf('stamped'))
  })

  test('in the middle of the pieces of a batch that had to be split', async t => {
    const { source, target } = clusters
    await source.createTopic('split')
    await target.createTopic('east.split', { configs: { 'max.message.bytes': '6000' } })
    await produce(source.bootstrapServers, 'split',
      numbered(0, 80).map(({ value, partition }) =>
        ({ value: value.padEnd(500), partition, timestamp: oldTimestamp })),
      { codec: 'none', lingerMs: 200, batchRecordsMax: 40 })
    const ends = new Set(dataBatches(rawBatches(source, 'split', 0))
      .map(({ lastOffset }) => lastOffset + 1))
    const crashedAt: number[] = []
    // Requests that are refused as too large also count, so that each life gets a little further.
    for (const answered of [3, 4, 5]) {
      await crashAfter(t, 'split', answered)
      crashedAt.push(await countRecords(target, 'east.split'))
    }
    assert.ok(crashedAt.some(count => count > 0 && !ends.has(count)), String(crashedAt))
    await finish(t, 'split', { records: 80, resumed: crashedAt.at(-1) ?? 0 })
    await assertSameRecords(clusters, remoteOf('split'))
  })

  test('or, if the source was compacted meanwhile, loses nothing and counts the duplicates',
    async t => {
      const { source } = clusters
      await source.createTopic('cleaned',
        { configs: { ...compactedTopicConfigs, ...neverCleaned } })
      await produce(source.bootstrapServers, 'cleaned', updates(100),
        { codec: 'lz4', lingerMs: 50, batchRecordsMax: 10 })
      await crashAfter(t, 'cleaned', 4)
      const before = await valuesOn('east.cleaned')
      await alterTopicConfig(source, 'cleaned', compactedTopicConfigs)
      await untilCompacted(source, 'cleaned', 0)
      await alterTopicConfig(source, 'cleaned', neverCleaned)
      await produce(source.bootstrapServers, 'cleaned', updates(40), { lingerMs: 50 })
      const left = (await readTopic(source.bootstrapServers, 'cleaned'))
        .map(({ value }) => String(value))
      const mirror = await startLaggingMirror(t, clusters, 'cleaned')
      await untilRecords(mirror, clusters.target, 'east.cleaned', before.length + left.length)
      await untilCounted(mirror, 'cleaned', { resumed: 0, doubled: before.length })
      assert.match((await mirror.untilLogged('the doubles', ({ text }) =>
        text.includes('mirrored twice'))).text, new RegExp(`up to ${before.length} records`))
      assert.equal((await mirror.stop()).code, 0)
      assert.deepEqual(await valuesOn('east.cleaned'), [...before, ...left])
    })

  /**
   * After this many answered Produce requests the mirror is killed; then the broker forgets the
   * producer.
   */
  async function crashAfter (
    t: CleanUp, topic: string, answered: number, settings: Properties = {}
  ): Promise<void> {
    const proxy = await crashWithLateRequest(t, clusters, topic, answered, settings)
    proxy.reset()
    await untilProducersForgotten(clusters.target, `east.${topic}`)
  }

  async function finish (
    t: CleanUp, topic: string, wanted: { readonly records: number, readonly resumed: number },
    settings: Properties = {}
  ): Promise<void> {
    const mirror = await startLaggingMirror(t, clusters, topic, settings)
    await untilRecords(mirror, clusters.target, `east.${topic}`, wanted.records)
    await untilCounted(mirror, topic, { resumed: wanted.resumed, doubled: 0 })
    assert.equal((await mirror.stop()).code, 0)
    assert.equal(await countRecords(clusters.target, `east.${topic}`), wanted.records)
  }

  async function valuesOn (remoteTopic: string, partition = 0): Promise<string[]> {
    const { target } = clusters
    return (await readTopic(target.bootstrapServers, remoteTopic, { partitions: [partition] }))
      .map(({ value }) => String(value))
  }

  function recordsOf (topic: string): number {
    return rawBatches(clusters.source, topic, 0).reduce((sum, batch) => sum + batch.recordCount, 0)
  }
})

const neverCleaned = {
  'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': String(2n ** 63n - 1n)
}

/** The counters of a resume. */
async function untilCounted (
  mirror: MirrorProcess, topic: string,
  wanted: { readonly resumed: number, readonly doubled: number }
): Promise<void> {
  let seen: object = {}
  await mirror.until(`counts of the resume of ${topic}`, async () => {
    const resumed = await topicCounter(mirror, 'records_resumed_total', topic) ?? 0
    const doubled = await topicCounter(mirror, 'records_doubled_total', topic) ?? 0
    seen = { resumed, doubled }
    return resumed === wanted.resumed && doubled === wanted.doubled
  }).catch((error: unknown) => {
    throw new Error(`${JSON.stringify(wanted)} wanted, ${JSON.stringify(seen)} seen`,
      { cause: error })
  })
}

function old (values: readonly string[], partition = 0): ProducedRecord[] {
  return values.map(value => ({ value, partition, timestamp: oldTimestamp }))
}

function oldNumbers (from: number, to: number, partition = 0): ProducedRecord[] {
  return old(numbered(from, to).map(({ value }) => value), partition)
}

/** Most of them with one of a few keys, so that compaction removes many. */
function updates (count: number): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: index % 5 === 0 ? `once-${index}` : `often-${index % 4}`,
    value: `value ${index}`,
    timestamp: oldTimestamp + index,
    partition: 0
  }))
}
