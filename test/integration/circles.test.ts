// Two processes with separate files mirror the same topics in both directions: no record
// circulates. Neither file shows the circle; the progress topics on the source do.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import {
  createPropertiesFile, runCommand, startMirror, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { smallFlows, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const sameNames = { 'replication.policy.class': 'IdentityReplicationPolicy' }

describe('two files that lead in a circle', { timeout: 240_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const common: Properties = { ...smallFlows, 'refresh.topics.interval.seconds': 1 }

  /** The site calls itself `here` and the other site by its name. */
  const there = (more: Properties): Properties => ({
    'clusters': 'east, here',
    'east.bootstrap.servers': clusters.source.bootstrapServers,
    'here.bootstrap.servers': clusters.target.bootstrapServers,
    'east->here.enabled': true,
    ...common,
    ...more
  })
  const back = (more: Properties): Properties => ({
    'clusters': 'west, here',
    'west.bootstrap.servers': clusters.target.bootstrapServers,
    'here.bootstrap.servers': clusters.source.bootstrapServers,
    'west->here.enabled': true,
    ...common,
    ...more
  })

  async function createOnBoth (topic: string, name = topic): Promise<void> {
    await clusters.source.createTopic(topic)
    await clusters.target.createTopic(name)
  }

  async function valuesOf (cluster: KafkaCluster, topic: string): Promise<readonly string[]> {
    return (await readTopic(cluster.bootstrapServers, topic)).map(({ value }) => String(value))
  }

  async function untilRefused (mirror: MirrorProcess, topic: string): Promise<void> {
    await mirror.untilLogged('the circle', ({ level, text }) =>
      level === 'error' && text.startsWith(`${topic}: `) && text.includes('(MIRROR_LOOP)'))
    await mirror.untilNotReady(new RegExp(`${topic}.*MIRROR_LOOP`))
  }

  // Regression: ten records became sixty thousand in eight seconds, and both processes were ready.
  test('the flow that starts second is refused, and continues when the first has ended',
    async t => {
      await createOnBoth('orders')
      await createOnBoth('apart')
      const first = await startMirror(t, createPropertiesFile(t, there(sameNames)))
      const file = createPropertiesFile(t, back({ ...sameNames, topics: 'orders, apart' }))
      const second = await startMirror(t, file)
      await untilRefused(second, 'orders')
      await produce(clusters.target.bootstrapServers, 'apart', numbered(0, 5))
      await untilRecords(second, clusters.source, 'apart', 5)
      await untilRefused(first, 'orders')
      const checked = await runCommand(['validate', file])
      assert.equal(checked.exit.code, 1)
      assert.match(checked.stdout + checked.stderr, /MIRROR_LOOP/)

      await produce(clusters.target.bootstrapServers, 'orders', numbered(0, 10))
      assert.equal((await first.stop()).code, 0)
      await untilRecords(second, clusters.source, 'orders', 10)
      await second.untilReady()
      assert.equal((await second.stop()).code, 0)
      assert.equal((await valuesOf(clusters.source, 'orders')).length, 10)
      assert.equal((await valuesOf(clusters.target, 'orders')).length, 10)
    })

  test('two that start at the same time mirror no record back', async t => {
    await createOnBoth('twins')
    await produce(clusters.source.bootstrapServers, 'twins', numbered(0, 10))
    const more = { ...sameNames, 'topics': 'twins', 'target.not.empty': 'begin' }
    const mirrors = await Promise.all([there(more), back(more)].map(async properties =>
      await startMirror(t, createPropertiesFile(t, properties))))
    await Promise.race(mirrors.map(async mirror => { await untilRefused(mirror, 'twins') }))
    for (const mirror of mirrors) assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOf(clusters.source, 'twins'),
      numbered(0, 10).map(({ value }) => value))
  })

  test('names from topic.rename in both directions', async t => {
    await createOnBoth('lo', 'lx')
    const first = await startMirror(t, createPropertiesFile(t,
      there({ 'topics': 'lo', 'topic.rename': 'lo@lx' })))
    const second = await startMirror(t, createPropertiesFile(t,
      back({ 'topics': 'lx', 'topic.rename': 'lx@lo' })))
    await untilRefused(second, 'lx')
    await untilRefused(first, 'lo')
    for (const mirror of [first, second]) assert.equal((await mirror.stop()).code, 0)
  })

  test('with same.names.both.ways in both files each record is on each site once', async t => {
    await createOnBoth('mutual')
    const more = {
      ...sameNames, 'topics': 'mutual', 'same.names.both.ways': true, 'target.not.empty': 'begin'
    }
    await produce(clusters.source.bootstrapServers, 'mutual', numbered(0, 10))
    const mirrors = await Promise.all([there(more), back(more)].map(async properties =>
      await startMirror(t, createPropertiesFile(t, properties))))
    const [first] = mirrors
    assert.ok(first)
    await untilRecords(first, clusters.target, 'mutual', 10)
    for (const mirror of mirrors) {
      await mirror.untilReady()
      assert.equal((await mirror.stop()).code, 0)
      assert.deepEqual(mirror.log.filter(({ text }) => text.includes('MIRROR_LOOP')), [])
    }
    assert.equal((await valuesOf(clusters.source, 'mutual')).length, 10)
  })
})
