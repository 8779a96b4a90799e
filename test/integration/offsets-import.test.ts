// Exported positions are imported for a flow whose progress topic was lost, and under another name:
// no record is lost or duplicated, and the offset map is known again.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

interface Plan {
  readonly imported: boolean
  readonly positions: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly leftOut: ReadonlyArray<Readonly<Record<string, unknown>>>
}

async function valuesOf (cluster: KafkaCluster, topic: string): Promise<readonly string[]> {
  return (await readTopic(cluster.bootstrapServers, topic)).map(({ value }) => String(value))
}

test('a flow that lost its progress topic continues at exported positions', async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  for (const topic of ['orders', 'gone']) {
    await source.createTopic(topic)
    await produce(source.bootstrapServers, topic, numbered(0, 100))
  }
  const properties = flowProperties(clusters, { topics: 'orders, gone' })
  const file = createPropertiesFile(t, properties)
  const folder = createTempFolder('export')
  t.after(() => { removeFolder(folder) })
  const from = join(folder, 'positions.json')
  const mirror = await startMirror(t, file)
  for (const topic of ['orders', 'gone']) await untilRecords(mirror, target, `east.${topic}`, 100)
  await mirror.until('positions of both topics', async () => {
    const { stdout } = await runCommand(['offsets', 'export', file])
    writeFileSync(from, stdout)
    return stdout.split('"sourceOffset": "100"').length >= 3
  })
  const early = await runCommand(['offsets', 'import', file, '--from', from, '--yes'])
  assert.match(early.stdout, /is mirrored by 1 process of Longhaul/)
  // Mirrored after the export: the comparison of the logs finds these records.
  await produce(source.bootstrapServers, 'orders', numbered(100, 130))
  await untilRecords(mirror, target, 'east.orders', 130)
  assert.equal((await mirror.stop()).code, 0)
  const known = await runCommand(['offsets', 'import', file, '--from', from, '--yes'])
  assert.match(known.stdout, /has positions on record already/)
  assert.equal(known.exit.code, 1)

  await target.admin.deleteTopic('longhaul-progress.east.internal')
  await target.admin.deleteTopic('east.gone')
  await target.createTopic('east.gone')
  await produce(source.bootstrapServers, 'orders', numbered(130, 150))
  const dry = await runCommand(['offsets', 'import', file, '--from', from, '-o', 'json'])
  const [plan] = JSON.parse(dry.stdout) as [Plan]
  assert.equal(plan.imported, false)
  assert.deepEqual(plan.positions.map(({ foundBeyond, sourceOffset, targetOffset, topic }) =>
    [topic, foundBeyond, sourceOffset, targetOffset]), [['orders', '30', '130', '130']])
  assert.deepEqual(plan.leftOut.map(({ topic }) => topic), ['gone'])
  assert.match(String(plan.leftOut[0]?.['reason']), /east\.gone was recreated on the target/)
  assert.ok(!(await target.admin.topicNames()).includes('longhaul-progress.east.internal'))

  // Under another name of the flow, which keeps the names of the remote topics.
  const renamed = createPropertiesFile(t, {
    ...properties,
    'clusters': 'orient, west',
    'orient.bootstrap.servers': source.bootstrapServers,
    'orient->west.enabled': true,
    'source.cluster.alias': 'east'
  })
  const other = await runCommand(['offsets', 'import', renamed, '--from', from, '--yes'])
  assert.match(other.stdout, /has no flow orient->west; it has east->west/)
  const done = await runCommand(
    ['offsets', 'import', renamed, '--from', from, '--from-flow', 'east->west', '--yes'])
  assert.equal(done.exit.code, 0, done.stdout)
  const again = await startMirror(t, renamed)
  await untilRecords(again, target, 'east.orders', 150)
  await untilRecords(again, target, 'east.gone', 100)
  const place = await runCommand(['offsets', 'translate', renamed, '--topic', 'orders',
    '--partition', '0', '--offset', '42', '-o', 'json'])
  assert.match(place.stdout, /"targetOffset":"42","kind":"exact"/)
  assert.equal((await again.stop()).code, 0)
  for (const [topic, count] of [['orders', 150], ['gone', 100]] as const) {
    const sent = await valuesOf(source, topic)
    assert.equal(sent.length, count)
    assert.deepEqual(await valuesOf(target, `east.${topic}`), sent)
  }
})

// A backup of the target has other topic ids, and may lack the newest records.
test('exported positions are imported for a restored target, and instead of others', async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('orders')
  await produce(source.bootstrapServers, 'orders', numbered(0, 100))
  const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'orders' }))
  const folder = createTempFolder('export')
  t.after(() => { removeFolder(folder) })
  const from = join(folder, 'positions.json')
  const command = ['offsets', 'import', file, '--from', from]
  const mirror = await startMirror(t, file)
  await untilRecords(mirror, target, 'east.orders', 100)
  await mirror.until('the position', async () => {
    const { stdout } = await runCommand(['offsets', 'export', file])
    writeFileSync(from, stdout)
    return stdout.includes('"sourceOffset": "100"')
  })
  await produce(source.bootstrapServers, 'orders', numbered(100, 130))
  await untilRecords(mirror, target, 'east.orders', 130)
  assert.equal((await mirror.stop()).code, 0)

  // Positions on record stay unless they are to be replaced; what was mirrored since is found.
  assert.match((await runCommand([...command, '--yes'])).stdout, /has positions on record already/)
  const forced = await runCommand([...command, '--force', '--yes', '-o', 'json'])
  const [replaced] = JSON.parse(forced.stdout) as [Plan]
  assert.deepEqual(replaced.positions.map(({ foundBeyond, sourceOffset }) =>
    [foundBeyond, sourceOffset]), [['30', '130']])
  const second = await startMirror(t, file)
  await produce(source.bootstrapServers, 'orders', numbered(130, 150))
  await untilRecords(second, target, 'east.orders', 150)
  assert.equal((await second.stop()).code, 0)
  assert.deepEqual(await valuesOf(target, 'east.orders'), await valuesOf(source, 'orders'))

  // The backup is from the time of the export, and was made by another program.
  const backup = (await readTopic(target.bootstrapServers, 'east.orders')).slice(0, 100)
  await target.admin.deleteTopic('east.orders')
  await target.createTopic('east.orders')
  await produce(target.bootstrapServers, 'east.orders', backup.map(({ key, timestamp, value }) => ({
    value: String(value), timestamp, partition: 0, ...key !== null && { key: String(key) }
  })))
  const refused = await runCommand([...command, '--force', '-o', 'json'])
  const [plan] = JSON.parse(refused.stdout) as [Plan]
  assert.deepEqual(plan.positions, [])
  assert.match(String(plan.leftOut[0]?.['reason']), /recreated on the target.*--trust-target/)
  const trusted = await runCommand([...command, '--force', '--trust-target', '--yes'])
  assert.equal(trusted.exit.code, 0, trusted.stdout)
  const third = await startMirror(t, file)
  await untilRecords(third, target, 'east.orders', 150)
  assert.equal((await third.stop()).code, 0)
  assert.deepEqual(await valuesOf(target, 'east.orders'), await valuesOf(source, 'orders'))
})
