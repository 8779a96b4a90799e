// The target has exactly the records that a reader of committed records sees on the source: without
// aborted transactions and markers, for any reader.
import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { TestMember } from '../kafka/group-member.ts'
import { eventually } from '../kafka/eventually.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce, TestProducer, type ProducedRecord } from '../kafka/kafka-producer.ts'
import {
  assertSameRecords, describeRecord, rawBatches, remoteOf, untilRecords
} from './comparison.ts'
import { commitOffsets } from './group-commit.ts'
import { interleaveTransactions } from './interleaved-transactions.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertTranslates } from './offset-translation.ts'

describe('idempotent and transactional sources', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('aborted transactions of two interleaved producers are left out, committed ones arrive once',
    async t => {
      const { source, target } = clusters
      await source.createTopic('ledger', { partitions: 2 })
      const committed = await interleaveTransactions(source.bootstrapServers, 'ledger')
      const file = createPropertiesFile(t,
        flowProperties(clusters, { 'east->west.topics': 'ledger' }))
      const mirror = await startMirror(t, file)
      await untilRecords(mirror, target, 'east.ledger', committed.length)
      assert.equal((await mirror.stop()).code, 0)

      const read = await assertSameRecords(clusters, remoteOf('ledger'))
      assert.deepEqual(read.map(record => record.value?.toString()).sort(), [...committed].sort())
      const uncommitted = await readTopic(target.bootstrapServers, 'east.ledger',
        { isolation: 'read_uncommitted' })
      assert.deepEqual(uncommitted.map(describeRecord), read.map(describeRecord))

      const upstream = [0, 1].flatMap(partition => rawBatches(source, 'ledger', partition))
      const downstream = [0, 1].flatMap(partition => rawBatches(target, 'east.ledger', partition))
      assert.equal(downstream.some(batch => batch.control || batch.transactional), false)
      const [flow] = mirror.summary().flows
      const markers = upstream.filter(batch => batch.control).length
      const aborted = upstream.length - markers - downstream.length
      assert.ok(markers > 0 && aborted > 0)
      assert.deepEqual(flow?.dropped, { control: markers, aborted })
      assert.equal(flow?.batchesPassedThrough, downstream.length)
      await assertTranslates(clusters, 'ledger')
      const { exit, stdout } = await runCommand(['offsets', 'translate', file, '-o', 'json',
        '--topic', 'ledger', '--partition', '0', '--offset', '0'])
      assert.equal(exit.code, 0)
      const [answer] = JSON.parse(stdout) as ReadonlyArray<Readonly<Record<string, unknown>>>
      assert.equal(answer?.['targetOffset'], '0')
      await assertOnRecord(file, [0, 1].map(partition =>
        uncommitted.filter(record => record.partition === partition).length))
    })

  // After markers and aborted records the offsets of both sides differ.
  test('a consumer group that moves to the target continues at the next record', async t => {
    const { source, target } = clusters
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'ledger' }))
    const records = await readTopic(source.bootstrapServers, 'ledger')
    const places = await readTopic(target.bootstrapServers, 'east.ledger')
    const expected = [0, 1].map(partition => {
      const own = records.filter(record => record.partition === partition)
      const next = own[Math.floor(own.length / 2)]
      const there = places.find(({ value }) => String(value) === String(next?.value))
      assert.ok(next !== undefined && there !== undefined && next.offset > there.offset)
      return { next, there }
    })
    const reset = async (cluster: KafkaCluster, ...args: readonly string[]): Promise<string> =>
      await cluster.runTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
        ['--reset-offsets', '--group', 'app', ...args, '--execute'])
    for (const { next: { offset, partition } } of expected) {
      await reset(source, '--topic', `ledger:${partition}`, '--to-offset', String(offset))
    }
    const resetFile = join(dirname(file), 'offsets.csv')
    const { exit, stdout } = await runCommand(['offsets', 'translate', file, '-o', 'json',
      '--group', 'app', '--reset-file', resetFile])
    assert.equal(exit.code, 0)
    const rows = JSON.parse(stdout) as ReadonlyArray<Readonly<Record<string, unknown>>>
    assert.deepEqual(rows.map(({ kind, partition, sourceOffset, targetOffset }) =>
      [partition, sourceOffset, targetOffset, kind]), expected.map(({ next, there }) =>
      [next.partition, String(next.offset), String(there.offset), 'exact']))
    const shown = await reset(target, '--from-file', resetFile)
    for (const { there: { offset, partition } } of expected) {
      assert.match(shown, new RegExp(`app +east\\.ledger +${partition} +${offset}\\b`))
    }
    const nobody = await runCommand(['offsets', 'translate', file, '--group', 'nobody'])
    assert.equal(nobody.exit.code, 1)
    assert.match(nobody.stderr, /nobody has committed no offset of a topic that is mirrored/)
  })

  test('offsets of groups without members lead to the next record, over a hand-over', async t => {
    const { source, target } = clusters
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'ledger',
      'east->west.sync.group.offsets.enabled': true,
      'east->west.sync.group.offsets.interval.seconds': 1
    }))
    const there = await readTopic(target.bootstrapServers, 'east.ledger')
    const own = (await readTopic(source.bootstrapServers, 'ledger'))
      .filter(({ partition }) => partition === 0)
    const placeOf = (record: (typeof own)[number] | undefined): bigint => {
      const place = there.find(({ value }) => String(value) === String(record?.value))
      assert.ok(place !== undefined && place.offset < (record?.offset ?? 0))
      return BigInt(place.offset)
    }
    const [atSource, atTarget] = [source, target].map(({ bootstrapServers }) =>
      createAdmin(t, bootstrapServers))
    assert.ok(atSource !== undefined && atTarget !== undefined)
    const commit = async (group: string, record: (typeof own)[number] | undefined) => {
      await commitOffsets(atSource, group, [{
        topic: 'ledger', partition: 0, offset: BigInt(record?.offset ?? -1), metadata: 'of a test'
      }])
    }
    const offsetsOf = async (group: string) => (await atTarget.groupOffsets([group]))[0]?.offsets
    const untilAt = async (group: string, offset: bigint): Promise<void> => {
      await eventually(`${group} is at ${offset}`,
        async () => (await offsetsOf(group))?.[0]?.offset === offset)
    }
    const [early, middle, late] = [1, 2, 3].map(quarter => own[quarter * own.length >>> 2])
    const member = await TestMember.join(target.bootstrapServers, 'reads-here', 'east.ledger')
    t.after(async () => { await member.close() })
    await commit('payments', middle)
    await commit('reads-here', middle)
    const first = await startMirror(t, file)
    await untilAt('payments', placeOf(middle))
    assert.deepEqual(await offsetsOf('payments'), [
      { topic: 'east.ledger', partition: 0, offset: placeOf(middle), metadata: 'of a test' }
    ])
    const second = await startMirror(t, file)
    assert.equal((await first.stop()).code, 0)
    await commit('payments', early)
    await commit('billing', late)
    await untilAt('billing', placeOf(late))
    await commit('billing', own.at(-1))
    await untilAt('billing', placeOf(own.at(-1)))
    // Later runs have seen both groups.
    assert.equal((await offsetsOf('payments'))?.[0]?.offset, placeOf(middle))
    assert.deepEqual(await offsetsOf('reads-here'), [])
    const { groups } = await atTarget.listGroups()
    assert.deepEqual(['payments', 'reads-here'].map(name =>
      groups.find(group => group.name === name)?.state), ['Empty', 'Stable'])
    assert.equal((await second.stop()).code, 0)
  })

  test('a transaction that is still open holds its records back until it ends', async t => {
    const { source, target } = clusters
    await source.createTopic('open-ended')
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'open-ended.*' }))
    const mirror = await startMirror(t, file)
    const producer = await TestProducer.open(source.bootstrapServers, { transactionalId: 'slow' })
    t.after(async () => { await producer.close() })
    await producer.begin()
    await producer.sendAll('open-ended', [{ value: 'held back', partition: 0 }])
    await produce(source.bootstrapServers, 'open-ended', [{ value: 'behind it', partition: 0 }])
    // Records that were produced later to a later topic have arrived, so the mirror has had its
    // chance.
    await source.createTopic('open-ended-witness')
    await produce(source.bootstrapServers, 'open-ended-witness', [{ value: 'seen', partition: 0 }])
    await untilRecords(mirror, target, 'east.open-ended-witness', 1)
    assert.deepEqual(await target.admin.offsets('east.open-ended', 0), { low: 0, high: 0 })
    await producer.commit()
    await untilRecords(mirror, target, 'east.open-ended', 2)
    assert.equal((await mirror.stop()).code, 0)
    const read = await assertSameRecords(clusters, remoteOf('open-ended'))
    assert.deepEqual(read.map(record => record.value?.toString()), ['held back', 'behind it'])
  })

  test('batches of an idempotent producer arrive under the producer id of the flow', async t => {
    const { source, target } = clusters
    await source.createTopic('idempotent')
    const records = Array.from({ length: 500 }, (_, index): ProducedRecord =>
      ({ value: `value ${index}`, partition: 0 }))
    await produce(source.bootstrapServers, 'idempotent', records,
      { idempotent: true, codec: 'lz4', batchRecordsMax: 50 })
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'idempotent' }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.idempotent', records.length)
    assert.equal((await mirror.stop()).code, 0)

    await assertSameRecords(clusters, remoteOf('idempotent'))
    const downstream = rawBatches(target, 'east.idempotent', 0)
    const ledger = rawBatches(target, 'east.ledger', 0)
    assert.equal(new Set([...downstream, ...ledger].map(batch => batch.producerId)).size, 1)
    let sequence = 0
    for (const batch of downstream) {
      assert.equal(batch.baseSequence, sequence)
      sequence += batch.recordCount
    }
  })
})

