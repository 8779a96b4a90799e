// The limit of the bandwidth of a flow and the share of a topic on real brokers: they hold for all
// processes together, also after a hand-over, a restart and the loss of a lane, change while the
// processes run, and cost no record. A busy machine is slower than the limit, never faster, so the
// tests compare upper bounds only.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { assertSameRecords, countRecords, remoteOf, untilRecords } from './comparison.ts'
import { errorsOf } from './failures/fault-probe.ts'
import { createFaults } from './failures/process-faults.ts'
import { untilOwned } from './loaded-flow.ts'
import {
  createPropertiesFile, runCommand, startMirror, type CleanUp, type MirrorProcess
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const partitions = 4
const recordBytes = 10_000
const records = 2_000
/** So many that what a topic with a small share may fetch in this time is much less. */
const wholeRecords = 1_500
const rate = 200 * 1024
/** One second of the limit, and what is in flight: a batch a lane, of two processes. */
const slackBytes = rate + 4 * 100_000

async function fill (source: KafkaCluster, topic: string, count = records): Promise<void> {
  await source.createTopic(topic, { partitions })
  const written = Array.from({ length: count }, (_, i) =>
    ({ partition: i % partitions, value: randomBytes(recordBytes / 2).toString('hex') }))
  await produce(source.bootstrapServers, topic, written, { batchRecordsMax: 5 })
}

describe('the bandwidth of a flow', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('is limited for all processes together, until an order ends it', async t => {
    const { source, target } = clusters
    await fill(source, 'slow')
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'topics': 'slow', 'bandwidth.max': '200KiB' }))
    const start = async (to: CleanUp): Promise<MirrorProcess> => await startMirror(to, file)
    const since = performance.now()
    const assertSlow = async (limit = rate): Promise<void> => {
      const bytes = await countRecords(target, 'east.slow') * recordBytes
      const seconds = (performance.now() - since) / 1000
      assert.ok(bytes <= limit * seconds + slackBytes, `${bytes} bytes in ${seconds} s`)
      assert.ok(bytes < records * recordBytes / 2, 'the backlog lasts')
    }
    const [first, second] = [await start(t), await start(t)]
    await untilOwned(first, 2)
    await untilOwned(second, 2)
    await assertShared(first, target)
    await assertSlow()
    await untilLimit(second, rate)
    assert.deepEqual(await second.stop(), { code: 0, signal: null })
    await untilOwned(first, 4)
    await sleep(2_000)
    await assertSlow()
    // Behind, and as ordered: ready.
    assert.deepEqual((await first.readiness()).reasons, [])

    await throttle(file, '300KiB')
    await untilLimit(first, 300 * 1024)
    await first.kill()
    const third = await start(t)
    await untilLimit(third, 300 * 1024)
    await sleep(2_000)
    await assertSlow(300 * 1024)

    const status = (await runCommand(['status', file])).stdout
    assert.match(status, /^ {2}bandwidth limited to 300KiB\/s by .*: working hours$/m)

    await throttle(file, 'none')
    await untilLimit(third, 0)
    await untilRecords(third, target, 'east.slow', records)
    await throttle(file, 'file')
    await untilLimit(third, rate)
    assert.deepEqual(await third.stop(), { code: 0, signal: null })
    await assertSameRecords(clusters, remoteOf('slow'))
  })

  // A restarted lane gets the limit again before its partitions, and an empty bucket.
  test('holds while lanes are lost and restarted', async t => {
    const { source, target } = clusters
    await fill(source, 'lost')
    const faults = createFaults(t)
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'topics': 'lost', 'bandwidth.max': '200KiB' }))
    const mirror = await startMirror(t, file, [], faults.env)
    await untilRecords(mirror, target, 'east.lost', 1)
    const [before, since] = [await countRecords(target, 'east.lost'), performance.now()]
    for (let deaths = 1; deaths <= 4; deaths++) {
      faults.begin('kill-lane')
      await mirror.until(`death ${deaths} in the metrics`, async () =>
        await errorsOf(mirror, 'LANE_LOST') === deaths)
      await untilRecords(mirror, target, 'east.lost', await countRecords(target, 'east.lost') + 10)
    }
    const bytes = (await countRecords(target, 'east.lost') - before) * recordBytes
    const seconds = (performance.now() - since) / 1000
    assert.ok(bytes <= rate * seconds + slackBytes, `${bytes} bytes in ${seconds} s`)
    await throttle(file, 'none')
    await untilRecords(mirror, target, 'east.lost', records)
    await throttle(file, 'file') // the next test has the same flow
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    await assertSameRecords(clusters, remoteOf('lost'))
  })

  test('is used by a topic up to its share, over all processes', async t => {
    const { source, target } = clusters
    for (const topic of ['shared', 'ordered']) await fill(source, topic)
    await fill(source, 'whole', wholeRecords)
    const share = 10
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'topics': 'shared,ordered,whole',
      'bandwidth.max': '1MiB',
      'east->west.topic.shared.bandwidth.share': String(share),
      'east->west.topic.ordered.bandwidth.share': '90'
    }))
    // An order goes before the file, also for processes that start later.
    await orderShare(file, 'ordered', String(share))
    const since = performance.now()
    const [first, second] = [await startMirror(t, file), await startMirror(t, file)]
    await untilRecords(second, target, 'east.whole', wholeRecords)
    for (const topic of ['shared', 'ordered']) {
      const bytes = await countRecords(target, `east.${topic}`) * recordBytes
      const seconds = (performance.now() - since) / 1000
      const most = share / 100 * 1024 * 1024 * seconds
      assert.ok(bytes <= most + slackBytes,
        `${topic}: ${bytes} bytes in ${seconds} s, at most ${most}`)
    }
    const status = (await runCommand(['status', file])).stdout
    assert.match(status, /^ {2}share of ordered in the bandwidth 10 % by .*: working hours$/m)
    // Behind its share, and as ordered: ready.
    assert.deepEqual((await first.readiness()).reasons, [])
    await orderShare(file, 'ordered', 'file')
    assert.doesNotMatch((await runCommand(['status', file])).stdout, /share of ordered/)
    await throttle(file, 'none')
    for (const topic of ['shared', 'ordered']) {
      await untilRecords(second, target, `east.${topic}`, records)
    }
    await throttle(file, 'file')
    for (const mirror of [first, second]) {
      assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    }
    for (const topic of ['shared', 'ordered']) await assertSameRecords(clusters, remoteOf(topic))
  })
})

