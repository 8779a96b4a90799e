// MirrorMaker 2 is killed under load, Longhaul continues with the same file, and later MirrorMaker
// 2 continues again: each record is on the target once. Needs Java.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../kafka/eventually.ts'
import { TestMember } from '../kafka/group-member.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { commitAsMirrorMaker, committedByMirrorMaker, numbered } from './mirror-maker-positions.ts'
import { MirrorMaker, ofMirrorMaker } from './mirror-maker-process.ts'
import {
  createPropertiesFile, MirrorProcess, runCommand, startMirror
} from './mirror-process.ts'
import {
  flowProperties, smallFlows, startClusters, type MirroredClusters
} from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 3
const topic = 'moved'
const remoteTopic = `east.${topic}`
// In this file MirrorMaker 2 commits each 10 s, so a test that waits 12 s would see a commit.
const quietSeconds = ['--quiet-seconds', '12']

async function mustRun (args: readonly string[]): Promise<string> {
  const { exit, stderr, stdout } = await runCommand([...args])
  assert.equal(exit.code, 0, `${args.join(' ')}\n${stdout}${stderr}`)
  assert.doesNotMatch(stderr, /MaxListeners/, 'Node warned of listeners of the stop')
  return `${stdout}${stderr}`
}

/** The worker is in its group, whether or not MirrorMaker 2 has just committed. */
async function refusedWhileRunning (args: readonly string[]): Promise<void> {
  const { exit, stderr, stdout } = await runCommand([...args])
  assert.equal(exit.code, 1, `${stdout}${stderr}`)
  assert.match(stdout, /its group has 1 worker.*\(MIRROR_MAKER_RUNS\)/s)
}

describe('a move from MirrorMaker 2 and a roll-back', { timeout: 1_800_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('there, back and there again under load loses and duplicates no record', async t => {
    const { source, target } = clusters
    await source.createTopic(topic, { partitions })
    const file = createPropertiesFile(t,
      flowProperties(clusters, {
        ...ofMirrorMaker, 'east->west.topics': topic, 'offset.storage.topic': 'positions',
        'west.group.id': 'movers'
      }))
    const load = await SequenceLoad.start(t, source, topic, { partitions })
    const first = await MirrorMaker.start(t, file)
    await eventually('a commit of each partition', async () =>
      (await committedByMirrorMaker(clusters, topic, 'positions').catch(() => []))
        .filter(offset => offset > 0).length === partitions)
    // Regression: the import looked at the group east-mm2, whatever group.id the file had.
    await refusedWhileRunning(['migrate', file, '--yes', ...quietSeconds, '--wait-seconds', '2'])
    const committed = await countRecords(target, remoteTopic)
    await first.untilRecords(target, remoteTopic, committed + 500 * partitions) // not committed
    // The command waits while MirrorMaker 2 runs, and continues once MirrorMaker 2 has ended. On a
    // busy machine a killed worker has left its group before the command looks for it.
    const migrating = new MirrorProcess(['migrate', file, '--yes', ...quietSeconds])
    t.after(async () => { await migrating.kill() })
    await migrating.until('a wait for MirrorMaker 2', () =>
      /waiting for MirrorMaker 2 to stop: its group has 1 worker/.test(migrating.stderr))
    await first.kill()
    const killedAt = performance.now()
    const leftBehind = await countRecords(target, remoteTopic)

    const { code } = await migrating.untilExit()
    assert.equal(code, 0, migrating.stderr)
    t.diagnostic(migrating.stdout)
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, remoteTopic, leftBehind + 1)
    const gap = (performance.now() - killedAt) / 1_000
    t.diagnostic(`${gap.toFixed(0)} s from the kill of MirrorMaker 2 to the next record`)
    await untilRecords(mirror, target, remoteTopic, load.written * partitions)
    assert.equal((await mirror.stop()).code, 0)
    const stoppedAt = performance.now()
    const mirrored = await countRecords(target, remoteTopic)

    t.diagnostic(await mustRun(['offsets', 'export-mm2', file, '--yes']))
    const second = await MirrorMaker.start(t, file)
    await second.untilRecords(target, remoteTopic, mirrored + 1)
    const wayBack = (performance.now() - stoppedAt) / 1_000
    t.diagnostic(`${wayBack.toFixed(0)} s from the stop of Longhaul to the next record`)
    // Records that MirrorMaker 2 has not committed when it is killed.
    await second.untilRecords(target, remoteTopic, mirrored + 500 * partitions)
    await second.kill()
    const kept = await runCommand(['migrate', file, '--yes', ...quietSeconds])
    assert.equal(kept.exit.code, 1)
    assert.match(`${kept.stdout}${kept.stderr}`, /has positions on record already.*--force/)
    t.diagnostic(await mustRun(['migrate', file, '--force', '--yes', ...quietSeconds]))
    const again = await startMirror(t, file)
    const written = await load.stop()
    await untilRecords(again, target, remoteTopic, written * partitions)
    assert.equal((await again.stop()).code, 0)
    await assertEachOnceInOrder(target, remoteTopic, partitions, written)
    t.diagnostic(`${written * partitions} records, ${leftBehind} of them before the kill`)
  })

  test('the options name the topic, the connector and the group of Kafka Connect', async t => {
    const { source, target } = clusters
    await source.createTopic('connected')
    await produce(source.bootstrapServers, 'connected', numbered(0, 0, 40))
    await target.createTopic('plant.connected')
    await produce(target.bootstrapServers, 'plant.connected', numbered(0, 0, 30))
    await commitAsMirrorMaker(clusters, 'connected', [19],
      { cluster: 'plant', connector: 'mirror', to: 'connect-offsets' })
    const file = createPropertiesFile(t, {
      ...smallFlows,
      'clusters': 'plant, west',
      'plant.bootstrap.servers': source.bootstrapServers,
      'west.bootstrap.servers': target.bootstrapServers,
      'plant->west.enabled': true,
      // Regression: a name that the source does not have stopped the import, after MirrorMaker 2
      // was stopped.
      'topics': 'connected, absent'
    })
    const command = ['migrate', file, '--yes', '--quiet-seconds', '0', '--wait-seconds', '2',
      '--offsets-topic', 'connect-offsets', '--connector', 'mirror', '--connect-group', 'connect']
    const worker = await TestMember.join(target.bootstrapServers, 'connect', 'plant.connected')
    try {
      await refusedWhileRunning(command)
    } finally {
      await worker.close()
    }
    await mustRun(command)
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'plant.connected', 40)
    assert.equal((await mirror.stop()).code, 0)
    const records = await readTopic(target.bootstrapServers, 'plant.connected')
    assert.deepEqual(records.map(({ value }) => String(value)),
      numbered(0, 0, 40).map(({ value }) => value))
  })
})
