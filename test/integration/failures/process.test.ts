// Faults of the process: a lane dies, threads are blocked, the clock jumps, memory fills behind one
// broker, the line is long and narrow. The rest continues, and no record is lost or duplicated.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { topicCounter } from '../../integrity/crashed-mirror.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { createTempFolder, removeFolder } from '../../kafka/process-guard.ts'
import { repoRoot } from '../../kafka/repo-root.ts'
import { assertSameRecords, countRecords, remoteOf, untilMoreRecords } from '../comparison.ts'
import { LoadedFlow } from '../loaded-flow.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { errorsOf } from './fault-probe.ts'
import { createFaults } from './process-faults.ts'

const partitions = 3

/** The environment of a process whose wall clock jumps; the host's clock does not change. */
function createClock (t: CleanUp): {
  readonly env: NodeJS.ProcessEnv
  /** From now on the process's clock differs from the host's by this. */
  readonly jumpTo: (shiftMs: number) => void
} {
  const folder = createTempFolder('clock')
  t.after(async () => { removeFolder(folder) })
  const library = join(folder, 'clock_shim.so')
  const source = join(repoRoot(), 'test/integration/failures/clock_shim.c')
  execFileSync(process.env['CC'] ?? 'cc', ['-shared', '-fPIC', '-O1', '-o', library, source])
  const shift = join(folder, 'shift-ms')
  const jumpTo = (shiftMs: number): void => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(shiftMs))
    // Writes in place: the process has mapped the file.
    writeFileSync(shift, bytes, { flag: existsSync(shift) ? 'r+' : 'w' })
  }
  jumpTo(0)
  return { env: { LD_PRELOAD: library, LONGHAUL_TEST_CLOCK: shift }, jumpTo }
}

