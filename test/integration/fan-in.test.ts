// Several sources into one topic: names are kept, and the producer ids of the flows keep the
// records of one source apart from those of the others (invariant D: a flow counts its own).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { startClusters } from './mirrored-clusters.ts'

const partitions = 2
const sources = ['east', 'north'] as const
const perRound = 200

test('two sources share a topic of the target, exactly once over a kill', async t => {
  const [{ source: east, target }, north] =
    await Promise.all([startClusters(), startKafkaCluster(t)])
  t.after(async () => { await Promise.all([east.close(), target.close()]) })
  const clusters: Readonly<Record<(typeof sources)[number], KafkaCluster>> = { east, north }
  for (const source of sources) await clusters[source].createTopic('orders', { partitions })
  let rounds = 0
  const write = async (): Promise<number> => {
    const first = rounds * perRound
    rounds++
    await Promise.all(sources.map(async source => {
      await produce(clusters[source].bootstrapServers, 'orders',
        Array.from({ length: perRound * partitions }, (_, index) => ({
          value: `${source} ${first + Math.floor(index / partitions)}`,
          partition: index % partitions
        })))
    }))
    return rounds * perRound * partitions * sources.length
  }

  const settings = {
    'clusters': 'east, north, west',
    'east.bootstrap.servers': east.bootstrapServers,
    'north.bootstrap.servers': north.bootstrapServers,
    'west.bootstrap.servers': target.bootstrapServers,
    'east->west.enabled': true,
    'north->west.enabled': true,
    'topics': 'orders',
    'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy',
    'emit.heartbeats.enabled': false,
    'replication.factor': 1,
    'progress.topic.replication.factor': 1,
    'refresh.topics.interval.seconds': 1,
    'session.timeout.ms': 6000,
    'metrics.port': 0
  }
  await write()
  const first = await startMirror(t,
    createPropertiesFile(t, { ...settings, 'north->west.enabled': false }))
  await untilRecords(first, target, 'orders', perRound * partitions)
  assert.equal((await first.stop()).code, 0)
  // The flow that comes second finds records that no progress explains.
  const careful = await startMirror(t, createPropertiesFile(t, settings))
  const refusal = await careful.untilNotReady(/TARGET_NOT_EMPTY/)
  assert.match(refusal, /target\.not\.empty=begin .*where several sources share the topic/)
  assert.equal((await careful.stop()).code, 0)

  const file = createPropertiesFile(t, { ...settings, 'target.not.empty': 'begin' })
  const killed = await startMirror(t, file)
  await untilRecords(killed, target, 'orders', await write() - perRound)
  await write()
  await killed.kill()
  const mirror = await startMirror(t, file)
  const expected = await write()
  await untilRecords(mirror, target, 'orders', expected)
  assert.equal((await mirror.stop()).code, 0)
  const records = await readTopic(target.bootstrapServers, 'orders')
  assert.equal(records.length, expected)
  for (const source of sources) {
    for (let partition = 0; partition < partitions; partition++) {
      const values = records.filter(record => record.partition === partition)
        .map(({ value }) => String(value)).filter(value => value.startsWith(source))
      assert.deepEqual(values,
        Array.from({ length: rounds * perRound }, (_, index) => `${source} ${index}`))
    }
  }
})
