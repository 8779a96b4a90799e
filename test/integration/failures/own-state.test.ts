// What Longhaul keeps in Kafka about itself is taken away: the progress topic, the producer id in
// it, the consumer group. Nothing is lost, nothing comes twice, and where a process still knows
// what was lost it writes it again.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { batchesOnTarget } from '../../integrity/crashed-mirror.ts'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { LoadedFlow, untilOwned } from '../loaded-flow.ts'
import type { CleanUp } from '../mirror-process.ts'
import { startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { untilCounted } from './fault-probe.ts'

const progressTopic = 'longhaul-progress.east.internal'
const group = 'longhaul.east->west'
const producerKey = '{"producer":true}'
const partitions = 4
const slots = 8

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
    await clusters.target.admin.deleteTopic(progressTopic)
    for (const mirror of [first, second]) {
      await mirror.untilLogged('PROGRESS_DELETED', ({ text }) => text.includes('PROGRESS_DELETED'))
      await untilCounted(mirror, 'PROGRESS_DELETED')
    }
    await flow.more(first)
    // Without a word, so that who comes next has only what was written again.
    await Promise.all([first.kill(), second.kill()])
    const third = await flow.start()
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
    // What is left when a tombstone was compacted: all but the record of the id.
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
    const second = await flow.start()
    await flow.more(second)
    await flow.finish(second)
    assert.equal((await second.stop()).code, 0)
    assertOneProducer('twice')
  })

  test('a deleted group costs nothing, as it holds no offsets', async t => {
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
})
