// One of the disks of a target broker fails: its partitions get other leaders, and no record is
// lost or duplicated.
import assert from 'node:assert/strict'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { KafkaCluster } from '../../kafka/cluster.ts'
import { startLoadedMirror } from '../loaded-mirror.ts'
import { startClusters } from '../mirrored-clusters.ts'
import { untilEachAdvances } from './fault-probe.ts'

const partitions = 6
const durable = { 'min.insync.replicas': '2' }

describe('a failed disk', () => {
  test('of a target broker costs its partitions their leader and no record',
    async t => {
      const clusters = await startClusters({ brokers: 3 }, { brokers: 3, logDirCount: 2 })
      t.after(async () => { await clusters.close() })
      const { target } = clusters
      const topic = 'on-bad-disk'
      const { finish, mirror, more, remoteTopic } = await startLoadedMirror(t, clusters, {
        topic,
        partitions,
        sourceTopic: { configs: durable },
        // A broker notices the failure when it creates a file there: it can write to open files for
        // ever.
        targetTopic: { configs: { ...durable, 'segment.ms': '500' } },
        properties: { 'request.timeout.ms': 5000 }
      })
      await more()
      const { partition, leader, logDir } = await secondDiskOfLeader(target, remoteTopic)
      renameSync(logDir, `${logDir}-gone`)
      await mirror.until('another leader', async () =>
        ![leader, -1].includes(await target.admin.leaderOf(remoteTopic, partition)))
      await untilEachAdvances(mirror, target, remoteTopic, [...Array(partitions).keys()], 100)
      await finish()
      assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
    })
})

/** The second disk of a broker that leads a partition with its log there. */
async function secondDiskOfLeader (
  cluster: KafkaCluster, topic: string
): Promise<{ readonly partition: number, readonly leader: number, readonly logDir: string }> {
  for (let partition = 0; partition < await cluster.admin.partitionCount(topic); partition++) {
    const leader = await cluster.admin.leaderOf(topic, partition)
    const logDir = cluster.broker(leader).logDirs[1] ?? ''
    if (existsSync(join(logDir, `${topic}-${partition}`))) return { partition, leader, logDir }
  }
  throw new Error(`no leader of ${topic} has its log on the second disk`)
}
