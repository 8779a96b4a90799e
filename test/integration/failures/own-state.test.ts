// Longhaul's own state in Kafka is deleted: the progress topic, the producer id in it, the consumer
// group. No record is lost or duplicated, and a process writes state again that it still has in
// memory.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { decodeProgress, withHistory } from '../../../src/orchestrator/progress/progress-record.ts'
import { partitionKey } from '../../../src/orchestrator/progress/progress.ts'
import { batchesOnTarget } from '../../integrity/crashed-mirror.ts'
import { evictMembers } from '../../kafka/consumer-group.ts'
import { readTopic, type ConsumedRecord } from '../../kafka/kafka-consumer.ts'
import { produce, type ProducedRecord } from '../../kafka/kafka-producer.ts'
import {
  encodeVersion1, encodeVersion1Producer
} from '../../orchestrator/progress/version-1-record.ts'
import { countRecords, untilRecords } from '../comparison.ts'
import { LoadedFlow, untilOwned } from '../loaded-flow.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type CleanUp, type MirrorProcess, type Properties
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { untilCounted } from './fault-probe.ts'

const progressTopic = 'longhaul-progress.east.internal'
const group = 'longhaul.east->west'
const producerKey = '{"producer":true}'
const partitions = 4
const slots = 8

/** A topic's positions and the producer id, as a build of version 1 would have written them. */
function inVersion1 (
  records: readonly ConsumedRecord[], topic: string
): { readonly old: readonly ProducedRecord[], readonly upstreamSum: number } {
  const newest = new Map(records.map(record => [String(record.key), record]))
  const entries = [...newest.values()].flatMap(({ key, partition, value }) => {
    const entry = decodeProgress(key, value)
    return entry === undefined ? [] : [{ entry, slot: partition }]
  })
  const histories = new Map(entries.flatMap(({ entry }) =>
    entry.kind === 'history' ? [[partitionKey(entry.source), entry.history]] : []))
  const old: ProducedRecord[] = []
  let upstreamSum = 0n
  for (const { entry, slot } of entries) {
    if (entry.kind === 'producer') {
      old.push({ partition: slot, ...encodeVersion1Producer(entry.producer) })
    } else if (entry.kind === 'position' && entry.source.topic === topic) {
      const { producerId, source } = entry
      const progress = withHistory(entry.progress, histories.get(partitionKey(source)))
      old.push({ partition: slot, ...encodeVersion1(source, progress, producerId) })
      upstreamSum += progress.upstream
    }
  }
  assert.equal(old.length, partitions + 1)
  return { old, upstreamSum: Number(upstreamSum) }
}

async function untilPaused (mirror: MirrorProcess): Promise<void> {
  await mirror.untilLogged('the pause', ({ text }) => text.startsWith('other is paused by'))
}