/** Long enough that two processes with the whole limit each would be far beyond it. */
async function assertShared (mirror: MirrorProcess, target: KafkaCluster): Promise<void> {
  const [before, since] = [await countRecords(target, 'east.slow'), performance.now()]
  await untilRecords(mirror, target, 'east.slow', before + 300)
  const bytes = (await countRecords(target, 'east.slow') - before) * recordBytes
  const seconds = (performance.now() - since) / 1000
  assert.ok(bytes <= rate * seconds + slackBytes, `${bytes} bytes of both in ${seconds} s`)
}

async function throttle (file: string, rate: string): Promise<void> {
  const { exit, stderr, stdout } = await runCommand(
    ['throttle', file, '--rate', rate, '--reason', 'working hours'])
  assert.equal(exit.code, 0, stderr)
  assert.match(stdout, /east->west: the flow has a bandwidth that is /)
}

async function orderShare (file: string, topic: string, share: string): Promise<void> {
  const { exit, stderr, stdout } = await runCommand(
    ['throttle', file, '--topic', topic, '--share', share, '--reason', 'working hours'])
  assert.equal(exit.code, 0, stderr)
  assert.match(stdout, new RegExp(`east->west: ${topic} has a share in the bandwidth that is `))
}

async function untilLimit (mirror: MirrorProcess, bytesPerSecond: number): Promise<void> {
  await mirror.until(`a limit of ${bytesPerSecond}`, async () => {
    const series = seriesOf(await mirror.metrics(), 'longhaul_bandwidth_max_bytes')
    return Object.values(series)[0] === bytesPerSecond
  })
}
