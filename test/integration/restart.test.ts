// A mirror that ends, told to or not, and one that is started after it: nothing is lost, and
// nothing comes twice.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { crash } from '../integrity/crashed-mirror.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilMoreRecords, untilRecords } from './comparison.ts'
import { createPropertiesFile, spawnMirror, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 4

describe('a mirror that is started again', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('goes on after SIGTERM where it was, under load, without loss or doubles', async t => {
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

  test('goes on after SIGKILL under load without loss or doubles', async t => {
    const { source, target } = clusters
    await source.createTopic('killed', { partitions })
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'killed',
      // Progress on record is behind what is on the target, as it is after a crash of real life.
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

    // Its target does not answer, so that the first signal cannot be obeyed at once.
    const stuck = await startMirror(t, file)
    target.broker(1).pause()
    try {
      await produce(source.bootstrapServers, 'signalled', [{ value: 'two', partition: 0 }])
      stuck.signal('SIGTERM')
      await stuck.untilLogged('the stop', ({ text }) => text.startsWith('stopping'))
      stuck.signal('SIGTERM')
      // A stop that the first signal began would end with 0 or 1.
      assert.deepEqual(await stuck.untilExit(), { code: 143, signal: null })
    } finally {
      target.broker(1).continue()
    }
  })

  test('stopped before it has started, ends within seconds and leaves no process', async t => {
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'signalled' }))
    const mirror = spawnMirror(t, file)
    await mirror.untilLogged('the metrics server', ({ url }) => url !== undefined)
    mirror.signal('SIGTERM')
    assert.deepEqual(await mirror.untilExit(), { code: 0, signal: null })
  })
})
