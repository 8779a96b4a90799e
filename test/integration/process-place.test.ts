// docs/process-place.md: the file works for a process beside the target and for one beside the
// source, over a long line on which each connection passes little. The process moves from one place
// to the other under load, and dies there. How fast each place is, `npm run perf` measures.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { startLine, type Line } from '../../perf/line/line.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { evictMembers } from '../kafka/consumer-group.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'
import { untilRecords } from './comparison.ts'
import { documentedFile } from './documented-file.ts'
import {
  createPropertiesFile, startMirror, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 4
const group = 'longhaul.sydney->frankfurt'

describe('a process at either end of a long line', () => {
  let clusters: MirroredClusters
  let lines: readonly Line[]
  let ports: readonly number[]
  before(async () => {
    ports = await reservePorts(2)
    const [source, target] = ports.map(port =>
      ({ moreListeners: [{ name: 'FAR', protocol: 'PLAINTEXT', advertisedPort: port }] } as const))
    clusters = await startClusters(source, target)
    // 50 KB under way: 0.5 MB/s a connection.
    lines = await Promise.all([clusters.source, clusters.target].map(async (cluster, index) =>
      await startLine(ports[index] ?? 0, portOf(cluster),
        { roundTripMs: 100, rate: 0, window: 50_000 })))
  })
  after(async () => {
    await Promise.all(lines.map(async line => { await line.stop() }))
    await clusters.close()
    releasePorts(ports)
  })

  /** `far`: the cluster at the other end of the line. */
  const startBesideOther = async (
    t: TestContext, far: 'sydney' | 'frankfurt', topic: string
  ): Promise<MirrorProcess> => {
    const { source, target } = clusters
    const properties: Properties = {
      ...documentedFile('process-place.md', [source, target]),
      [`${far}.bootstrap.servers`]: `127.0.0.1:${ports[far === 'sydney' ? 0 : 1]}`,
      topics: topic
    }
    return await startMirror(t, createPropertiesFile(t, properties))
  }

  for (const [place, far, near] of [
    ['target', 'sydney', 'frankfurt'], ['source', 'frankfurt', 'sydney']
  ] as const) {
    test(`beside the ${place} a process mirrors each record once, dies, moves away`, async t => {
      const { source, target } = clusters
      const topic = `beside-${place}`
      const remote = `sydney.${topic}`
      await source.createTopic(topic, { partitions })
      const load = await SequenceLoad.start(t, source, topic,
        { partitions, codec: 'none', recordBytes: 1_000, recordsPerTurn: 10 })
      const first = await startBesideOther(t, far, topic)
      await untilRecords(first, target, remote, 500 * partitions)
      await first.kill()
      await evictMembers(target, group)
      const again = await startBesideOther(t, far, topic)
      await untilRecords(again, target, remote, 1_000 * partitions)
      assert.equal((await again.stop()).code, 0)
      const moved = await startBesideOther(t, near, topic)
      await untilRecords(moved, target, remote, await load.stop() * partitions)
      await moved.untilReady()
      assert.equal((await moved.stop()).code, 0)
      await assertEachOnceInOrder(target, remote, partitions, load.written)
    })
  }
})

function portOf (cluster: KafkaCluster): number {
  return Number(cluster.serversOf('FAR').split(':')[1])
}
