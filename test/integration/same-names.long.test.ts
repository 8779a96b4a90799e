// The same topic names at several sites: a full mesh of three, with a file and a process for each
// site, and a principal that may not see the progress topics of the other flows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { grantAcls, printedAcls } from './granted-acls.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, login, smallFlows, startClusters } from './mirrored-clusters.ts'

const partitions = 2
const sameNames: Properties = {
  'topics': 'shared',
  'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy',
  'same.names.both.ways': true,
  'target.not.empty': 'begin',
  'sync.topic.configs.enabled': false
}

test('a mesh of three sites, a process each: each site has each record once', async t => {
  const names = ['east', 'north', 'west']
  const sites = new Map<string, KafkaCluster>(await Promise.all(names.map(async name =>
    [name, await startKafkaCluster()] as const)))
  t.after(async () => {
    await Promise.all([...sites.values()].map(async site => { await site.close() }))
  })
  const fileOf = (own: string): string => createPropertiesFile(t, {
    ...smallFlows,
    ...sameNames,
    'clusters': names.join(', '),
    'refresh.topics.interval.seconds': 1,
    'session.timeout.ms': 6_000,
    // What enters one of the sites is encoded again, and leaves it again under its producer's id.
    ...own === 'north' && { 'target.codecs': 'gzip' },
    ...Object.fromEntries([...sites].map(([name, site]) =>
      [`${name}.bootstrap.servers`, site.bootstrapServers])),
    ...Object.fromEntries(names.filter(name => name !== own).map(name =>
      [`${name}->${own}.enabled`, true]))
  })
  const files = new Map(names.map(name => [name, fileOf(name)]))
  const round = 100
  let written = 0
  const write = async (): Promise<void> => {
    await Promise.all([...sites].map(async ([name, site]) => {
      await produce(site.bootstrapServers, 'shared', Array.from(
        { length: round * partitions }, (_, i) => ({
          value: `${name} ${written + Math.floor(i / partitions)}`, partition: i % partitions
        })))
    }))
    written += round
  }
  const everything = (): number => written * partitions * names.length
  await Promise.all([...sites.values()].map(async site => {
    await site.createTopic('shared', { partitions })
  }))
  await write()
  const start = async (name: string) => await startMirror(t, files.get(name) ?? '')
  const mirrors = new Map(await Promise.all(names.map(async name =>
    [name, await start(name)] as const)))
  const untilAll = async (): Promise<void> => {
    for (const [name, site] of sites) {
      const mirror = mirrors.get(name)
      assert.ok(mirror !== undefined)
      await untilRecords(mirror, site, 'shared', everything())
    }
  }
  await untilAll()
  await Promise.all([mirrors.get('north')?.kill(), write()])
  mirrors.set('north', await start('north'))
  await write()
  await untilAll()
  await assertEncodedAgain(mirrors.get('north'))
  for (const mirror of mirrors.values()) {
    await mirror.untilReady()
    assert.equal((await mirror.stop()).code, 0)
  }
  const expected = Array.from({ length: written }, (_, i) => i)
  for (const [at, site] of sites) {
    const records = await readTopic(site.bootstrapServers, 'shared')
    for (const name of names) {
      for (let partition = 0; partition < partitions; partition++) {
        assert.deepEqual(records.filter(record => record.partition === partition)
          .map(({ value }) => String(value).split(' ')).filter(([of]) => of === name)
          .map(([, number]) => Number(number)), expected, `${name} at ${at}, ${partition}`)
      }
    }
  }
})

async function assertEncodedAgain (mirror: MirrorProcess | undefined): Promise<void> {
  assert.ok(mirror !== undefined)
  const series = seriesOf(await mirror.metrics(), 'longhaul_batches_reencoded_total')
  assert.ok(Object.values(series).some(count => count > 0), 'batches are encoded again')
}

