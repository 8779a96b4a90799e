// When a reading of Longhaul's compacted topics counts as slow, on a mock cluster.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMockCluster } from '../../../src/dataplane/index.ts'
import { TopicReader } from '../../../src/orchestrator/cluster/topic-reader.ts'
import { TopicWriter } from '../../../src/orchestrator/cluster/topic-writer.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'

const topic = 'positions'

// Regression: the time since the call counted, not the time since the end was known. A reading that
// had waited for a broker during an outage was reported as slow at the moment when the broker
// returned, by each flow: noise.long counted two such lines.
test('a reading that waited for its broker is not slow as soon as the broker answers', async t => {
  const cluster = openMockCluster(
    { brokers: 1, topics: [{ name: topic, partitions: 1, replicationFactor: 1 }] })
  const client = {
    cluster: 'west', properties: { 'bootstrap.servers': cluster.bootstrapServers() }
  }
  const writer = new TopicWriter({ topic, client, timeoutMs: 10_000, clock: systemClock })
  let aheadMs = 0
  const said: string[] = []
  const reader = new TopicReader({
    topic,
    client,
    group: 'longhaul.test',
    standstillMs: 120_000,
    clock: { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs },
    onSlow: (partition, atOffset, end) => { said.push(`${partition}: ${atOffset} of ${end}`) }
  })
  t.after(async () => {
    await Promise.all([writer.close(), reader.close()])
    cluster.close()
  })
  await writer.write([{ partition: 0, key: Buffer.from('key'), value: Buffer.from('value') }])

  const reading = reader.read(0, undefined, () => {})
  // Before the client has sent its first request.
  aheadMs = 60_000
  assert.equal(await reading, 1n)
  assert.deepEqual(said, [])
})

// Regression: each reading listens to the signal, and node warned of the eleventh listener on
// stderr of doctor, which derives its signal from that of the process.
test('readings of all partitions of a topic with one signal cause no warning', async t => {
  const partitions = 16
  const cluster = openMockCluster(
    { brokers: 1, topics: [{ name: topic, partitions, replicationFactor: 1 }] })
  const reader = new TopicReader({
    topic,
    client: { cluster: 'west', properties: { 'bootstrap.servers': cluster.bootstrapServers() } },
    group: 'longhaul.test',
    standstillMs: 120_000,
    clock: systemClock,
    onSlow: () => {}
  })
  const warnings: string[] = []
  const note = ({ name }: Error): void => { warnings.push(name) }
  process.on('warning', note)
  t.after(async () => {
    process.off('warning', note)
    await reader.close()
    cluster.close()
  })
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: partitions },
    async (_, partition) => await reader.read(partition, undefined, () => {}, signal)))
  assert.deepEqual(warnings, [])
})
