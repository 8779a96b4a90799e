// Faults between the clusters: a target that is stalled, links that are cut, half-open or reset, a
// killed mirror. No record is lost or duplicated, and memory stays within its bound.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { untilRecords, countRecords } from '../comparison.ts'
import { createPropertiesFile, startMirror } from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import type { TcpProxy } from '../../kafka/proxy.ts'
import { assertEachOnceInOrder, SequenceLoad } from '../sequence-load.ts'

const partitions = 2

describe('faults of the link', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({ proxied: true }) })
  after(async () => { await clusters.close() })

  test('a stalled target fills no more memory than allowed, and then receives all', async t => {
    const { source, target } = clusters
    await source.createTopic('stalled', { partitions })
    const limit = 1024 * 1024
    const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'stalled',
      'in.flight.bytes.max': limit,
      'request.timeout.ms': 3000,
      lanes: 1
    })))
    // Each turn is nearly as large as the limit: the lane fetches for five more seconds, then it
    // suspects the broker. Regression: on a busy machine records of 100 bytes did not fill half of
    // the memory in this time, and the test waited for that in vain.
    const recordBytes = 1000
    const load = await SequenceLoad.start(t, source, 'stalled',
      { partitions, recordsPerTurn: 400, codec: 'none', recordBytes })
    await untilRecords(mirror, target, 'east.stalled', 100)
    const present = load.written
    target.broker(1).pause()
    let highest = 0
    try {
      // Several times the bytes that may be in flight.
      await mirror.until('more than the memory holds', async () => {
        const { series } = await mirror.metrics()
        const held = '{lane="0",source="east",target="west"}'
        highest = Math.max(highest, series.get(`longhaul_in_flight_bytes${held}`) ?? 0)
        const bytes = (load.written - present) * partitions * recordBytes
        return bytes > 5 * limit && highest > limit / 2
      })
    } finally {
      target.broker(1).continue()
    }
    assert.ok(highest <= limit, `${highest} bytes in flight`)
    const written = await load.stop()
    await untilRecords(mirror, target, 'east.stalled', written * partitions)
    assert.equal((await mirror.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.stalled', partitions, written)
  })

  test('links that are reset, half-open and cut lose and duplicate no record', async t => {
    const { source, target } = clusters
    await source.createTopic('broken', { partitions })
    const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'broken',
      'east.bootstrap.servers': source.proxiedBootstrapServers,
      'west.bootstrap.servers': target.proxiedBootstrapServers,
      'request.timeout.ms': 3000
    })))
    const load = await SequenceLoad.start(t, source, 'broken', { partitions })
    const longerThanARequestMs = 4_000
    const faults: ReadonlyArray<
      readonly [fault: (proxy: TcpProxy) => void | Promise<void>, lastsMs: number]
    > = [
      [proxy => { proxy.reset() }, 0],
      [proxy => { proxy.freeze() }, longerThanARequestMs],
      [async proxy => { await proxy.cut() }, longerThanARequestMs]
    ]
    for (const { proxies: [proxy] } of [source, target]) {
      assert.ok(proxy !== undefined)
      for (const [fault, lastsMs] of faults) {
        await untilRecords(mirror, target, 'east.broken',
          await countRecords(target, 'east.broken') + 100)
        await fault(proxy)
        await sleep(lastsMs)
        await proxy.restore()
      }
    }
    const written = await load.stop()
    await untilRecords(mirror, target, 'east.broken', written * partitions)
    assert.equal((await mirror.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.broken', partitions, written)
  })
})
