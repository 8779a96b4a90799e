// MirrorMaker 2 mirrors in both directions and moves offsets of groups; it is killed, and Longhaul
// continues both flows with the same file. Needs Java.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { eventually } from '../kafka/eventually.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce, TestProducer } from '../kafka/kafka-producer.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { commitOffsets } from './group-commit.ts'
import { interleaveTransactions } from './interleaved-transactions.ts'
import { committedByMirrorMaker, numbered } from './mirror-maker-positions.ts'
import { MirrorMaker, ofMirrorMaker } from './mirror-maker-process.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const bothWays = {
  ...ofMirrorMaker,
  'east->west.topics': 'ledger, closed',
  'west->east.enabled': true,
  'west->east.topics': 'orders',
  'emit.heartbeats.enabled': true,
  'sync.group.offsets.enabled': true,
  'sync.group.offsets.interval.seconds': 2,
  'emit.checkpoints.interval.seconds': 2,
  'refresh.groups.interval.seconds': 2
}

async function mustRun (...args: readonly string[]): Promise<void> {
  const { exit, stderr, stdout } = await runCommand(args)
  assert.equal(exit.code, 0, `${args.join(' ')}\n${stdout}${stderr}`)
}

async function valuesOf (cluster: KafkaCluster, topic: string): Promise<readonly string[]> {
  return (await readTopic(cluster.bootstrapServers, topic)).map(({ value }) => String(value))
}

/** One transaction; returns the offset of its marker. */
async function writeClosed (cluster: KafkaCluster, topic: string): Promise<number> {
  const producer = await TestProducer.open(cluster.bootstrapServers, { transactionalId: 'closing' })
  await producer.begin()
  await producer.sendAll(topic, numbered(0, 0, 5))
  await producer.commit()
  await producer.close()
  return 5
}

test('both directions of a file continue, and no group goes back', async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('ledger', { partitions: 2 })
  await source.createTopic('closed')
  await target.createTopic('orders')
  const committed = await interleaveTransactions(source.bootstrapServers, 'ledger')
  const marker = await writeClosed(source, 'closed')
  await produce(target.bootstrapServers, 'orders', numbered(0, 0, 100))
  const atSource = createAdmin(t, source.bootstrapServers)
  const atTarget = createAdmin(t, target.bootstrapServers)
  const commit = async (group: string, offset: number, topic = 'ledger'): Promise<void> => {
    await commitOffsets(atSource, group,
      [{ topic, partition: 0, offset: BigInt(offset), metadata: '' }])
  }
  const offsetOf = async (group: string): Promise<bigint | undefined> =>
    (await atTarget.groupOffsets([group]))[0]?.offsets[0]?.offset
  const endOf = async (cluster: KafkaCluster, topic: string): Promise<number> =>
    (await cluster.admin.offsets(topic, 0)).high
  await commit('billing', await endOf(source, 'ledger'))
  const file = createPropertiesFile(t, flowProperties(clusters, bothWays))
  const first = await MirrorMaker.start(t, file)
  await first.untilRecords(target, 'east.ledger', committed.length)
  await first.untilRecords(source, 'west.orders', 100)
  for (const [topic, partitions] of [['ledger', 2], ['closed', 1]] as const) {
    await first.until(`a commit of each partition of ${topic}`, async () =>
      (await committedByMirrorMaker(clusters, topic).catch(() => []))
        .filter(offset => offset > 0).length === partitions)
  }
  await first.until('offsets of the group', async () => await offsetOf('billing') !== undefined)
  await mustRun('validate', file, '--before-import')
  await produce(source.bootstrapServers, 'ledger', numbered(0, 0, 200))
  await produce(target.bootstrapServers, 'orders', numbered(0, 100, 200))
  await first.untilRecords(source, 'west.orders', 101) // not committed
  await first.kill()
  const byMirrorMaker = await offsetOf('billing') ?? 0n

  await mustRun('migrate', file, '--yes', '--quiet-seconds', '12')
  const mirror = await startMirror(t, file)
  await produce(source.bootstrapServers, 'ledger', numbered(1, 0, 10))
  const written = await countRecords(target, 'orders')
  await untilRecords(mirror, source, 'west.orders', written)
  await commit('readers', await endOf(source, 'ledger'))
  await mirror.until('a group that MirrorMaker 2 did not know', async () =>
    await offsetOf('readers') === BigInt(await endOf(target, 'east.ledger')))
  // The group has committed the offset after the last record, as Spring does: that of the marker.
  await commit('closers', marker, 'closed')
  await mirror.until('a group before the marker of an idle partition', async () =>
    await offsetOf('closers') === BigInt(await endOf(target, 'east.closed')))
  const kept = await offsetOf('billing') ?? 0n
  assert.ok(kept >= byMirrorMaker, `${kept} is before ${byMirrorMaker}`)
  await commit('billing', await endOf(source, 'ledger'))
  await mirror.until('the group of MirrorMaker 2', async () =>
    await offsetOf('billing') === BigInt(await endOf(target, 'east.ledger')))
  await eventually('all records of the ledger', async () =>
    (await valuesOf(target, 'east.ledger')).filter(value => value === 'record 9').length === 2)
  assert.equal((await mirror.stop()).code, 0)

  assert.deepEqual(await valuesOf(source, 'west.orders'), await valuesOf(target, 'orders'))
  // MirrorMaker 2 has mirrored the aborted records, too.
  const ledger = (await readTopic(target.bootstrapServers, 'east.ledger'))
    .map(({ partition, value }) => `${partition} ${String(value)}`)
  assert.equal(new Set(ledger).size, ledger.length)
  const wanted = (await readTopic(source.bootstrapServers, 'ledger'))
    .map(({ partition, value }) => `${partition} ${String(value)}`)
  assert.deepEqual(wanted.filter(each => !ledger.includes(each)), [])
})
