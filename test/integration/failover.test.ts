// Three brokers on both sides and a steady load: leaders move, brokers are killed and restarted.
// Each record arrives once and in order.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { killLeader, moveLeader } from '../kafka/partition-operations.ts'
import { startLoadedMirror } from './loaded-mirror.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import type { MirrorProcess, Properties } from './mirror-process.ts'
import { startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const partitions = 6
const rackAwareSelector = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
const replicated = { partitions, configs: { 'min.insync.replicas': '2' } }

describe('a mirror between clusters of three brokers', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({
      brokers: 3,
      config: { 'replica.selector.class': rackAwareSelector },
      configOf: id => ({ 'broker.rack': `rack-${id}` })
    }, { brokers: 3 })
  })
  after(async () => { await clusters.close() })

  test('leaders that move on the source and on the target cost no record', async t => {
    await underLoad(t, 'moved', async (mirror, more) => {
      await moveLeader(clusters.source, 'moved', 0, await followerOf(clusters.source, 'moved'))
      await more()
      await moveLeader(clusters.target, 'east.moved', 0,
        await followerOf(clusters.target, 'east.moved'))
      await more()
      assert.equal(mirror.isRunning, true)
    })
  })

  test('a broker of the source that is killed and restarted costs no record', async t => {
    await underLoad(t, 'source-killed', async (_mirror, more) => {
      const killed = await killLeader(clusters.source, 'source-killed', 0)
      await more()
      await clusters.source.broker(killed).start()
      await more()
    })
  })

  test('a broker of the target that is killed and restarted costs no record', async t => {
    await underLoad(t, 'target-killed', async (_mirror, more) => {
      const killed = await killLeader(clusters.target, 'east.target-killed', 0)
      await more()
      await clusters.target.broker(killed).start()
      await more()
    })
  })

  test('partitions are read from the broker in the rack of the mirror, while it runs', async t => {
    const properties = { 'east.client.rack': 'rack-2' }
    await underLoad(t, 'racks', async (mirror, more) => {
      await mirror.until('records from followers', async () => await followerBytes(mirror) > 0)
      await clusters.source.broker(2).kill()
      await more()
      await clusters.source.broker(2).start()
      await more()
    }, properties)
  })

  /** `more` resolves when every partition has received the records written since the call. */
  async function underLoad (
    t: TestContext, topic: string,
    fault: (mirror: MirrorProcess, more: () => Promise<void>) => Promise<void>,
    properties: Properties = {}
  ): Promise<void> {
    const { mirror, more, finish } = await startLoadedMirror(t, clusters,
      { topic, partitions, sourceTopic: replicated, targetTopic: replicated, properties })
    await more()
    await fault(mirror, more)
    await finish()
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
  }
})

async function followerOf (cluster: KafkaCluster, topic: string): Promise<number> {
  return await cluster.admin.leaderOf(topic, 0) % 3 + 1
}

async function followerBytes (mirror: MirrorProcess): Promise<number> {
  const metrics = await mirror.metrics()
  return Object.values(seriesOf(metrics, 'longhaul_follower_bytes_total'))[0] ?? 0
}
