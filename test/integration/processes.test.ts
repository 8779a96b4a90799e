// Several processes share one flow: they join, leave and die under load, each gets its part of the
// partitions, and what one let go of another goes on with. Nothing is lost, nothing comes twice.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 4
const sessionTimeoutMs = 10_000

describe('processes that share a flow', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  // First, so that nothing is there yet: neither progress topic nor producer id nor remote topic.
  test('start at the same moment and agree', async t => {
    const { start, more, finish } = await createLoad(t, 'together')
    const both = await Promise.all([start(), start()])
    const [first] = both
    assert.ok(first)
    await more(first)
    for (const mirror of both) await untilOwned(mirror, 2)
    await more(first)
    await finish(first)
    for (const mirror of both) assert.equal((await mirror.stop()).code, 0)
  })

  test('spread one topic of four partitions, two each, and hand over what is under load',
    async t => {
      const { start, more, finish } = await createLoad(t, 'planned')
      const first = await start()
      await more(first)
      await untilOwned(first, 4)
      const second = await start()
      await untilOwned(first, 2)
      await untilOwned(second, 2)
      await more(second)
      assert.equal((await first.stop()).code, 0)
      await untilOwned(second, 4)
      await more(second)
      await finish(second)
      assert.equal((await second.stop()).code, 0)
    })

  test('take over from one that was killed, within its session and a little', async t => {
    const { start, more, finish } = await createLoad(t, 'killed')
    const first = await start()
    await more(first)
    const second = await start()
    await untilOwned(first, 2)
    await untilOwned(second, 2)
    await more(second)
    await first.kill()
    await untilOwned(second, 4, sessionTimeoutMs + 10_000)
    await more(second)
    const third = await start()
    await untilOwned(third, 2)
    await more(third)
    await finish(third)
    assert.equal((await third.stop()).code, 0)
    assert.equal((await second.stop()).code, 0)
  })

  async function createLoad (t: TestContext, topic: string): Promise<{
    readonly start: () => Promise<MirrorProcess>
    /** Resolves when what was written until now is on the target. */
    readonly more: (mirror: MirrorProcess) => Promise<void>
    /** Ends the load and compares. */
    readonly finish: (mirror: MirrorProcess) => Promise<void>
  }> {
    const { source, target } = clusters
    await source.createTopic(topic, { partitions })
    const remoteTopic = `east.${topic}`
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topics': topic }))
    const load = await SequenceLoad.start(t, source, topic, { partitions, recordsPerTurn: 5 })
    const until = async (mirror: MirrorProcess, count: number): Promise<void> => {
      await untilRecords(mirror, target, remoteTopic, count * partitions)
    }
    return {
      start: async () => await startMirror(t, file),
      more: async mirror => { await until(mirror, load.written + 20) },
      finish: async mirror => {
        const count = await load.stop()
        await until(mirror, count)
        await assertEachOnceInOrder(target, remoteTopic, partitions, count)
      }
    }
  }
})

/** Of the topic's partitions, those that the process says it mirrors. */
async function untilOwned (
  mirror: MirrorProcess, count: number, timeoutMs = 30_000
): Promise<void> {
  await mirror.until(`${count} partitions`, async () => await ownedBy(mirror) === count, timeoutMs)
}

async function ownedBy (mirror: MirrorProcess): Promise<number> {
  const metrics = await mirror.metrics().catch(() => undefined)
  if (metrics === undefined) return -1
  return Object.entries(seriesOf(metrics, 'longhaul_partitions'))
    .filter(([labels]) => !labels.includes('state="stopped"'))
    .reduce((sum, [, count]) => sum + count, 0)
}
