// What the pages in docs/ promise, with their files, on three clusters.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { documentedFile } from './documented-file.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'

const partitions = 2

const sum = (series: Readonly<Record<string, number>>, like = /./): number =>
  Object.entries(series).reduce((all, [name, value]) => all + (like.test(name) ? value : 0), 0)

describe('the topologies of the documentation', () => {
  let first: KafkaCluster
  let second: KafkaCluster
  let third: KafkaCluster
  before(async () => {
    [first, second, third] = await Promise.all(
      [startKafkaCluster(), startKafkaCluster(), startKafkaCluster()])
  })
  after(async () => {
    await Promise.all([first, second, third].map(async cluster => { await cluster.close() }))
  })

  const numbers = (of: string, from: number, to: number): readonly string[] =>
    Array.from({ length: to - from }, (_, index) => `${of} ${from + index}`)

  /** Writes to each partition of the topic. */
  const write = async (
    cluster: KafkaCluster, topic: string, values: readonly string[]
  ): Promise<void> => {
    await produce(cluster.bootstrapServers, topic, values.flatMap(value =>
      Array.from({ length: partitions }, (_, partition) => ({ value, partition }))))
  }

  const begin = async (cluster: KafkaCluster, topic: string): Promise<void> => {
    await cluster.createTopic(topic, { partitions })
    await write(cluster, topic, numbers('record', 0, 50))
  }

  const holds = async (
    cluster: KafkaCluster, topic: string, values: readonly string[],
    isMeant: (value: string) => boolean = () => true
  ): Promise<void> => {
    const records = await readTopic(cluster.bootstrapServers, topic)
    for (let partition = 0; partition < partitions; partition++) {
      assert.deepEqual(records.filter(record => record.partition === partition)
        .map(({ value }) => String(value)).filter(isMeant), values, `${topic}-${partition}`)
    }
  }

  /** Names of topics that are not internal. */
  const topicsOn = async (cluster: KafkaCluster, like: RegExp): Promise<readonly string[]> =>
    (await cluster.admin.topicNames()).filter(name => like.test(name)).sort()

  test('active and standby: the topic keeps its name', async t => {
    await begin(first, 'orders')
    const mirror = await startMirror(t,
      createPropertiesFile(t, documentedFile('active-standby.md', [first, second])))
    await untilRecords(mirror, second, 'orders', 50 * partitions)
    assert.equal((await mirror.stop()).code, 0)
    await holds(second, 'orders', numbers('record', 0, 50))
  })

  test('active and active: each site sees the topic of the other one, a process a site',
    async t => {
      await begin(third, 'orders')
      const file = createPropertiesFile(t, documentedFile('active-active.md', [first, third]))
      const mirrors = await Promise.all([
        startMirror(t, file, ['--clusters', 'east']), startMirror(t, file, ['--clusters', 'west'])
      ])
      await untilRecords(mirrors[1], third, 'east.orders', 50 * partitions)
      await untilRecords(mirrors[0], first, 'west.orders', 50 * partitions)
      for (const mirror of mirrors) assert.equal((await mirror.stop()).code, 0)
      assert.deepEqual(await topicsOn(first, /orders/), ['orders', 'west.orders'])
      assert.deepEqual(await topicsOn(third, /orders/), ['east.orders', 'orders'])
    })

  // Each record of a site is at both sites once and in order, whichever process is killed.
  test('active and active under the same names: no record returns, over kills', async t => {
    const sites = [['east', first], ['west', third]] as const
    const round = 200
    for (const [, site] of sites) await site.createTopic('shared', { partitions })
    let rounds = 0
    const writeBoth = async (): Promise<number> => {
      const from = round * rounds++
      await Promise.all(sites.map(async ([name, site]) => {
        await write(site, 'shared', numbers(name, from, from + round))
      }))
      return round * rounds * partitions * sites.length
    }
    const file = createPropertiesFile(t, { ...documentedFile('active-active-same-names.md',
      [first, third]), 'topics': 'shared' })
    const start = async (name: string): Promise<MirrorProcess> =>
      await startMirror(t, file, ['--clusters', name])
    await writeBoth()
    // The second flow starts while the first one runs.
    const there = await start('west')
    await untilRecords(there, third, 'shared', await writeBoth() - round * partitions)
    const back = await start('east')
    await untilRecords(back, first, 'shared', await writeBoth() - round * partitions)
    await Promise.all([there.kill(), writeBoth()])
    const again = await start('west')
    await Promise.all([back.kill(), writeBoth()])
    const mirrors = [again, await start('east')] as const
    const expected = await writeBoth()
    await untilRecords(mirrors[0], third, 'shared', expected)
    await untilRecords(mirrors[1], first, 'shared', expected)
    // The last records of both sides were left out, which is no lag.
    for (const mirror of mirrors) await mirror.untilReady()
    for (const mirror of mirrors) {
      await mirror.until('no lag, and batches and records that were left out', async () => {
        const metrics = await mirror.metrics()
        const lag = Object.values(seriesOf(metrics, 'longhaul_lag_records'))
        const dropped = seriesOf(metrics, 'longhaul_batches_dropped_total')
        const looped = seriesOf(metrics, 'longhaul_records_looped_total')
        return lag.length > 0 && lag.every(value => value === 0) &&
          sum(dropped, /reason="looped"/) > 0 && sum(looped, /topic="shared"/) >= round
      })
    }
    for (const mirror of mirrors) assert.equal((await mirror.stop()).code, 0)
    for (const site of [first, third]) {
      for (const [name] of sites) {
        await holds(site, 'shared', numbers(name, 0, round * rounds),
          value => value.startsWith(name))
      }
    }
  })

  test('hub and spoke: regions send, and receive what the centre distributes', async t => {
    await begin(first, 'sales')
    await begin(second, 'sales')
    await begin(third, 'prices')
    const mirror = await startMirror(t,
      createPropertiesFile(t, documentedFile('hub-and-spoke.md', [first, second, third])))
    const expected: ReadonlyArray<readonly [KafkaCluster, string]> = [[third, 'east.sales'],
      [third, 'west.sales'], [first, 'centre.prices'], [second, 'centre.prices']]
    for (const [cluster, topic] of expected) {
      await untilRecords(mirror, cluster, topic, 50 * partitions)
      await holds(cluster, topic, numbers('record', 0, 50))
    }
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await topicsOn(first, /sales|prices/), ['centre.prices', 'sales'])
    assert.deepEqual(await topicsOn(second, /sales|prices/), ['centre.prices', 'sales'])
  })

  test('chain: each site forwards records under one name, one process for each target', async t => {
    await begin(first, 'events')
    const file = createPropertiesFile(t, documentedFile('chain.md', [first, second, third]))
    const mirrors = await Promise.all([
      startMirror(t, file, ['--clusters', 'region']), startMirror(t, file, ['--clusters', 'centre'])
    ])
    await untilRecords(mirrors[1], third, 'events', 50 * partitions)
    await write(first, 'events', numbers('record', 50, 100))
    await untilRecords(mirrors[1], third, 'events', 100 * partitions)
    for (const mirror of mirrors) assert.equal((await mirror.stop()).code, 0)
    await holds(third, 'events', numbers('record', 0, 100))
  })

  test('fan-out: one cluster feeds two', async t => {
    await begin(first, 'catalogue')
    const mirror = await startMirror(t,
      createPropertiesFile(t, documentedFile('fan-out.md', [first, second, third])))
    for (const shop of [second, third]) {
      await untilRecords(mirror, shop, 'head.catalogue', 50 * partitions)
      await holds(shop, 'head.catalogue', numbers('record', 0, 50))
    }
    assert.equal((await mirror.stop()).code, 0)
  })

  // A flow finds its state in whichever process it runs: no record is mirrored twice.
  test('one process for each flow, then one process for all flows', async t => {
    for (const source of [first, second]) await begin(source, 'visits')
    const settings = {
      ...documentedFile('processes.md', [first, second, third]), 'topics': 'visits'
    }
    const alone = await Promise.all(['east', 'west'].map(async other =>
      await startMirror(t,
        createPropertiesFile(t, { ...settings, [`${other}->centre.enabled`]: false }))))
    for (const [index, topic] of ['west.visits', 'east.visits'].entries()) {
      const mirror = alone[index]
      assert.ok(mirror !== undefined)
      await untilRecords(mirror, third, topic, 50 * partitions)
      assert.equal((await mirror.stop()).code, 0)
      assert.deepEqual(mirror.summary().flows.map(({ source }) => source), [topic.split('.')[0]])
    }
    for (const source of [first, second]) await write(source, 'visits', numbers('record', 50, 60))
    const all = await startMirror(t, createPropertiesFile(t, settings))
    for (const topic of ['west.visits', 'east.visits']) {
      await untilRecords(all, third, topic, 60 * partitions)
    }
    assert.equal((await all.stop()).code, 0)
    assert.deepEqual(all.summary().flows.map(({ source }) => source).sort(), ['east', 'west'])
    for (const topic of ['west.visits', 'east.visits']) {
      await holds(third, topic, numbers('record', 0, 60))
    }
  })

  // The producer ids of the flows distinguish the records of the sources (invariant D: a flow
  // counts its own records).
  test('aggregation: two sources share a topic, exactly once over a kill', async t => {
    const sources = [['plant-1', first], ['plant-2', second]] as const
    const round = 200
    for (const [, source] of sources) await source.createTopic('measurements', { partitions })
    let rounds = 0
    const writeBoth = async (): Promise<number> => {
      const from = round * rounds++
      await Promise.all(sources.map(async ([name, source]) => {
        await write(source, 'measurements', numbers(name, from, from + round))
      }))
      return round * rounds * partitions * sources.length
    }
    const settings = documentedFile('aggregation.md', [first, second, third])
    await writeBoth()
    const alone = await startMirror(t,
      createPropertiesFile(t, { ...settings, 'plant-2->lake.enabled': false }))
    await untilRecords(alone, third, 'measurements', round * partitions)
    assert.equal((await alone.stop()).code, 0)
    // The second flow finds records that no progress explains.
    const careful = await startMirror(t,
      createPropertiesFile(t, { ...settings, 'target.not.empty': 'stop' }))
    const refusal = await careful.untilNotReady(/TARGET_NOT_EMPTY/)
    assert.match(refusal, /target\.not\.empty=begin .*if several sources share the topic/)
    assert.equal((await careful.stop()).code, 0)

    const file = createPropertiesFile(t, settings)
    const killed = await startMirror(t, file)
    await untilRecords(killed, third, 'measurements', await writeBoth() - round)
    await writeBoth()
    await killed.kill()
    const mirror = await startMirror(t, file)
    const expected = await writeBoth()
    await untilRecords(mirror, third, 'measurements', expected)
    assert.equal((await mirror.stop()).code, 0)
    for (const [name] of sources) {
      await holds(third, 'measurements', numbers(name, 0, round * rounds),
        value => value.startsWith(name))
    }
  })
})
