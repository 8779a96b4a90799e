// Offset syncs on real clusters, read by MirrorMaker 2's formatter: each names a source record and
// its offset on the target, also after transaction markers, in either location, and over the end of
// a process.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  decodeOffsetSync, type OffsetSync
} from '../../src/orchestrator/mirror-maker/internal-records.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { interleaveTransactions } from './interleaved-transactions.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

/** The text that MirrorMaker 2's formatter prints for all syncs, oldest first. */
async function printed (cluster: KafkaCluster, topic: string): Promise<readonly OffsetSync[]> {
  const count = (await readTopic(cluster.bootstrapServers, topic)).length
  const text = await cluster.runTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    '--topic', topic, '--from-beginning', '--max-messages', String(count),
    '--formatter', 'org.apache.kafka.connect.mirror.formatters.OffsetSyncFormatter'
  ])
  const each = /topicPartition=(\S+)-(\d+), upstreamOffset=(\d+), downstreamOffset=(\d+)\}/g
  return [...text.matchAll(each)].map(([, name = '', partition, upstream = '', to = '']) => ({
    topic: name,
    partition: Number(partition),
    upstream: BigInt(upstream),
    downstream: BigInt(to)
  }))
}

async function untilSyncOf (
  mirror: MirrorProcess, cluster: KafkaCluster, topic: string,
  wanted: { readonly partition: number, readonly upstream: bigint }
): Promise<void> {
  await mirror.until(`the sync of ${wanted.partition}/${wanted.upstream}`, async () => {
    if (!(await cluster.admin.topicNames()).includes(topic)) return false
    const records = await readTopic(cluster.bootstrapServers, topic)
    return records.some(({ key, value }) => {
      assert.ok(key !== null && value !== null)
      const { partition, upstream } = decodeOffsetSync({ key, value })
      return partition === wanted.partition && upstream === wanted.upstream
    })
  })
}

async function untilHalf (mirror: MirrorProcess): Promise<void> {
  await mirror.until('half of the slots', async () => {
    const [owned] = Object.values(seriesOf(await mirror.metrics(), 'longhaul_slots_owned'))
    return owned === 16
  })
}

describe('offset syncs', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('name the target offsets of records after transaction markers, on the source', async t => {
    const { source, target } = clusters
    await source.createTopic('ledger', { partitions: 2 })
    const committed = await interleaveTransactions(source.bootstrapServers, 'ledger')
    const mirror = await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { topics: 'ledger' })))
    await untilRecords(mirror, target, 'east.ledger', committed.length)
    const onSource = await readTopic(source.bootstrapServers, 'ledger')
    const onTarget = await readTopic(target.bootstrapServers, 'east.ledger')
    const topic = 'mm2-offset-syncs.west.internal'
    for (const partition of [0, 1]) {
      const last = onSource.filter(each => each.partition === partition).at(-1)
      await untilSyncOf(mirror, source, topic, { partition, upstream: BigInt(last?.offset ?? -1) })
    }
    const syncs = await printed(source, topic)
    assert.ok(syncs.some(({ downstream, upstream }) => downstream < upstream), 'behind a marker')
    for (const sync of syncs) {
      const at = (records: typeof onSource, offset: bigint): string | undefined => {
        const found = records.find(each =>
          each.partition === sync.partition && BigInt(each.offset) === offset)
        return found && String(found.value)
      }
      const value = at(onSource, sync.upstream)
      assert.ok(value !== undefined, `ledger-${sync.partition} holds a record at ${sync.upstream}`)
      assert.equal(at(onTarget, sync.downstream), value)
      assert.equal(sync.topic, 'ledger')
    }
    const { series } = await mirror.metrics()
    assert.ok((series.get('longhaul_duty_last_success_timestamp_seconds' +
      '{duty="offset syncs",source="east",target="west"}') ?? 0) > 0)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error' || level === 'warn'), [])
  })

  // Both owners end while records flow: one is asked to end and writes its last syncs, the other
  // one is killed and writes nothing.
  test('continue in the other process, however their owner ends', async t => {
    const { source, target } = clusters
    const partitions = [0, 1, 2, 3]
    await source.createTopic('shared', { partitions: partitions.length })
    let written = 0
    const more = async (): Promise<void> => {
      await produce(source.bootstrapServers, 'shared',
        numbered(written, written += 400).map((record, i) => ({ ...record, partition: i % 4 })))
    }
    const file = createPropertiesFile(t, flowProperties(clusters, {
      // A killed member is gone after this; Kafka's default smallest is 6 s.
      'topics': 'shared', 'offset.lag.max': 10,
      'east->west.session.timeout.ms': 6_000, 'offset-syncs.topic.location': 'target'
    }))
    const topic = 'mm2-offset-syncs.east.internal'
    const untilLast = async (mirror: MirrorProcess): Promise<void> => {
      await untilRecords(mirror, target, 'east.shared', written)
      for (const partition of partitions) {
        await untilSyncOf(mirror, target, topic, { partition, upstream: BigInt(written / 4 - 1) })
      }
    }
    const stopped = await startMirror(t, file)
    await more()
    await untilLast(stopped)
    const killed = await startMirror(t, file)
    for (const mirror of [stopped, killed]) await untilHalf(mirror)
    await more()
    assert.equal((await stopped.stop()).code, 0)
    await more()
    await untilLast(killed)
    const last = await startMirror(t, file)
    for (const mirror of [killed, last]) await untilHalf(mirror)
    await more()
    await killed.kill()
    await more()
    await untilLast(last)
    assert.equal((await last.stop()).code, 0)
    const syncs = await printed(target, topic)
    for (const { downstream, upstream } of syncs) assert.equal(downstream, upstream)
    for (const partition of partitions) {
      const own = syncs.filter(sync => sync.topic === 'shared' && sync.partition === partition)
        .map(({ upstream }) => upstream)
      assert.ok(new Set(own).size >= 3, own.join())
      // A new owner writes the last sync again, and may repeat syncs of its predecessor.
      for (const [i, upstream] of own.entries()) {
        assert.ok(i === 0 || upstream >= (own[i - 1] ?? 0n) - 200n, own.join())
      }
    }
  })

  test('continue over the end of a process, on the target, under the policy\'s names', async t => {
    const { source, target } = clusters
    await source.createTopic('clicks')
    await produce(source.bootstrapServers, 'clicks', numbered(0, 500))
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'topics': 'clicks',
      'offset-syncs.topic.location': 'target',
      'source.cluster.alias': 'orient',
      'replication.policy.separator': '_'
    }))
    const topic = 'mm2-offset-syncs_orient_internal'
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'orient_clicks', 500)
    await untilSyncOf(mirror, target, topic, { partition: 0, upstream: 499n })
    assert.equal((await mirror.stop()).code, 0)
    await produce(source.bootstrapServers, 'clicks', numbered(500, 700))
    const again = await startMirror(t, file)
    await untilSyncOf(again, target, topic, { partition: 0, upstream: 699n })
    assert.equal((await again.stop()).code, 0)
    const syncs = await printed(target, topic)
    assert.deepEqual(syncs.map(({ downstream }) => downstream),
      syncs.map(({ upstream }) => upstream), 'without gaps both offsets are the same')
    assert.deepEqual(syncs.map(({ upstream }) => upstream),
      syncs.map(({ upstream }) => upstream).toSorted((one, other) => Number(one - other)))
    assert.ok(!(await source.admin.topicNames()).includes(topic))
  })
})