// Each file shows one flow of the ring. The records of the progress topics show the rest: what the
// second flow sends to the third site came from the first one.
test('a ring over three files and three processes is refused, and no record circulates',
  async t => {
    const sites = await Promise.all(Array.from({ length: 3 }, async () =>
      await startKafkaCluster(t)))
    const names = ['east', 'north', 'west']
    const fileFrom = (from: number): string => {
      const to = (from + 1) % 3
      return createPropertiesFile(t, {
        ...smallFlows,
        ...sameNames,
        'clusters': `${names[from]}, ${names[to]}`,
        [`${names[from]}.bootstrap.servers`]: sites[from]?.bootstrapServers ?? '',
        [`${names[to]}.bootstrap.servers`]: sites[to]?.bootstrapServers ?? '',
        [`${names[from]}->${names[to]}.enabled`]: true,
        'refresh.topics.interval.seconds': 1
      })
    }
    const [east, north, west] = sites
    assert.ok(east !== undefined && north !== undefined && west !== undefined)
    await Promise.all(sites.map(async site => { await site.createTopic('shared') }))
    await produce(east.bootstrapServers, 'shared', numbered(0, 50))
    const mirrors = [await startMirror(t, fileFrom(0)), await startMirror(t, fileFrom(1))] as const
    await untilRecords(mirrors[1], west, 'shared', 50)
    const closing = spawnMirror(t, fileFrom(2))
    assert.equal((await closing.untilExit()).code, 3)
    assert.match(closing.log.map(({ text }) => text).join('\n'),
      /west->east: what cluster \S+ sends to west.*MIRROR_RING/)
    await produce(east.bootstrapServers, 'shared', numbered(50, 60))
    await untilRecords(mirrors[1], west, 'shared', 60)
    for (const mirror of mirrors) {
      await mirror.untilReady()
      assert.equal((await mirror.stop()).code, 0)
    }
    for (const site of sites) {
      assert.deepEqual((await readTopic(site.bootstrapServers, 'shared'))
        .map(({ value }) => value?.toString()), numbered(0, 60).map(({ value }) => value))
    }
  })

// A list of topics leaves out topics that the principal may not describe. Then the flow in the
// other direction would treat records of the first flow as records of applications.
test('hidden progress topics stop the flow, and no record circulates',
  async t => {
    const clusters = await startClusters(
      { sasl: { users: { guest: 'guest-secret' }, superUsers: [] } })
    t.after(async () => { await clusters.close() })
    const { source: east, target: west } = clusters
    const plain = (alias: string, cluster: KafkaCluster): Properties =>
      ({ [`${alias}.bootstrap.servers`]: cluster.plainBootstrapServers })
    for (const site of [east, west]) await site.createTopic('shared')
    await produce(east.plainBootstrapServers, 'shared', numbered(0, 50))
    const flows = flowProperties(clusters, { ...smallFlows, ...sameNames })
    const there = await startMirror(t, createPropertiesFile(t,
      { ...flows, ...plain('east', east), ...plain('west', west) }))
    await untilRecords(there, west, 'shared', 50)
    assert.equal((await there.stop()).code, 0)

    const back = { ...flows, 'east->west.enabled': false, 'west->east.enabled': true }
    const file = createPropertiesFile(t, {
      ...back, ...login('east', 'guest', 'guest-secret'), ...login('west', 'guest', 'guest-secret'),
      'sync.topic.acls.enabled': false
    })
    const needed = await printedAcls(file)
    const grant = async (areHidden: boolean): Promise<void> => {
      await grantAcls(alias => alias === 'east' ? east : west,
        needed.filter(({ name }) => (name === 'longhaul-progress.') === areHidden))
    }
    await grant(false)
    const refused = spawnMirror(t, file)
    assert.equal((await refused.untilExit()).code, 3)
    assert.match(refused.log.map(({ text }) => text).join('\n'),
      /Grant DESCRIBE and READ on topics with the prefix longhaul-progress\..*INBOUND_UNREADABLE/)
    await grant(true)
    await produce(west.plainBootstrapServers, 'shared', numbered(50, 60))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, east, 'shared', 60)
    await mirror.untilReady()
    assert.equal((await mirror.stop()).code, 0)
    const values = (await readTopic(east.plainBootstrapServers, 'shared'))
      .map(({ value }) => String(value))
    assert.deepEqual(values, numbered(0, 60).map(({ value }) => value))
  })
