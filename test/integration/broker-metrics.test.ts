// The metrics by broker of a real process on real clusters agree with those of the flow.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

const figures = ['requests', 'failed_requests', 'answer_seconds', 'sent_bytes', 'received_bytes',
  'throttle_seconds', 'connections']

test('each broker has its figures, which add up to those of the flow', {
  timeout: 180_000
}, async t => {
  const clusters = await startClusters()
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('orders', { partitions: 3 })
  const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters,
    { 'east->west.topics': 'orders' })))
  await produce(source.bootstrapServers, 'orders',
    [0, 1, 2].flatMap(partition => numbered(0, 50, partition)))
  await untilRecords(mirror, target, 'east.orders', 150)
  const labels = '{source="east",target="west"}'
  const topic = '{source="east",target="west",topic="orders"}'
  const series = await mirror.until('figures of all records', async () => {
    const { series: found } = await mirror.metrics()
    return found.get(`longhaul_records_forwarded_total${topic}`) === 150 && found
  })
  const seriesOf = (name: string, cluster: string): readonly number[] => [...series]
    .filter(([key]) => key.startsWith(`longhaul_broker_${name}_total{`) &&
      key.includes(`cluster="${cluster}"`) && /broker="\d+"/.test(key))
    .map(([, value]) => value)
  const sumOf = (name: string, cluster: string): number =>
    seriesOf(name, cluster).reduce((sum, each) => sum + each, 0)
  for (const cluster of ['east', 'west']) {
    for (const name of figures) {
      const isQuiet = name === 'failed_requests' || name === 'throttle_seconds'
      assert.ok(seriesOf(name, cluster).length > 0, `${name} of ${cluster}`)
      assert.ok(isQuiet || sumOf(name, cluster) > 0, `${name} of ${cluster}`)
    }
  }
  assert.equal(sumOf('requests', 'east'), series.get(`longhaul_fetch_requests_total${labels}`))
  assert.equal(sumOf('received_bytes', 'east'),
    series.get(`longhaul_fetched_bytes_total${labels}`))
  // The target is also asked whether it holds batches of the flow.
  assert.ok(sumOf('requests', 'west') >=
    (series.get(`longhaul_produce_requests_total${labels}`) ?? Infinity))
})
