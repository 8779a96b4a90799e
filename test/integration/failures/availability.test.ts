// Brokers fail while records flow, more than the clusters can tolerate: the mirror waits
// where it must, reports the reason, and continues without loss or duplicates.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import {
  forgetfulOfOldRecords, oldTimestamp, untilProducersForgotten
} from '../../kafka/producer-state.ts'
import { untilRecords } from '../comparison.ts'
import { startLoadedMirror } from '../loaded-mirror.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type MirrorProcess
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { errorsOf, numbered, untilCounted, untilEachAdvances } from './fault-probe.ts'

const partitions = 6
// A leader with too few followers keeps the batches that it has appended, and answers after this
// time.
const impatient = { 'request.timeout.ms': 5000 }
const durable = { configs: { 'min.insync.replicas': '2' } }

describe('clusters of which a part or the whole fails', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters(
      { brokers: 3 }, { brokers: 3, config: forgetfulOfOldRecords })
  })
  after(async () => { await clusters.close() })

  test('partitions with too few replicas in sync wait, and the others continue', async t => {
    const { target } = clusters
    const topic = 'under-replicated'
    const { finish, mirror, more, remoteTopic } = await startLoadedMirror(t, clusters, {
      topic,
      partitions,
      sourceTopic: durable,
      targetTopic: { ...durable, replicationFactor: 2 },
      properties: impatient
    })
    await more()
    const replicas = await target.admin.replicasOf(remoteTopic)
    const away = 3
    const partitionsThat = (isWanted: (ids: readonly number[]) => boolean): number[] =>
      replicas.flatMap((ids, partition) => isWanted(ids) ? [partition] : [])
    const waiting = partitionsThat(ids => ids.includes(away))
    const sound = partitionsThat(ids => !ids.includes(away))
    assert.ok(waiting.length > 0 && sound.length > 0, JSON.stringify(replicas))
    await target.broker(away).kill()
    await mirror.untilLogged('partitions that wait', ({ error, level }) =>
      level === 'warn' && error === 'NOT_ENOUGH_REPLICAS')
    await untilCounted(mirror, 'NOT_ENOUGH_REPLICAS')
    await untilEachAdvances(mirror, target, remoteTopic, sound, 100)
    await target.broker(away).start()
    await more()
    await finish()
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  })

  // Regression: the batch is after the high watermark, where no reader sees it, and the leader
  // forgets producers of old records from time to time: the batch was sent and appended again.
  test('a batch that only its leader has, who forgot the producer, is waited for', async t => {
    const { source, target } = clusters
    const topic = 'half-there'
    const remoteTopic = `east.${topic}`
    const write = async (from: number, to: number): Promise<void> => {
      await produce(source.bootstrapServers, topic,
        numbered(from, to).map(record => ({ ...record, timestamp: oldTimestamp })))
    }
    await source.createTopic(topic)
    await target.createTopic(remoteTopic, { ...durable, replicationFactor: 2 })
    const file = createPropertiesFile(t,
      flowProperties(clusters, { ...impatient, 'east->west.topics': topic }))
    const first = await startMirror(t, file)
    await write(0, 30)
    await untilRecords(first, target, remoteTopic, 30)
    const leader = await target.admin.leaderOf(remoteTopic, 0)
    const [replicas = []] = await target.admin.replicasOf(remoteTopic)
    const follower = target.broker(replicas.find(id => id !== leader) ?? 0)
    await follower.kill()
    await write(30, 40)
    await untilRefused(first)
    await first.kill()
    await untilProducersForgotten(target, remoteTopic)

    const next = spawnMirror(t, file)
    await next.untilLogged('why it waits', ({ level, text }) => level === 'warn' &&
      text.includes(`${remoteTopic}-0 holds records up to offset 40 that its followers lack`))
    await follower.start()
    await write(40, 50)
    await untilRecords(next, target, remoteTopic, 50)
    assert.equal((await next.stop()).code, 0)
    const values = (await readTopic(target.bootstrapServers, remoteTopic))
      .map(({ value }) => String(value))
    assert.deepEqual(values, numbered(0, 50).map(({ value }) => value))
  })

  for (const side of ['source', 'target'] as const) {
    test(`all brokers of the ${side} are killed and restarted`, async t => {
      const cluster = clusters[side]
      const { finish, mirror, more } = await startLoadedMirror(t, clusters, {
        topic: `dark-${side}`,
        partitions,
        sourceTopic: durable,
        targetTopic: durable,
        properties: impatient
      })
      await more()
      await Promise.all(cluster.brokers.map(async broker => { await broker.kill() }))
      const alias = side === 'source' ? 'east' : 'west'
      await mirror.untilLogged('the cluster that does not answer', ({ level, text }) =>
        level === 'warn' && text.includes(alias))
      await Promise.all(cluster.brokers.map(async broker => { await broker.start() }))
      await more()
      await finish()
      assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
      // Regression: errors of the group's client about its brokers have no code, and counted as -1:
      // UNKNOWN_SERVER_ERROR, with the advice to read the log of an absent broker.
      for (const { text } of mirror.log.filter(line => line.text.includes('group longhaul.'))) {
        assert.doesNotMatch(text, /UNKNOWN_SERVER_ERROR|\(-1\)/)
      }
    })
  }
})

/** The leader has appended a batch whose replication it cannot confirm. */
async function untilRefused (mirror: MirrorProcess): Promise<void> {
  const names = ['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND']
  await mirror.until('a batch that its follower lacks', async () => {
    const counts = await Promise.all(names.map(async name => await errorsOf(mirror, name)))
    return counts.some(count => count > 0)
  })
}
