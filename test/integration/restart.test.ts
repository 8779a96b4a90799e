// A mirror that ends, with or without a signal, and one that is started after it: no record is lost
// or duplicated.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { crash } from '../integrity/crashed-mirror.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce, TestProducer } from '../kafka/kafka-producer.ts'
import { untilMoreRecords, untilRecords } from './comparison.ts'
import { commitAsMirrorMaker, committedByMirrorMaker, numbered } from './mirror-maker-positions.ts'
import { createPropertiesFile, runCommand, spawnMirror, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 4

describe('a mirror that is restarted', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  // A killed MirrorMaker 2 has mirrored more than it has committed. Without the comparison of both
  // logs, records 40 to 49 would be mirrored twice; a comparison that counted the records of the
  // target, where another producer and a retry have added some, would leave out two records. In
  // partition 2 MirrorMaker 2, which reads uncommitted records, has mirrored and committed more
  // than the begin of an open transaction. The topic has been recreated with a smaller partition 3.
  // The first test here, because an import refuses a flow that has positions.
  test('continues where MirrorMaker 2 was killed, without loss or duplicates', async t => {
    const { source, target } = clusters
    await source.createTopic('imported', { partitions: 4 })
    await target.createTopic('east.imported', { partitions: 4 })
    await produce(source.bootstrapServers, 'imported', [...numbered(0, 0, 60),
      ...numbered(1, 0, 60), ...numbered(2, 0, 20), ...numbered(3, 0, 10)])
    const open = await TestProducer.open(source.bootstrapServers, { transactionalId: 'open' })
    t.after(async () => { await open.close() })
    await open.begin()
    await open.sendAll('imported', numbered(2, 20, 30))
    await produce(source.bootstrapServers, 'imported', numbered(2, 30, 40))
    const inTail = [
      ...numbered(0, 0, 46), { partition: 0, value: 'of another producer' },
      ...numbered(0, 46, 48), ...numbered(0, 47, 50)
    ]
    await produce(target.bootstrapServers, 'east.imported', [...inTail, ...numbered(1, 0, 30),
      ...numbered(2, 0, 36), ...numbered(3, 0, 10)], { codec: 'gzip' })
    await commitAsMirrorMaker(clusters, 'imported', [39, 29, 24, 10])
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'imported' }))
    const command = ['offsets', 'import-mm2', file, '--output', 'json', '--quiet-seconds', '0']
    for (const yes of [[], ['--yes']]) {
      const { exit, stderr, stdout } = await runCommand([...command, ...yes])
      assert.equal(exit.code, 0, `${stdout}${stderr}`)
      const [flow] = JSON.parse(stdout) as ReadonlyArray<Record<string, unknown>>
      assert.equal(flow?.['imported'], yes.length > 0)
      const named = { topic: 'imported', remoteTopic: 'east.imported', mayDouble: null }
      assert.deepEqual(flow['positions'], [
        { ...named, partition: 0, committed: '40', foundBeyond: '10', sourceOffset: '50',
          targetOffset: '52' },
        { ...named, partition: 1, committed: '30', foundBeyond: '0', sourceOffset: '30',
          targetOffset: '30' },
        { ...named, partition: 2, committed: '25', foundBeyond: '11', sourceOffset: '36',
          targetOffset: '36' }
      ])
      assert.deepEqual(flow['leftOut'], [{
        topic: 'imported',
        partition: 3,
        committed: '11',
        reason: 'the partition on east ends at offset 10: the topic was recreated, or east is ' +
          'another cluster than the one that was mirrored'
      }])
    }
    const again = await runCommand(command)
    assert.equal(again.exit.code, 1)
    assert.match(again.stdout, /imported-0 at source offset 50 and 2 other partitions/)

    const mirror = await startMirror(t, file)
    await open.commit()
    await untilRecords(mirror, target, 'east.imported', 62 + 60 + 40 + 10)
    assert.equal((await mirror.stop()).code, 0)
    const records = await readTopic(target.bootstrapServers, 'east.imported')
    const valuesOf = (partition: number): readonly string[] =>
      records.filter(record => record.partition === partition).map(({ value }) => String(value))
    const expected = [...inTail, ...numbered(0, 50, 60)].map(({ value }) => String(value))
    assert.deepEqual(valuesOf(0), expected)
    assert.deepEqual(valuesOf(1), numbered(1, 0, 60).map(({ value }) => String(value)))
    assert.deepEqual(valuesOf(2), numbered(2, 0, 40).map(({ value }) => String(value)))

    const back = await runCommand(['offsets', 'export-mm2', file, '--yes'])
    assert.equal(back.exit.code, 0, `${back.stdout}${back.stderr}`)
    const [first, second, third, fourth] = await committedByMirrorMaker(clusters, 'imported')
    assert.deepEqual([first, second, fourth], [59, 59, 10])
    assert.ok(third === 39 || third === 40, `${third}: the last record, or the marker behind it`)
    const absent = await runCommand(['offsets', 'export-mm2', file, '--offsets-topic', 'absent'])
    assert.match(absent.stdout, /create absent as Kafka Connect does/)
  })

  test('continues after SIGTERM, under load, without loss or duplicates', async t => {
    const { source, target } = clusters
    await source.createTopic('stopped', { partitions })
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'stopped' }))
    const load = await SequenceLoad.start(t, source, 'stopped', { partitions })
    for (let round = 1; round <= 3; round++) {
      const mirror = await startMirror(t, file)
      await untilMoreRecords(mirror, target, 'east.stopped', 200 * partitions)
      assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    }
    const written = await load.stop()
    const last = await startMirror(t, file)
    await untilRecords(last, target, 'east.stopped', written * partitions)
    assert.equal((await last.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.stopped', partitions, written)
  })

  test('continues after SIGKILL under load without loss or duplicates', async t => {
    const { source, target } = clusters
    await source.createTopic('killed', { partitions })
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'killed',
      // Recorded progress is behind the records on the target, as after a real crash.
      'progress.interval.ms': 60_000
    }))
    const load = await SequenceLoad.start(t, source, 'killed', { partitions })
    let resumed = 0
    for (let round = 1; round <= 4; round++) {
      const mirror = await startMirror(t, file)
      await untilMoreRecords(mirror, target, 'east.killed', 200 * partitions)
      await mirror.until('statistics of the resume', async () => {
        const { series } = await mirror.metrics()
        const topic = '{source="east",target="west",topic="killed"}'
        const found = series.get(`longhaul_records_resumed_total${topic}`) ?? 0
        assert.equal(series.get(`longhaul_records_doubled_total${topic}`) ?? 0, 0)
        if (round > 1 && found === 0) return false
        resumed += found
        return true
      })
      await crash(clusters, mirror)
    }
    const written = await load.stop()
    const last = await startMirror(t, file)
    await untilRecords(last, target, 'east.killed', written * partitions)
    assert.equal((await last.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.killed', partitions, written)
    assert.ok(resumed > 0)
  })

  test('ends with 0 on SIGINT and at once on a second signal', async t => {
    const { source, target } = clusters
    await source.createTopic('signalled')
    await produce(source.bootstrapServers, 'signalled', [{ value: 'one', partition: 0 }])
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'signalled' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.signalled', 1)
    mirror.signal('SIGINT')
    assert.deepEqual(await mirror.untilExit(), { code: 0, signal: null })

    // Its target does not answer, so that the first signal cannot take effect at once.
    const stuck = await startMirror(t, file)
    target.broker(1).pause()
    try {
      await produce(source.bootstrapServers, 'signalled', [{ value: 'two', partition: 0 }])
      stuck.signal('SIGTERM')
      await stuck.untilLogged('the stop', ({ text }) => text.startsWith('stopping'))
      stuck.signal('SIGTERM')
      // A stop after the first signal would end with 0 or 1.
      assert.deepEqual(await stuck.untilExit(), { code: 143, signal: null })
    } finally {
      target.broker(1).continue()
    }
  })

  test('ends within seconds and leaves no process if it is stopped during its start', async t => {
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'signalled' }))
    const mirror = spawnMirror(t, file)
    await mirror.untilLogged('the metrics server', ({ url }) => url !== undefined)
    mirror.signal('SIGTERM')
    assert.deepEqual(await mirror.untilExit(), { code: 0, signal: null })
  })
})
