// Lag is the number of records that the target lacks, and their age, whatever the obstacle: an open
// transaction, a target that does not answer, a fault. A record of the future hides none of it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce, TestProducer } from '../kafka/kafka-producer.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { numbered, untilShown } from './failures/fault-probe.ts'
import {
  createPropertiesFile, runCommand, startMirror, type CleanUp, type MirrorProcess
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

/** Undefined if the series is absent. */
async function lagOf (
  mirror: MirrorProcess, topic: string, figure: string
): Promise<number | undefined> {
  const labels = `{source="east",target="west",topic="${topic}"}`
  return seriesOf(await mirror.metrics(), `longhaul_lag_${figure}`)[labels]
}

describe('lag', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const start = async (t: CleanUp, topic: string): Promise<MirrorProcess> =>
    await startMirror(t, createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': topic })))

  // A reader of committed records receives no records after the start of the open transaction, and
  // no report of it. The default transaction timeout would end the transaction when the warning is
  // due. A partition that faults meanwhile, which no lane fetches, has a lag that grows and ages.
  test('counts records of an open transaction separately, and names the producer', async t => {
    const { source, target } = clusters
    await source.createTopic('held')
    const clerk = await TestProducer.open(source.bootstrapServers, {
      transactionalId: 'clerk', properties: { 'transaction.timeout.ms': 600_000 }
    })
    t.after(async () => { await clerk.close() })
    await clerk.begin()
    await clerk.send('held', { value: 'unfinished', partition: 0 })
    await produce(source.bootstrapServers, 'held', numbered(0, 100))
    const mirror = await start(t, 'held,refused')
    await mirror.until('the lag', async () => await lagOf(mirror, 'held', 'records') === 101)
    assert.equal(await lagOf(mirror, 'held', 'records_open_transaction'), 101)
    // None of these records may be fetched, so the mirror has no fault.
    await mirror.untilReady()
    await growsInFaultedPartition(mirror)
    const line = await mirror.untilLogged('the warning', ({ level, topic, producerId }) =>
      level === 'warn' && topic === 'held' && producerId !== undefined)
    assert.match(line.text, /held-0: up to 101 records on east .* from offset 0 on, of producer id/)
    assert.match(line.text, /isolation\.level=read_uncommitted/)
    const { reasons } = await mirror.readiness()
    assert.ok(reasons.every(reason => !reason.includes('held')), reasons.join())
    assert.ok((await lagOf(mirror, 'held', 'seconds_max') ?? 0) > 0)
    await clerk.commit()
    await untilRecords(mirror, target, 'east.held', 101)
    await mirror.until('no lag', async () => await lagOf(mirror, 'held', 'records') === 0)
    assert.equal(await lagOf(mirror, 'held', 'records_open_transaction'), 0)
  })

  async function growsInFaultedPartition (mirror: MirrorProcess): Promise<void> {
    const { source, target } = clusters
    await target.createTopic('east.refused')
    await produce(target.bootstrapServers, 'east.refused', numbered(0, 10))
    await source.createTopic('refused')
    await produce(source.bootstrapServers, 'refused', numbered(0, 100))
    await mirror.untilNotReady(/TARGET_NOT_EMPTY/)
    await mirror.until('the lag', async () => await lagOf(mirror, 'refused', 'records') === 100)
    await produce(source.bootstrapServers, 'refused', numbered(100, 150))
    await mirror.until('more lag', async () => await lagOf(mirror, 'refused', 'records') === 150)
    const seconds = await lagOf(mirror, 'refused', 'seconds_max') ?? 0
    await mirror.until('older lag', async () =>
      (await lagOf(mirror, 'refused', 'seconds_max') ?? 0) > seconds)
  }

  test('remains and ages while the target is down, also after a record of 2090', async t => {
    const { source, target } = clusters
    await source.createTopic('outage', {
      configs: { 'message.timestamp.after.max.ms': '9223372036854775807' }
    })
    await produce(source.bootstrapServers, 'outage',
      [{ value: 'early', partition: 0, timestamp: Date.UTC(2090, 0, 1) }])
    const mirror = await start(t, 'outage')
    await untilRecords(mirror, target, 'east.outage', 1)
    await mirror.untilReady()
    target.broker(1).pause()
    t.after(() => { target.broker(1).continue() })
    await produce(source.bootstrapServers, 'outage', numbered(0, 970))
    await mirror.until('the lag', async () => await lagOf(mirror, 'outage', 'records') === 970)
    await knowsEndsWhileTargetHangs(mirror)
    await target.broker(1).kill()
    target.broker(1).continue()
    let oldest = 0
    await mirror.until('lag that ages', async () => {
      const records = await lagOf(mirror, 'outage', 'records')
      const seconds = await lagOf(mirror, 'outage', 'seconds_max')
      assert.equal(records, 1000, 'the lag is gone in the middle of the outage')
      assert.ok(seconds !== undefined && seconds >= oldest - 1, `${seconds} s after ${oldest} s`)
      oldest = seconds
      return seconds > 20
    })
    await target.broker(1).start()
    await untilRecords(mirror, target, 'east.outage', 1001)
    await mirror.until('no lag', async () => await lagOf(mirror, 'outage', 'seconds_max') === 0)
  })

  // Regression: the end of the log was up to 25 s old. No lane reads the partition while its target
  // broker is suspected of hanging, so the source is asked for the end. Three ends one after the
  // other: one alone may be found soon because a round was just due.
  async function knowsEndsWhileTargetHangs (mirror: MirrorProcess): Promise<void> {
    await mirror.until('a partition that waits', async () =>
      seriesOf(await mirror.metrics(), 'longhaul_partitions')[
        '{source="east",state="waiting",target="west"}'] === 1)
    const startedMs = performance.now()
    for (const end of [980, 990, 1000]) {
      await produce(clusters.source.bootstrapServers, 'outage', numbered(end - 10, end))
      await mirror.until('the lag', async () => await lagOf(mirror, 'outage', 'records') === end)
    }
    const seconds = (performance.now() - startedMs) / 1000
    assert.ok(seconds < 3 * 10, `three ends were known after ${seconds} s`)
  }

  // Regression: each restart during a pause reset the age of the lag to 0, and a topic that was
  // recreated while it was paused was 0 behind.
  test('of a paused topic keeps its age over a restart, and is not 0 if recreated', async t => {
    const { source, target } = clusters
    const hourMs = 3_600_000
    const aged = (from: number, to: number, ageMs: number): ReturnType<typeof numbered> =>
      numbered(from, to).map(record => ({ ...record, timestamp: Date.now() - ageMs }))
    await source.createTopic('paused')
    await produce(source.bootstrapServers, 'paused', aged(0, 100, 2 * hourMs))
    const file = createPropertiesFile(t,
      flowProperties(clusters, { 'east->west.topics': 'paused' }))
    const first = await startMirror(t, file)
    await untilRecords(first, target, 'east.paused', 100)
    const said = await runCommand(['pause', file, '--topic', 'paused', '--reason', 'a test'])
    assert.equal(said.exit.code, 0, said.stderr)
    await untilShown(first, 'paused', 1)
    await produce(source.bootstrapServers, 'paused', aged(100, 110, hourMs))
    await first.until('the lag', async () => await lagOf(first, 'paused', 'records') === 10)
    assert.equal((await first.stop()).code, 0)

    const second = await startMirror(t, file)
    await second.until('the lag', async () => await lagOf(second, 'paused', 'records') === 10)
    await second.until('its age', async () =>
      (await lagOf(second, 'paused', 'seconds_max') ?? 0) >= hourMs / 1000)

    await source.admin.deleteTopic('paused')
    await source.createTopic('paused')
    await produce(source.bootstrapServers, 'paused', numbered(0, 20))
    const line = await second.untilLogged('the recreation', ({ level, text }) =>
      level === 'error' && text.includes('TOPIC_RECREATED'))
    assert.match(line.text, /^paused-0 is paused: .*source topic paused has id /)
    await second.until('the new log', async () => await lagOf(second, 'paused', 'records') === 20)
    await untilShown(second, 'paused', 1)
    const { exit, stdout } = await runCommand(['status', file, '--topic', 'paused'])
    assert.equal(exit.code, 10, 'its topic was recreated')
    assert.match(stdout, /│ 100 +│ 20 +│ 20 +│/)
    assert.match(stdout, /^paused-0: .*TOPIC_RECREATED/m)
  })
})
