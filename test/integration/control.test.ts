// The records of operators and processes in the progress topic of a flow: every process obeys,
// whichever owns the partition, and so does a process that starts later.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  encodeControl, type ControlRecord
} from '../../src/orchestrator/control/control-record.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { alterTopicConfig } from '../kafka/partition-operations.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { assertSameRecords, countRecords, remoteOf, untilRecords } from './comparison.ts'
import { commitOffsets } from './group-commit.ts'
import { LoadedFlow, untilOwned } from './loaded-flow.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, writeProperties, type CleanUp,
  type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { numbered, untilShown } from './failures/fault-probe.ts'

const progressTopic = 'longhaul-progress.east.internal'
const partitions = 4
const all = [0, 1, 2, 3]

type Said = Exclude<ControlRecord, { kind: 'none' }>

describe('the processes of a flow', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const say = async (...records: readonly Said[]): Promise<void> => {
    await produce(clusters.target.bootstrapServers, progressTopic,
      records.map(record => ({ ...encodeControl(record), partition: 0 })))
  }

  const attribution = (): { by: string, atMs: number, reason: string } =>
    ({ by: 'operator', atMs: Date.now(), reason: 'a test' })

  const skip = (topic: string, partition: number, to: bigint): Said =>
    ({ kind: 'skip', source: { topic, partition }, to, id: `${partition}-${to}`, ...attribution() })

  const startOn = async (
    t: CleanUp, topics: string, more: Properties = {}
  ): Promise<MirrorProcess> => await startMirror(t, createPropertiesFile(t,
    flowProperties(clusters, { 'east->west.topics': topics, ...more })))

  test('pause and resume a topic, also after a hand-over and a restart', async t => {
    const { target } = clusters
    const flow = await LoadedFlow.create(t, clusters, 'paused', { partitions })
    const first = await flow.start()
    await flow.more(first)
    const second = await flow.start()
    await untilOwned(first, 2)
    await untilOwned(second, 2)
    const scope = { topic: 'paused' }
    await say({ kind: 'pause', scope, isPaused: true, ...attribution() })
    for (const mirror of [first, second]) await untilShown(mirror, 'paused', 2)
    assert.equal((await first.stop()).code, 0)
    await untilShown(second, 'paused', 4)
    const mirrored = await countRecords(target, flow.remoteTopic)
    assert.equal((await second.stop()).code, 0)
    const third = await flow.start()
    const fourth = await flow.start()
    for (const mirror of [third, fourth]) await untilShown(mirror, 'paused', 2)
    assert.equal(await countRecords(target, flow.remoteTopic), mirrored)
    await say({ kind: 'pause', scope, isPaused: false, ...attribution() })
    await flow.more(third)
    await flow.finish(fourth)
    for (const mirror of [third, fourth]) {
      assert.equal((await mirror.stop()).code, 0)
      // A process that hands over slot 0 keeps the records that it has read there.
      assert.equal(mirror.log.filter(({ text }) => text.startsWith('paused is paused')).length, 1)
    }
  })

  test('skip a record that stops a partition, and retry others, on command', async t => {
    const { source, target } = clusters
    const remoteTopic = 'east.large'
    // Only an operator's record causes a retry.
    const patient = { 'fault.retry.interval.ms': 3_600_000 }
    await source.createTopic('large', { partitions })
    await target.createTopic(remoteTopic, { partitions, configs: { 'max.message.bytes': '2000' } })
    const write = async (value: string): Promise<void> => {
      await produce(source.bootstrapServers, 'large',
        all.map(partition => ({ value, partition })), { lingerMs: 0 })
    }
    const [first, second] = [await startOn(t, 'large', patient), await startOn(t, 'large', patient)]
    await untilOwned(first, 2)
    await untilOwned(second, 2)
    await write('small')
    await untilRecords(first, target, remoteTopic, partitions)
    await write('x'.repeat(4000))
    await write('behind')
    for (const mirror of [first, second]) await untilShown(mirror, 'faulted', 2)

    // Two partitions each: three of them belong to both processes.
    await say(...[0, 1, 2].map(partition => skip('large', partition, 2n)))
    await untilRecords(first, target, remoteTopic, partitions + 3)
    for (const mirror of [first, second]) assert.equal((await mirror.stop()).code, 0)
    // Written while no process runs: the next owner carries it out.
    await say(skip('large', 3, 2n))
    const [third, fourth] = [await startOn(t, 'large', patient), await startOn(t, 'large', patient)]
    await untilRecords(third, target, remoteTopic, 2 * partitions)
    await untilOwned(third, 2)
    await untilOwned(fourth, 2)

    await write('y'.repeat(4000))
    for (const mirror of [third, fourth]) await untilShown(mirror, 'faulted', 2)
    await alterTopicConfig(target, remoteTopic, { 'max.message.bytes': '100000' })
    await say({ kind: 'retry', scope: { topic: 'large' }, id: 'after more room', ...attribution() })
    await untilRecords(fourth, target, remoteTopic, 3 * partitions)
    for (const mirror of [third, fourth]) assert.equal((await mirror.stop()).code, 0)
  })

  test('that mirror with different settings name each other once', async t => {
    await clusters.source.createTopic('shared', { partitions })
    await clusters.source.createTopic('alone')
    const first = await startOn(t, 'shared')
    const second = await startOn(t, 'shared,alone')
    const differences: ReadonlyArray<readonly [MirrorProcess, string]> =
      [[first, 'topics=shared here, shared, alone there'],
        [second, 'topics=shared, alone here, shared there']]
    const said = ([{ log }, difference]: readonly [MirrorProcess, string]): number =>
      log.filter(({ level, text }) => level === 'warn' && text.includes(difference)).length
    for (const each of differences) await each[0].until(each[1], () => said(each) === 1)
    // Regression: only the log named it. A rolling restart with other settings must not stop at a
    // process that is never ready.
    for (const [mirror, difference] of differences) {
      const { ready, warnings } = await mirror.readiness()
      assert.equal(ready, true)
      assert.ok(warnings.some(text => text.includes(difference)), warnings.join())
    }
    // Announcements and looks continue: a difference that was logged is not logged again.
    const third = await startOn(t, 'shared')
    await second.until('the difference to the third', () =>
      differences.map(said)[1] === 2)
    assert.deepEqual(differences.map(said), [1, 2])
    for (const mirror of [first, second, third]) assert.equal((await mirror.stop()).code, 0)
  })

  test('adopt a changed file completely or not at all', async t => {
    const { source, target } = clusters
    for (const topic of ['kept', 'later']) await source.createTopic(topic)
    const write = async (topic: string, from: number): Promise<void> => {
      await produce(source.bootstrapServers, topic, numbered(from, from + 20))
    }
    // Only the change causes a look at the topics.
    const properties = (more: Properties): Properties => flowProperties(clusters,
      { 'refresh.topics.interval.seconds': 600, 'east->west.topics': 'kept', ...more })
    const file = createPropertiesFile(t, properties({}))
    const mirror = await startMirror(t, file)
    const change = async (more: Properties, answer: RegExp): Promise<void> => {
      writeProperties(file, properties(more))
      const before = mirror.log.length
      mirror.signal('SIGHUP')
      await mirror.until(String(answer), () =>
        mirror.log.slice(before).some(({ text }) => answer.test(text)))
    }
    await write('kept', 0)
    await untilRecords(mirror, target, 'east.kept', 20)

    await write('later', 0)
    await change({ 'east->west.topics': 'kept,later' }, /again: east->west: topics: kept -> kept, /)
    await untilRecords(mirror, target, 'east.later', 20)
    await change({ 'east->west.topics': 'kept(' }, /refused; no change of it applies: .*kept\(/)
    await change({ 'metrics.port': 1, 'east->west.topics': 'later' },
      /no change of it applies: .*metrics\.port.*Restart the process/)
    await change({ 'east->west.enabled': false }, /no change of it applies: .*no replication flow/)
    await write('kept', 20)
    await untilRecords(mirror, target, 'east.kept', 40)

    await change({ 'east->west.topics': 'later' }, /no longer mirrored.*: kept$/)
    await write('kept', 40)
    await write('later', 20)
    await untilRecords(mirror, target, 'east.later', 40)
    assert.equal(await countRecords(target, 'east.kept'), 40)

    await change({ 'east->west.topics': 'kept,later', 'lanes': 1, 'log.level': 'debug' },
      /log\.level: info -> debug; .*west is drained and restarted: .*lanes: 2 -> 1/)
    await write('later', 40)
    for (const topic of ['kept', 'later']) {
      await untilRecords(mirror, target, `east.${topic}`, 60)
      await assertSameRecords(clusters, remoteOf(topic))
    }
    assert.ok(mirror.log.some(({ level }) => level === 'debug'))
    assert.equal(mirror.log.filter(({ text }) => text === 'east->west is running').length, 2)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
  })

  // Other groups had the flow drained and started again.
  test('adopt other groups and other intervals while they run', async t => {
    const { source, target } = clusters
    await source.createTopic('grouped')
    await produce(source.bootstrapServers, 'grouped', numbered(0, 20))
    const atSource = createAdmin(t, source.bootstrapServers)
    const atTarget = createAdmin(t, target.bootstrapServers)
    for (const group of ['early', 'later']) {
      await commitOffsets(atSource, group,
        [{ topic: 'grouped', partition: 0, offset: 7n, metadata: '' }])
    }
    // Nothing but the change has groups looked for.
    const properties = (more: Properties): Properties => flowProperties(clusters, {
      'topics': 'grouped', 'sync.group.offsets.enabled': true, 'groups': 'early',
      'refresh.groups.interval.seconds': 600, 'sync.group.offsets.interval.seconds': 1, ...more
    })
    const file = createPropertiesFile(t, properties({}))
    const mirror = await startMirror(t, file)
    const offsetOf = async (group: string): Promise<bigint | undefined> =>
      (await atTarget.groupOffsets([group]))[0]?.offsets[0]?.offset
    await mirror.until('the first group', async () => await offsetOf('early') === 7n)
    assert.equal(await offsetOf('later'), undefined)
    writeProperties(file, properties({ 'groups': 'later', 'progress.interval.ms': 300 }))
    mirror.signal('SIGHUP')
    await mirror.untilLogged('the change', ({ text }) =>
      /again: east->west: .*groups: early -> later/.test(text))
    await mirror.until('the second group', async () => await offsetOf('later') === 7n)
    await commitOffsets(atSource, 'early',
      [{ topic: 'grouped', partition: 0, offset: 9n, metadata: '' }])
    await commitOffsets(atSource, 'later',
      [{ topic: 'grouped', partition: 0, offset: 9n, metadata: '' }])
    await mirror.until('the second group again', async () => await offsetOf('later') === 9n)
    assert.equal(await offsetOf('early'), 7n, 'it takes part no longer')
    assert.equal(mirror.log.filter(({ text }) => text === 'east->west is running').length, 1)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
  })

  test('create the remote topics of their own slots, and no others', async t => {
    const { source, target } = clusters
    const topics = Array.from({ length: 8 }, (_, index) => `created-${index}`)
    const own = { 'metrics.per.partition': true }
    const mirrors = [await startOn(t, 'created-.*', own), await startOn(t, 'created-.*', own)]
    const [first] = mirrors
    assert.ok(first)
    for (const mirror of mirrors) await untilSlots(mirror, 16)
    for (const topic of topics) {
      await source.createTopic(topic)
      await produce(source.bootstrapServers, topic, numbered(0, 10))
    }
    for (const topic of topics) await untilRecords(first, target, `east.${topic}`, 10)
    const created = mirrors.map(mirror => mirror.log.flatMap(({ text, topics: names }) =>
      text === 'created remote topics' ? names as string[] : []).sort())
    // Metrics follow the mirrored topics within a second.
    for (const [index, mirror] of mirrors.entries()) {
      await mirror.until('metrics of the created topics', async () =>
        String(await topicsOf(mirror)) === String(created[index]))
    }
    assert.deepEqual(created.flat().sort(), topics)
    assert.ok(created.every(names => names.length > 0), JSON.stringify(created))
    for (const mirror of mirrors) assert.equal((await mirror.stop()).code, 0)
  })

  // A value below the broker's minimum shows that the value reaches the broker.
  test('name the session timeout with which the target refuses them, and its bounds',
    async t => {
      await clusters.source.createTopic('bounded')
      const mirror = spawnMirror(t, createPropertiesFile(t, flowProperties(clusters,
        { 'east->west.topics': 'bounded', 'west.consumer.session.timeout.ms': 2000 })))
      const reason = await mirror.untilNotReady(/session\.timeout\.ms=2000/)
      assert.match(reason, /group\.min\.session\.timeout\.ms=6000/)
      assert.equal((await mirror.stop()).code, 0)
    })

  test('remove the progress of a deleted topic, and of no other', async t => {
    const { source, target } = clusters
    for (const topic of ['retained', 'removed']) {
      await source.createTopic(topic)
      await produce(source.bootstrapServers, topic, numbered(0, 10))
    }
    const mirror = await startOn(t, 'retained,removed', { 'progress.retention.ms': 3000 })
    for (const topic of ['retained', 'removed']) {
      await untilRecords(mirror, target, `east.${topic}`, 10)
    }
    await source.admin.deleteTopic('removed')
    await mirror.untilLogged('the removal', ({ text }) =>
      text.startsWith('removed the progress of 1 partitions'))
    // A topic of this name is a new topic now. Before the removal it was TOPIC_RECREATED.
    await target.admin.deleteTopic('east.removed')
    await source.createTopic('removed')
    await produce(source.bootstrapServers, 'removed', numbered(0, 5))
    await untilRecords(mirror, target, 'east.removed', 5)
    assert.equal((await mirror.stop()).code, 0)
    const positions = await positionsOnRecord(target)
    assert.equal(positions.get('retained')?.upstream, '10')
    assert.equal(positions.get('removed')?.upstream, '5')
  })
})

async function untilSlots (mirror: MirrorProcess, count: number): Promise<void> {
  await mirror.until(`${count} slots`, async () => {
    const [owned] = Object.values(seriesOf(await mirror.metrics(), 'longhaul_slots_owned'))
    return owned === count
  })
}

async function topicsOf (mirror: MirrorProcess): Promise<string[]> {
  const series = seriesOf(await mirror.metrics(), 'longhaul_partition_upstream_offset')
  return Object.keys(series).flatMap(labels => /topic="([^"]+)"/.exec(labels)?.[1] ?? []).sort()
}

/** By topic; only partition 0. */
async function positionsOnRecord (
  target: KafkaCluster
): Promise<ReadonlyMap<string, { readonly upstream: string }>> {
  const records = await readTopic(target.bootstrapServers, progressTopic)
  const found = new Map<string, { readonly upstream: string }>()
  for (const { key, value } of records) {
    const names = JSON.parse(String(key)) as Readonly<Record<string, unknown>>
    const { topic } = names
    if (typeof topic !== 'string' || Object.keys(names).length !== 2) continue
    if (value === null) found.delete(topic)
    else found.set(topic, JSON.parse(String(value)) as { upstream: string })
  }
  return found
}