describe('faults of the process', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({}, { brokers: 3, proxied: true }) })
  after(async () => { await clusters.close() })

  for (const fault of ['block-main', 'block-lanes'] as const) {
    test(`records flow while JavaScript is blocked: ${fault}`, async t => {
      const { target } = clusters
      const faults = createFaults(t)
      const flow = await LoadedFlow.create(t, clusters, fault, { partitions })
      const mirror = await flow.start(faults.env)
      await flow.more(mirror)
      faults.begin(fault)
      await mirror.until(fault, () => faults.hasBegun(fault))
      // More states and progress than a queue would hold that keeps each of them.
      await untilMoreRecords(mirror, target, flow.remoteTopic, 1_000 * partitions)
      faults.end(fault)
      await flow.more(mirror)
      // Progress is the newest: a process that continues from it finds no records after it.
      assert.equal((await mirror.stop()).code, 0)
      const second = await flow.start()
      await flow.finish(second)
      await second.until('figures of the end', async () =>
        (await topicCounter(second, 'records_forwarded_total', fault) ?? 0) > 0)
      assert.equal(await topicCounter(second, 'records_resumed_total', fault), 0)
      assert.equal((await second.stop()).code, 0)
    })
  }

  test('a lane that dies is restarted with its partitions, which is logged', async t => {
    const { target } = clusters
    const faults = createFaults(t)
    const flow = await LoadedFlow.create(t, clusters, 'died', { partitions }, {
      // The target must show what the lane's last progress did not.
      'progress.interval.ms': 60_000
    })
    const mirror = await flow.start(faults.env)
    for (let deaths = 1; deaths <= 2; deaths++) {
      await flow.more(mirror)
      faults.begin('kill-lane')
      await mirror.until(`death ${deaths} in the metrics`, async () =>
        await errorsOf(mirror, 'LANE_LOST') === deaths)
    }
    const line = await mirror.untilLogged('LANE_LOST', ({ text }) => text.includes('LANE_LOST'))
    assert.match(line.text, /killed by its test/)
    await untilMoreRecords(mirror, target, flow.remoteTopic, 100)
    await flow.finish(mirror)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('a clock that jumps an hour ahead and back changes only figures', async t => {
    const clock = createClock(t)
    const flow = await LoadedFlow.create(t, clusters, 'jumped', { partitions })
    const mirror = await flow.start(clock.env)
    await flow.more(mirror)
    clock.jumpTo(3_600_000)
    await mirror.until('records an hour old', async () => await recordAgeOf(mirror) > 3_000)
    await flow.more(mirror)
    clock.jumpTo(0)
    await flow.more(mirror)
    await mirror.until('young records', async () => await recordAgeOf(mirror) < 60)
    await flow.finish(mirror)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('memory stays within its bound behind one hanging broker; the others continue', async t => {
    const { source, target } = clusters
    const topic = 'hung'
    const remote = remoteOf(topic).remoteTopic
    const limit = 4 * 1024 * 1024
    const valueBytes = 100_000
    await source.createTopic(topic, { partitions })
    await target.createTopic(remote, { partitions, replicationFactor: 1 })
    const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': topic,
      'west.bootstrap.servers': target.proxiedBootstrapServers,
      'in.flight.bytes.max': limit,
      'request.timeout.ms': 3000,
      lanes: 1
    })))
    const write = async (partition: number, count: number): Promise<void> => {
      await produce(source.bootstrapServers, topic, Array.from({ length: count }, (_, index) =>
        ({ value: `${index} ${'x'.repeat(valueBytes)}`, partition })))
    }
    const held = async (partition: number): Promise<number> =>
      (await target.admin.offsets(remote, partition)).high
    for (let partition = 0; partition < partitions; partition++) await write(partition, 40)
    await mirror.until('the first records', async () =>
      await countRecords(target, remote) === 40 * partitions)
    const before = mirror.residentBytes()
    const hung = target.proxies[await target.admin.leaderOf(remote, 0) - 1]
    assert.ok(hung !== undefined)
    hung.freeze()
    const inFlight: number[] = []
    let rss = before
    let isHung = true
    // During the hang: when requests of the broker time out its batches are dropped, which frees
    // the memory.
    const sampling = (async () => {
      for (; isHung; await sleep(100)) {
        const { series } = await mirror.metrics()
        inFlight.push(series.get(
          'longhaul_in_flight_bytes{lane="0",source="east",target="west"}') ?? 0)
        rss = Math.max(rss, mirror.residentBytes())
      }
    })()
    try {
      await write(0, 1_000) // 100 MB that no broker acknowledges
      for (let round = 1; round <= 5; round++) {
        for (const partition of [1, 2]) await write(partition, 40)
        for (const partition of [1, 2]) {
          await mirror.until(`partition ${partition} continues`, async () =>
            await held(partition) === 40 * (round + 1))
        }
      }
      assert.equal(await held(0), 40)
    } finally {
      isHung = false
      await hung.restore()
    }
    await sampling
    // Each broker may add one batch (KIP-74); batches here have 1 MB at most.
    assert.ok(Math.max(...inFlight) <= limit + 2 ** 20, `${inFlight.join()} bytes in flight`)
    t.diagnostic(`in flight: ${Math.max(...inFlight)} bytes at most`)
    t.diagnostic(`resident: ${before} bytes before, ${rss} at most`)
    assert.ok(rss - before < 50_000_000, `resident memory grew by ${rss - before} bytes`)
    await mirror.until('the rest', async () =>
      await countRecords(target, remote) === await countRecords(source, topic))
    assert.equal((await mirror.stop()).code, 0)
    await assertSameRecords(clusters, remoteOf(topic))
  })

  test('a long and narrow line only makes the mirror slower', async t => {
    const { target } = clusters
    // Several times the capacity of the line, because the records are not compressible.
    const load = { partitions, codec: 'none', recordBytes: 400 } as const
    const flow = await LoadedFlow.create(t, clusters, 'narrow', load, {
      'west.bootstrap.servers': target.proxiedBootstrapServers
    })
    const mirror = await flow.start()
    await flow.more(mirror)
    target.link.set({ latencyMs: 150, bytesPerSecond: 40_000 })
    try {
      await untilMoreRecords(mirror, target, flow.remoteTopic, 500)
      await mirror.until('lag', async () =>
        (await topicCounter(mirror, 'lag_seconds_max', 'narrow') ?? 0) > 3)
    } finally {
      target.link.set({})
    }
    await flow.finish(mirror)
    assert.deepEqual(mirror.log.filter(({ level }) => level !== 'info'), [])
    assert.equal((await mirror.stop()).code, 0)
  })
})

/** Seconds by the clock of the process. */
async function recordAgeOf (mirror: MirrorProcess): Promise<number> {
  const { series } = await mirror.metrics()
  return series.get(
    'longhaul_record_age_seconds{source="east",target="west",topic="jumped"}') ?? NaN
}
