// MirrorMaker 2 is killed under load, Longhaul continues with the same file, and later MirrorMaker
// 2 continues again: each record is on the target once. Needs Java.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../kafka/eventually.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { committedByMirrorMaker } from './mirror-maker-positions.ts'
import { MirrorMaker, ofMirrorMaker } from './mirror-maker-process.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
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

describe('a move from MirrorMaker 2 and a roll-back', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('there, back and there again under load loses and duplicates no record', async t => {
    const { source, target } = clusters
    await source.createTopic(topic, { partitions })
    const file = createPropertiesFile(t,
      flowProperties(clusters, {
        ...ofMirrorMaker, 'east->west.topics': topic, 'offset.storage.topic': 'positions'
      }))
    const load = await SequenceLoad.start(t, source, topic, { partitions })
    const first = await MirrorMaker.start(t, file)
    await eventually('a commit of each partition', async () =>
      (await committedByMirrorMaker(clusters, topic, 'positions').catch(() => []))
        .filter(offset => offset > 0).length === partitions)
    const committed = await countRecords(target, remoteTopic)
    await first.untilRecords(target, remoteTopic, committed + 500 * partitions) // not committed
    await first.kill()
    const killedAt = performance.now()
    const leftBehind = await countRecords(target, remoteTopic)

    t.diagnostic(await mustRun(['migrate', file, '--yes', ...quietSeconds]))
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
})
