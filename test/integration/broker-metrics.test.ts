// The metrics by broker of a real process on real clusters agree with those of the flow, and show
// what a source broker costs whose cache of Fetch sessions is full.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

type Series = ReadonlyMap<string, number>

const figures = ['requests', 'failed_requests', 'answer_seconds', 'sent_bytes', 'received_bytes',
  'throttle_seconds', 'connections']

function seriesOf (series: Series, name: string, cluster: string): readonly number[] {
  return [...series]
    .filter(([key]) => key.startsWith(`longhaul_broker_${name}_total{`) &&
      key.includes(`cluster="${cluster}"`) && /broker="\d+"/.test(key))
    .map(([, value]) => value)
}

function sumOf (series: Series, name: string, cluster: string): number {
  return seriesOf(series, name, cluster).reduce((sum, each) => sum + each, 0)
}

describe('the figures of each broker', { timeout: 180_000 }, () => {
  let clusters: MirroredClusters
  before(async () => {
    // The source has no place for a session.
    clusters = await startClusters(
      { config: { 'max.incremental.fetch.session.cache.slots': '0' } }, {})
  })
  after(async () => { await clusters.close() })

  test('add up to those of the flow', async t => {
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
    for (const cluster of ['east', 'west']) {
      for (const name of figures) {
        const isQuiet = name === 'failed_requests' || name === 'throttle_seconds'
        assert.ok(seriesOf(series, name, cluster).length > 0, `${name} of ${cluster}`)
        assert.ok(isQuiet || sumOf(series, name, cluster) > 0, `${name} of ${cluster}`)
      }
    }
    assert.equal(sumOf(series, 'requests', 'east'),
      series.get(`longhaul_fetch_requests_total${labels}`))
    assert.equal(sumOf(series, 'received_bytes', 'east'),
      series.get(`longhaul_fetched_bytes_total${labels}`))
    // The target is also asked whether it holds batches of the flow.
    assert.ok(sumOf(series, 'requests', 'west') >=
      (series.get(`longhaul_produce_requests_total${labels}`) ?? Infinity))
  })

  // Each request then names all partitions, and the broker holds it back as it does in a session: a
  // lane must not ask for a session with each request, one after another.
  test('stay small where the cache of sessions is full', async t => {
    const { source, target } = clusters
    const partitions = 100
    await source.createTopic('wide', { partitions })
    const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': 'wide', 'lanes': 1 })))
    await produce(source.bootstrapServers, 'wide', numbered(0, 50, 7))
    await untilRecords(mirror, target, 'east.wide', 50)
    await mirror.untilReady()
    const from = performance.now()
    const { series: earlier } = await mirror.metrics()
    await sleep(2_000)
    const { series: later } = await mirror.metrics()
    const seconds = (performance.now() - from) / 1000
    const [requests = 0, bytes = 0] = ['requests', 'sent_bytes'].map(name =>
      sumOf(later, name, 'east') - sumOf(earlier, name, 'east'))
    t.diagnostic(`${requests} requests of ${Math.round(bytes / requests)} bytes in ${seconds} s`)
    // A request of a session that names no partition has less than 100 bytes.
    assert.ok(bytes > requests * partitions * 20, `${bytes} bytes in ${requests} requests`)
    // The broker holds each back for fetch.max.wait.ms, half a second; else there are hundreds. The
    // first figures of a busy machine may be older than their page: the bound is generous.
    assert.ok(requests >= 1 && requests <= 10 * seconds, `${requests} requests in ${seconds} s`)
    assert.equal(sumOf(later, 'failed_requests', 'east'), 0)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
  })
})
