// The real MirrorMaker 2 is killed under load, Longhaul goes on with the same file, and later
// MirrorMaker 2 goes on again: each record is on the target once. Needs Java.
import assert from 'node:assert/strict'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { eventually } from '../kafka/eventually.ts'
import { ensureJars } from '../kafka/jars.ts'
import { javaArguments, javaProgram, quickStartFlags } from '../kafka/java.ts'
import {
  createTempFolder, killChild, removeFolder, spawnGuarded, stopChild
} from '../kafka/process-guard.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { committedByMirrorMaker } from './mirror-maker-positions.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 3
const topic = 'moved'
const remoteTopic = `east.${topic}`
const stopMsMax = 60_000
// MirrorMaker 2 commits each 10 s in this file, so that a commit in 12 s would have been seen.
const quietSeconds = ['--quiet-seconds', '12']

/** Of a cluster with one broker; everything else is MirrorMaker 2's default. */
const ofMirrorMaker = {
  'heartbeats.topic.replication.factor': 1,
  'offset-syncs.topic.replication.factor': 1,
  'offset.storage.replication.factor': 1,
  'status.storage.replication.factor': 1,
  'config.storage.replication.factor': 1,
  'offset.flush.interval.ms': 10_000,
  'tasks.max': 2
}

class MirrorMaker {
  readonly #child: ReturnType<typeof spawnGuarded>
  readonly #log: string

  private constructor (child: ReturnType<typeof spawnGuarded>, log: string) {
    this.#child = child
    this.#log = log
  }

  static async start (t: TestContext, file: string): Promise<MirrorMaker> {
    const { classPath } = await ensureJars()
    const folder = createTempFolder('mirror-maker')
    const log = join(folder, 'output.log')
    const child = spawnGuarded(javaProgram(), javaArguments({
      classPath,
      className: 'org.apache.kafka.connect.mirror.MirrorMaker',
      args: [file],
      flags: [...quickStartFlags, '-Xmx512m']
    }), { stdio: ['ignore', 'pipe', 'pipe'] })
    const output = createWriteStream(log)
    child.stdout?.pipe(output)
    child.stderr?.pipe(output)
    t.after(async () => {
      await killChild(child)
      removeFolder(folder)
    })
    return new MirrorMaker(child, log)
  }

  async untilRecords (clusters: MirroredClusters, count: number): Promise<void> {
    try {
      await eventually(`${count} records of MirrorMaker 2`, async () =>
        await countRecords(clusters.target, remoteTopic).catch(() => 0) >= count)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#tail()}`)
    }
  }

  async kill (): Promise<void> { await killChild(this.#child) }

  async stop (): Promise<void> { await stopChild(this.#child, stopMsMax) }

  #tail (): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-30).join('\n')
  }
}

async function mustRun (args: readonly string[]): Promise<string> {
  const { exit, stderr, stdout } = await runCommand([...args])
  assert.equal(exit.code, 0, `${args.join(' ')}\n${stdout}${stderr}`)
  assert.doesNotMatch(stderr, /MaxListeners/, 'Node warned of listeners of the stop')
  return `${stdout}${stderr}`
}

describe('the move from MirrorMaker 2 and back', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('under load doubles and loses nothing, with one file for both programs', async t => {
    const { source, target } = clusters
    await source.createTopic(topic, { partitions })
    const file = createPropertiesFile(t,
      flowProperties(clusters, { ...ofMirrorMaker, 'east->west.topics': topic }))
    const load = await SequenceLoad.start(t, source, topic, { partitions })
    const first = await MirrorMaker.start(t, file)
    await eventually('a commit of each partition', async () =>
      (await committedByMirrorMaker(clusters, topic).catch(() => []))
        .filter(offset => offset > 0).length === partitions)
    const committed = await countRecords(target, remoteTopic)
    await first.untilRecords(clusters, committed + 500 * partitions) // not committed
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
    await second.untilRecords(clusters, mirrored + 1)
    const wayBack = (performance.now() - stoppedAt) / 1_000
    t.diagnostic(`${wayBack.toFixed(0)} s from the stop of Longhaul to the next record`)
    const written = await load.stop()
    await second.untilRecords(clusters, written * partitions)
    await second.stop()
    await assertEachOnceInOrder(target, remoteTopic, partitions, written)
    t.diagnostic(`${written * partitions} records, ${leftBehind} of them before the kill`)
  })
})
