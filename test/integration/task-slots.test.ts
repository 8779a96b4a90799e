// A file whose task.slots differs from the progress topic: the topic counts, for processes and
// commands, and no record is lost or doubled.
import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

test('the number of slots of an existing progress topic counts, and the log says so', {
  timeout: 240_000
}, async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  const partitions = Array.from({ length: 8 }, (_, partition) => partition)
  await source.createTopic('orders', { partitions: partitions.length })
  const write = async (from: number): Promise<void> => {
    await produce(source.bootstrapServers, 'orders',
      partitions.flatMap(partition => numbered(from, from + 5, partition)))
  }
  const fileOf = (slots: number): string => createPropertiesFile(t, flowProperties(clusters,
    { 'east->west.topics': 'orders', 'task.slots': slots }))
  await write(0)
  const first = await startMirror(t, fileOf(4))
  await untilRecords(first, target, 'east.orders', 40)
  assert.equal((await first.stop()).code, 0)

  const file = fileOf(16)
  const second = await startMirror(t, file)
  await write(5)
  await untilRecords(second, target, 'east.orders', 80)
  assert.ok(second.log.some(line => String(line['text']).includes('task.slots=16') &&
    String(line['text']).includes('4 task slots')), 'the log says which number counts')
  const url = String(second.log.find(each => typeof each['url'] === 'string')?.['url'])
  await second.until('a member with four slots of four', async () => {
    const { members, slots } = await (await fetch(
      `${url}/api/v1/flows/east-%3Ewest/members`)).json() as {
      slots: number, members: ReadonlyArray<{ slots: readonly number[] }>
    }
    return slots === 4 && members.some(each => each.slots.length === 4)
  })

  // Commands read the positions in the same slots.
  const caughtUp = await runCommand(['wait', file, '--caught-up', '--timeout', '30s'])
  assert.equal(caughtUp.exit.code, 0, caughtUp.stdout + caughtUp.stderr)
  const shown = await runCommand(['status', file, '-o', 'json'])
  const [{ partitions: rows }] = JSON.parse(shown.stdout) as [
    { partitions: Array<{ sourceOffset: string | null }> }
  ]
  assert.deepEqual(rows.map(each => each.sourceOffset), partitions.map(() => '10'))
  assert.equal(await countRecords(target, 'east.orders'), 80)

  // docs/capacity.md: the way to another number of slots.
  assert.equal((await second.stop()).code, 0)
  const positions = join(dirname(file), 'positions.json')
  for (const command of [
    ['offsets', 'export', file, '--to', positions],
    ['offsets', 'import', file, '--from', positions, '--force', '--yes']
  ]) {
    const { exit, stderr, stdout } = await runCommand(command)
    assert.equal(exit.code, 0, stdout + stderr)
  }
  const third = await startMirror(t, file)
  await write(10)
  await untilRecords(third, target, 'east.orders', 120)
  assert.ok(!third.log.some(line => String(line['text']).includes('task.slots=16')))
  assert.equal(await target.admin.partitionCount('longhaul-progress.east.internal'), 16)
  assert.equal((await third.stop()).code, 0)
  assert.equal(await countRecords(target, 'east.orders'), 120)

  // Somebody adds partitions to the topic: positions would be looked for in other slots.
  await target.runTool('org.apache.kafka.tools.TopicCommand',
    ['--alter', '--topic', 'longhaul-progress.east.internal', '--partitions', '32'])
  const refused = await runCommand(['validate', file])
  assert.match(refused.stdout + refused.stderr, / lies in slot .*PROGRESS_SLOTS_CHANGED/)
})
