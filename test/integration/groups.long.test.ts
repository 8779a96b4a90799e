// What Kafka's own clients and tools read of consumer groups on the target: checkpoints, committed
// offsets, and the record at which a consumer continues after a fail-over. A Java program of
// test/kafka calls MirrorClient and is compiled as it starts: this needs a JDK.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../kafka/eventually.ts'
import { ensureJars } from '../kafka/jars.ts'
import { mustRunJava } from '../kafka/java.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { untilRecords } from './comparison.ts'
import { commitOffsets } from './group-commit.ts'
import { interleaveTransactions } from './interleaved-transactions.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const group = 'billing'
const remoteTopic = 'east.ledger'
const checkpoints = 'east.checkpoints.internal'
// The first commit of a cluster creates the topic of committed offsets. Until its coordinator is
// loaded, a run of the group offset sync is refused with one warning, and the next run commits.
const ofLoadingCoordinator = /coordinator/i

test("Kafka's clients and tools read where a group continues after aborted records", async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('ledger', { partitions: 2 })
  const committed = await interleaveTransactions(source.bootstrapServers, 'ledger')
  const records = await readTopic(source.bootstrapServers, 'ledger')
  const next = [0, 1].map(partition => {
    const own = records.filter(record => record.partition === partition)
    const record = own[own.length >>> 1]
    assert.ok(record !== undefined)
    return record
  })
  const [atSource, atTarget] = [source, target].map(({ bootstrapServers }) =>
    createAdmin(t, bootstrapServers))
  assert.ok(atSource !== undefined && atTarget !== undefined)
  await commitOffsets(atSource, group, next.map(({ offset, partition }) =>
    ({ topic: 'ledger', partition, offset: BigInt(offset), metadata: `p${partition}` })))
  const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
    'topics': 'ledger', 'sync.group.offsets.enabled': true, 'emit.checkpoints.interval.seconds': 1
  })))
  await untilRecords(mirror, target, remoteTopic, committed.length)
  const there = await readTopic(target.bootstrapServers, remoteTopic)
  const places = next.map(({ offset, partition, value }) => {
    const place = there.find(record => String(record.value) === String(value))
    assert.ok(place !== undefined && place.offset < offset)
    return { partition, upstream: offset, downstream: place.offset, value: String(value) }
  })
  await eventually('offsets of both partitions', async () => {
    const [found] = await atTarget.groupOffsets([group])
    return places.every(({ downstream, partition }) => found?.offsets.some(each =>
      each.partition === partition && each.offset === BigInt(downstream)) === true)
  })
  // An early run may have translated the offset of that time: the newest checkpoint counts.
  const expected = places.map(({ downstream, partition }) =>
    `${remoteTopic}-${partition} ${downstream} p${partition}`)
  await eventually('checkpoints', async () =>
    (await target.admin.offsets(checkpoints, 0).catch(() => ({ high: 0 }))).high >= 2)
  await eventually('MirrorClient finds both places', async () =>
    JSON.stringify(await checkpointsOf(target.bootstrapServers)) === JSON.stringify(expected),
  { intervalMs: 1_000 })
  const printed = await target.runTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    '--topic', checkpoints, '--from-beginning', '--timeout-ms', '10000',
    '--formatter', 'org.apache.kafka.connect.mirror.formatters.CheckpointFormatter'
  ])
  for (const { downstream, partition, upstream } of places) {
    assert.match(printed, new RegExp(`Checkpoint\\{consumerGroupId=${group}, ` +
      `topicPartition=east\\.ledger-${partition}, upstreamOffset=${upstream}, ` +
      `downstreamOffset=${downstream}, metadata=p${partition}\\}`))
  }
  const shown = await target.runTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
    ['--describe', '--group', group])
  for (const { downstream, partition } of places) {
    assert.match(shown, new RegExp(`${group} +east\\.ledger +${partition} +${downstream} `))
  }
  const read = await target.runTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    '--topic', remoteTopic, '--group', group, '--max-messages', '1',
    '--isolation-level', 'read_committed'
  ])
  const values = places.map(({ value }) => value)
  assert.ok(values.includes(read.trim().split('\n').at(-1) ?? ''), read)
  assert.equal((await mirror.stop()).code, 0)
  assert.deepEqual(mirror.log.filter(({ level, text }) =>
    (level === 'error' || level === 'warn') && !ofLoadingCoordinator.test(text)), [])
})

async function checkpointsOf (servers: string): Promise<unknown> {
  const printed = await mustRunJava({
    classPath: (await ensureJars()).classPath,
    className: join(repoRoot(), 'test/kafka/MirrorClientReport.java'),
    args: [`bootstrap.servers=${servers}`, '--', `east/${group}`]
  })
  const line = printed.split('\n').find(each => each.startsWith('{')) ?? '{}'
  const { groups } = JSON.parse(line) as { groups: Readonly<Record<string, unknown>> }
  return groups[`east/${group}`]
}