/** `counts`: records of the remote topic by partition. */
async function assertOnRecord (file: string, counts: readonly number[]): Promise<void> {
  const exported = await runCommand(['offsets', 'export', file])
  const { flows: [flow] } = JSON.parse(exported.stdout) as { readonly flows: readonly FlowJson[] }
  assert.deepEqual(flow?.partitions.map(({ offsetMap, partition, targetOffset, topic }) => {
    const records = offsetMap.spans.reduce((sum, span) => sum + Number(span.records), 0)
    return [topic, partition, targetOffset, records]
  }), counts.map((count, partition) => ['ledger', partition, String(count), count]))
  const one = await runCommand(
    ['offsets', 'explain', file, '--topic', 'ledger', '--partition', '1'])
  assert.equal(one.exit.code, 0)
  assert.match(one.stdout, /ledger-1 is mirrored up to source offset \d+, which is target offset/)
  assert.doesNotMatch(one.stdout, /ledger-0/)
  const byRemote = await runCommand(
    ['offsets', 'explain', file, '--topic', 'east.ledger', '--partition', '1'])
  assert.equal(byRemote.stdout, one.stdout)
  const none = await runCommand(['offsets', 'explain', file, '--topic', 'ledgers'])
  assert.equal(none.exit.code, 1)
  assert.match(none.stdout, /has no position of ledgers: check the name/)
}

interface FlowJson {
  readonly partitions: ReadonlyArray<{
    readonly topic: string
    readonly partition: number
    readonly targetOffset: string
    readonly offsetMap: { readonly spans: ReadonlyArray<{ readonly records: string }> }
  }>
}