describe('faults of the own state', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const createFlow = async (t: CleanUp, topic: string): Promise<LoadedFlow> =>
    await LoadedFlow.create(t, clusters, topic, { partitions }, { 'task.slots': slots })

  const assertOneProducer = (topic: string): void => {
    const ids = new Set(Array.from({ length: partitions }, (_, partition) =>
      batchesOnTarget(clusters, topic, partition).map(({ producerId }) => producerId)).flat())
    assert.equal(ids.size, 1)
  }

  test('a progress topic deleted under running processes is written again by them', async t => {
    const flow = await createFlow(t, 'deleted')
    const first = await flow.start()
    await flow.more(first)
    const second = await flow.start()
    await untilOwned(first, 2)
    await untilOwned(second, 2)
    // A process owns slots before it has read their positions. Only then can it write them again:
    // on a busy machine the topic was deleted in between, and a partition was left without any.
    await second.untilLogged('acquired slots', ({ text }) => text === 'acquired slots')
    // Of no topic that exists: the record alone counts here.
    const said = await flow.run('pause', ['--topic', 'other', '--reason', 'a test'])
    assert.equal(said.exit.code, 0, said.stderr)
    for (const mirror of [first, second]) await untilPaused(mirror)
    await clusters.target.admin.deleteTopic(progressTopic)
    for (const mirror of [first, second]) {
      await mirror.untilLogged('PROGRESS_DELETED', ({ text }) => text.includes('PROGRESS_DELETED'))
      await untilCounted(mirror, 'PROGRESS_DELETED')
    }
    await flow.more(first)
    // Killed, so that the next process finds only records that were written again.
    await Promise.all([first.kill(), second.kill()])
    await evictMembers(clusters.target, group)
    const third = await flow.start()
    await untilPaused(third)
    await flow.more(third)
    await flow.finish(third)
    assert.equal((await third.stop()).code, 0)
    assertOneProducer('deleted')
  })

  test('a producer id whose record is gone is found again in progress', async t => {
    const { target } = clusters
    const flow = await createFlow(t, 'tombstoned')
    const first = await flow.start()
    await flow.more(first)
    assert.equal((await first.stop()).code, 0)
    // The state after a tombstone was compacted: all records but that of the id.
    const kept = (await readTopic(target.bootstrapServers, progressTopic))
      .filter(({ key }) => key?.toString() !== producerKey)
    await target.admin.deleteTopic(progressTopic)
    await target.createTopic(progressTopic,
      { partitions: slots, configs: { 'cleanup.policy': 'compact' } })
    await produce(target.bootstrapServers, progressTopic,
      kept.map(({ key, partition, value }) => ({ key, partition, value })))
    const second = await flow.start()
    await flow.more(second)
    await flow.finish(second)
    assert.equal((await second.stop()).code, 0)
    assertOneProducer('tombstoned')
  })

  test('of two producer ids on record the first one counts', async t => {
    const { target } = clusters
    const flow = await createFlow(t, 'twice')
    const first = await flow.start()
    await flow.more(first)
    await produce(target.bootstrapServers, progressTopic, [{
      partition: 0, key: producerKey, value: '{"version":1,"producerId":"4711","producerEpoch":0}'
    }])
    await first.kill()
    await evictMembers(target, group)
    const second = await flow.start()
    await flow.more(second)
    await flow.finish(second)
    assert.equal((await second.stop()).code, 0)
    assertOneProducer('twice')
  })

  test('progress of version 1 is continued at its positions, in version 2', async t => {
    const { source, target } = clusters
    const flow = await createFlow(t, 'versioned')
    const first = await flow.start()
    await flow.more(first)
    assert.equal((await first.stop()).code, 0)
    const { old, upstreamSum } = inVersion1(
      await readTopic(target.bootstrapServers, progressTopic), 'versioned')
    await target.admin.deleteTopic(progressTopic)
    await target.createTopic(progressTopic,
      { partitions: slots, configs: { 'cleanup.policy': 'compact' } })
    await produce(target.bootstrapServers, progressTopic, old)
    const second = await flow.start()
    await flow.more(second)
    await flow.finish(second)
    assert.equal((await second.stop()).code, 0)
    const forwarded = second.summary().flows[0]?.records
    assert.equal(forwarded, await countRecords(source, 'versioned') - upstreamSum)
    assertOneProducer('versioned')
    const newest = new Map((await readTopic(target.bootstrapServers, progressTopic))
      .map(({ key, value }) => [String(key), String(value)]))
    for (const { key } of old) {
      assert.match(newest.get(String(key)) ?? 'no record', /^\{"version":2,/, String(key))
    }
    assert.ok(newest.has('{"topic":"versioned","partition":0,"history":true}'))
  })

  test('a deleted group costs no record, because it holds no offsets', async t => {
    const flow = await createFlow(t, 'ungrouped')
    const first = await flow.start()
    await flow.more(first)
    assert.equal((await first.stop()).code, 0)
    await clusters.target.runTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
      ['--delete', '--group', group])
    const second = await flow.start()
    await flow.more(second)
    await flow.finish(second)
    assert.equal((await second.stop()).code, 0)
  })

  // Regression: two deployments with `clusters = source, target` shared one group, and each of them
  // mirrored half of its partitions, without an error. The last test here, because it changes the
  // record.
  test('another cluster behind the alias is refused, until its id is accepted', async t => {
    const { source, target } = clusters
    const flow = await createFlow(t, 'changed')
    const first = await flow.start()
    await flow.more(first)
    const elsewhere = (more: Properties = {}): string =>
      createPropertiesFile(t, flowProperties(clusters, {
        'east.bootstrap.servers': target.bootstrapServers,
        'east->west.topics': 'elsewhere',
        'task.slots': slots,
        ...more
      }))
    const second = spawnMirror(t, elsewhere())
    assert.equal((await second.untilExit()).code, 3)
    const { text } = await second.untilLogged('the refusal', line =>
      line.text.includes('CLUSTER_CHANGED'))
    const [, other = '', recorded] =
      /east is cluster (\S+) now, and \S+ on west was written for east as cluster (\S+)/
        .exec(text) ?? []
    assert.notEqual(other, recorded, text)
    assert.match(text, /accepted\.cluster\.id/)
    await flow.more(first)
    await flow.finish(first)
    assert.equal((await first.stop()).code, 0)

    const third = await startMirror(t, elsewhere({ 'accepted.cluster.id': other }))
    await target.createTopic('elsewhere')
    await produce(target.bootstrapServers, 'elsewhere', [{ value: 'one', partition: 0 }])
    await untilRecords(third, target, 'east.elsewhere', 1)
    assert.equal((await third.stop()).code, 0)
    assert.equal((await source.admin.topicNames()).includes('elsewhere'), false)
  })
})
