// A Produce request that reaches the broker after its sender died, or after the sender was
// suspended for longer than its session: the sequences make it harmless, or the log names it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  crash, crashWithLateRequest, startLaggingMirror, topicCounter
} from '../integrity/crashed-mirror.ts'
import { eventually } from '../kafka/eventually.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import {
  forgetfulOfOldRecords, oldTimestamp, untilProducersForgotten
} from '../kafka/producer-state.ts'
import { deleteRecords } from '../kafka/partition-operations.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 4
const fetchApiKey = 1

describe('a late request', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({ proxied: true },
      { proxied: true, config: forgetfulOfOldRecords })
  })
  after(async () => { await clusters.close() })

  test('is refused if the next process has written at its sequences', async t => {
    const { source, target } = clusters
    await source.createTopic('overtaken')
    await produce(source.bootstrapServers, 'overtaken', numbered(0, 100), { batchRecordsMax: 10 })
    const proxy = await crashWithLateRequest(t, clusters, 'overtaken', 3)
    assert.equal(await countRecords(target, 'east.overtaken'), 30)
    const mirror = await startLaggingMirror(t, clusters, 'overtaken')
    await untilRecords(mirror, target, 'east.overtaken', 100)
    await proxy.release()
    await produce(source.bootstrapServers, 'overtaken', numbered(100, 120), { batchRecordsMax: 10 })
    await untilRecords(mirror, target, 'east.overtaken', 120)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOn('overtaken'), valuesOf(0, 120))
  })

  test('is found if it arrives between the scan of the target and the first batch', async t => {
    const { source, target } = clusters
    await source.createTopic('between')
    await produce(source.bootstrapServers, 'between', numbered(0, 100), { batchRecordsMax: 10 })
    const proxy = await crashWithLateRequest(t, clusters, 'between', 3)
    const { mirror, goOn } = await startWithoutSource(t, 'between')
    await proxy.release()
    await eventually('the late records', async () =>
      await countRecords(target, 'east.between') > 30)
    await goOn()
    await untilRecords(mirror, target, 'east.between', 100)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOn('between'), valuesOf(0, 100))
    assert.equal(await topicCounter(mirror, 'records_doubled_total', 'between')
      .catch(() => 0) ?? 0, 0)
  })

  // The broker then has a batch with the same sequences, and answers as if it had appended the new
  // one. Fails without Outbox::IsDoubtful (outbox.cc): the new batch is lost.
  test('does not count as another batch that a policy wrote in its place', async t => {
    const { source, target } = clusters
    await source.createTopic('replaced')
    await produce(source.bootstrapServers, 'replaced', numbered(0, 40), { batchRecordsMax: 10 })
    const proxy = await crashWithLateRequest(t, clusters, 'replaced', 3)
    await deleteRecords(source, 'replaced', 0, 40)
    await produce(source.bootstrapServers, 'replaced', numbered(40, 80), { batchRecordsMax: 10 })
    // The first Fetch shows the loss; then the mirror scans the target again.
    const { mirror, goOn } = await startWithoutSource(t, 'replaced', 1, { 'data.loss': 'skip' })
    await proxy.release()
    await eventually('the late records', async () =>
      await countRecords(target, 'east.replaced') > 30)
    await goOn()
    await untilRecords(mirror, target, 'east.replaced', 80)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOn('replaced'), valuesOf(0, 80))
  })

  // Fails without `seam.records_late += ...` in Resume::ScanBatch (resume.cc).
  test('is named if the broker has forgotten the producer, and stops nothing for long',
    async t => {
      const { source, target } = clusters
      await source.createTopic('forgotten')
      const write = async (from: number, to: number): Promise<void> => {
        await produce(source.bootstrapServers, 'forgotten',
          numbered(from, to).map(each => ({ ...each, timestamp: oldTimestamp })),
          { batchRecordsMax: 10 })
      }
      await write(0, 50)
      const proxy = await crashWithLateRequest(t, clusters, 'forgotten', 4)
      const mirror = await startLaggingMirror(t, clusters, 'forgotten',
        { 'fault.retry.interval.ms': 500 })
      await untilRecords(mirror, target, 'east.forgotten', 50)
      await untilProducersForgotten(target, 'east.forgotten')
      await proxy.release()
      assert.equal(await countRecords(target, 'east.forgotten'), 60)
      await crash(clusters, mirror)
      await write(50, 80)
      const next = await startLaggingMirror(t, clusters, 'forgotten',
        { 'fault.retry.interval.ms': 500 })
      await untilRecords(next, target, 'east.forgotten', 90)
      await next.until('the count of the doubles', async () =>
        await topicCounter(next, 'records_doubled_total', 'forgotten') === 10)
      await next.untilLogged('the doubles', ({ text }) =>
        text.includes("10 records of a previous owner's delayed request are on the target twice"))
      assert.equal((await next.stop()).code, 0)
      assert.deepEqual(await valuesOn('forgotten'),
        [...valuesOf(0, 50), ...valuesOf(40, 50), ...valuesOf(50, 80)])
    })

  test('may be of a process that was suspended longer than its session, under load', async t => {
    const { source, target } = clusters
    await source.createTopic('zombie', { partitions })
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'zombie', 'partition.batches.in.flight': 5
    }))
    const load = await SequenceLoad.start(t, source, 'zombie', { partitions })
    const upTo = async (mirror: MirrorProcess, more: number): Promise<void> => {
      await untilRecords(mirror, target, 'east.zombie', (load.written + more) * partitions)
    }
    const zombie = await startMirror(t, file)
    await upTo(zombie, 100)
    zombie.signal('SIGSTOP')
    const other = await startMirror(t, file)
    await upTo(other, 200)
    zombie.signal('SIGCONT')
    // The process learns that its session ended, joins again and is assigned its share of slots.
    await zombie.until('its part of the partitions', async () =>
      await owned(zombie) === 2 && await owned(other) === 2)
    await upTo(zombie, 100)
    assert.equal((await other.stop()).code, 0)
    await zombie.until('all partitions', async () => await owned(zombie) === partitions)
    await upTo(zombie, 100)
    const written = await load.stop()
    await upTo(zombie, 0)
    assert.equal((await zombie.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.zombie', partitions, written)
  })

  /**
   * A mirror that has scanned the target, but receives no response to its Fetches after this many,
   * until it may continue.
   */
  async function startWithoutSource (
    t: CleanUp, topic: string, answered = 0, more: Readonly<Record<string, string>> = {}
  ): Promise<{ readonly mirror: MirrorProcess, readonly goOn: () => Promise<void> }> {
    const { source: { proxies: [proxy], proxiedBootstrapServers } } = clusters
    assert.ok(proxy !== undefined)
    let fetches = 0
    proxy.hold(head => head.readInt16BE(4) === fetchApiKey && ++fetches > answered)
    const mirror = await startLaggingMirror(t, clusters, topic,
      { 'east.bootstrap.servers': proxiedBootstrapServers, ...more })
    // A lane fetches a partition only after the scan of its target has ended.
    await mirror.until('the look at the target', () => proxy.heldCount === 1)
    return { mirror, goOn: async () => { await proxy.release() } }
  }

  async function valuesOn (topic: string): Promise<string[]> {
    return (await readTopic(clusters.target.bootstrapServers, `east.${topic}`))
      .map(({ value }) => String(value))
  }
})

function valuesOf (from: number, to: number): string[] {
  return numbered(from, to).map(({ value }) => value)
}

async function owned (mirror: MirrorProcess): Promise<number> {
  const { series } = await mirror.metrics()
  return ['starting', 'resuming', 'running', 'caught-up', 'waiting'].reduce((sum, state) => sum +
    (series.get(`longhaul_partitions{source="east",state="${state}",target="west"}`) ?? 0), 0)
}
