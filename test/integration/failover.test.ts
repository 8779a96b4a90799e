// Three brokers on both sides and a load that does not pause: leaders move, brokers are killed and
// come back. Each record arrives once and in order.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { killLeader, moveLeader } from '../kafka/partition-operations.ts'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 6
const replicated = { partitions, configs: { 'min.insync.replicas': '2' } }

describe('a mirror between clusters of three brokers', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({ brokers: 3 }) })
  after(async () => { await clusters.close() })

  test('leaders that move on the source and on the target cost nothing', async t => {
    await underLoad(t, 'moved', async (mirror, more) => {
      await moveLeader(clusters.source, 'moved', 0, await followerOf(clusters.source, 'moved'))
      await more()
      await moveLeader(clusters.target, 'east.moved', 0,
        await followerOf(clusters.target, 'east.moved'))
      await more()
      assert.equal(mirror.isRunning, true)
    })
  })

  test('a broker of the source that is killed and comes back costs nothing', async t => {
    await underLoad(t, 'source-killed', async (_mirror, more) => {
      const killed = await killLeader(clusters.source, 'source-killed', 0)
      await more()
      await clusters.source.broker(killed).start()
      await more()
    })
  })

  test('a broker of the target that is killed and comes back costs nothing', async t => {
    await underLoad(t, 'target-killed', async (_mirror, more) => {
      const killed = await killLeader(clusters.target, 'east.target-killed', 0)
      await more()
      await clusters.target.broker(killed).start()
      await more()
    })
  })

  /** `more` resolves when every partition has advanced by what was written since it was called. */
  async function underLoad (
    t: TestContext, topic: string,
    fault: (mirror: MirrorProcess, more: () => Promise<void>) => Promise<void>
  ): Promise<void> {
    const { source, target } = clusters
    const remoteTopic = `east.${topic}`
    await source.createTopic(topic, replicated)
    await target.createTopic(remoteTopic, replicated)
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topics': topic }))
    const mirror = await startMirror(t, file)
    const load = await SequenceLoad.start(t, source, topic, { partitions })
    const more = async (): Promise<void> => {
      const wanted = load.written + 100
      await mirror.until('more of the load', () => load.written >= wanted, 60_000)
      await untilRecords(mirror, target, remoteTopic, wanted * partitions, 60_000)
    }
    await more()
    await fault(mirror, more)
    const written = await load.stop()
    await untilRecords(mirror, target, remoteTopic, written * partitions, 60_000)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    await assertEachOnceInOrder(source, topic, partitions, written)
    await assertEachOnceInOrder(target, remoteTopic, partitions, written)
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  }
})

async function followerOf (cluster: KafkaCluster, topic: string): Promise<number> {
  return await cluster.admin.leaderOf(topic, 0) % 3 + 1
}
