// A cluster whose every answer takes three seconds: the start waits for it, and records arrive.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { produce } from '../../kafka/kafka-producer.ts'
import { untilRecords } from '../comparison.ts'
import { createPropertiesFile, spawnMirror } from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { numbered } from './fault-probe.ts'

const latencyMs = 1_500
const startMs = 180_000

let clusters: MirroredClusters
before(async () => { clusters = await startClusters({ proxied: true }) })
after(async () => { await clusters.close() })

// Regression: the clients for progress and for the group failed five seconds after they began to
// connect, and the process ended with exit code 3.
test('a start against a slow target succeeds', { timeout: 2 * startMs }, async t => {
  const { source, target } = clusters
  await source.createTopic('slow')
  await produce(source.bootstrapServers, 'slow', numbered(0, 20))
  target.link.set({ latencyMs })
  const mirror = spawnMirror(t, createPropertiesFile(t, flowProperties(clusters, {
    'west.bootstrap.servers': target.proxiedBootstrapServers,
    'east->west.topics': 'slow'
  })))
  await mirror.until('a running flow', async () => (await mirror.readiness()).ready, startMs)
  await untilRecords(mirror, target, 'east.slow', 20)
  target.link.set({})
  assert.equal((await mirror.stop()).code, 0)
})
