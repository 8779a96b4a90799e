// What Kafka's MirrorClient, with which consumers fail over, finds on clusters that Longhaul
// mirrors. A Java program of test/kafka, compiled as it starts: this needs a JDK.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { ensureJars } from '../kafka/jars.ts'
import { mustRunJava } from '../kafka/java.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'

test('MirrorClient finds the upstream clusters of a chain and their distances', async t => {
  const started = await Promise.all(['a', 'b', 'c'].map(async () => await startKafkaCluster(t)))
  const [a, b, c] = started as [KafkaCluster, KafkaCluster, KafkaCluster]
  // Only the settings that clusters of one broker need; all others are defaults.
  const mirror = await startMirror(t, createPropertiesFile(t, {
    'clusters': 'a, b, c',
    'a.bootstrap.servers': a.bootstrapServers,
    'b.bootstrap.servers': b.bootstrapServers,
    'c.bootstrap.servers': c.bootstrapServers,
    'a->b.enabled': true,
    'b->c.enabled': true,
    'topics': 'nothing.*',
    'replication.factor': 1,
    'progress.topic.replication.factor': 1,
    'heartbeats.topic.replication.factor': 1,
    'offset-syncs.topic.replication.factor': 1,
    'refresh.topics.interval.seconds': 1,
    'metrics.port': 0
  }))
  await untilRecords(mirror, c, 'b.heartbeats', 2)
  await untilRecords(mirror, c, 'b.a.heartbeats', 2)
  assert.deepEqual(await reportOf(c, ['a', 'b', 'd']), {
    heartbeatTopics: ['b.a.heartbeats', 'b.heartbeats', 'heartbeats'],
    upstreamClusters: ['a', 'b'],
    // By its name the progress topic looks to MirrorClient like one of a cluster
    // `longhaul-progress`.
    remoteTopics: ['b.a.heartbeats', 'b.heartbeats', 'longhaul-progress.b.internal'],
    hops: { a: 2, b: 1, d: -1 },
    groups: {}
  })
  assert.deepEqual(await reportOf(a, ['b']), {
    heartbeatTopics: ['heartbeats'], upstreamClusters: [], remoteTopics: [], hops: { b: -1 },
    groups: {}
  })
  assert.equal((await mirror.stop()).code, 0)
  assert.deepEqual(mirror.log.filter(({ level }) => level === 'error' || level === 'warn'), [])
})

async function reportOf (cluster: KafkaCluster, aliases: readonly string[]): Promise<unknown> {
  const printed = await mustRunJava({
    classPath: (await ensureJars()).classPath,
    className: join(repoRoot(), 'test/kafka/MirrorClientReport.java'),
    args: [`bootstrap.servers=${cluster.bootstrapServers}`, '--', ...aliases]
  })
  const line = printed.split('\n').find(each => each.startsWith('{')) ?? ''
  return JSON.parse(line) as unknown
}
