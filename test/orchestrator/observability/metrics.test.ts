// The text of /metrics, parsed as strictly as by Prometheus.
import assert from 'node:assert/strict'
import perfHooks from 'node:perf_hooks'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowLedger } from '../../../src/orchestrator/observability/flow-ledger.ts'
import {
  createMetrics, metricNames, type MetricsOptions
} from '../../../src/orchestrator/observability/metrics.ts'
import { MirrorMakerFigures } from '../../../src/orchestrator/observability/mirror-maker-figures.ts'
import {
  metricTable, type MetricRow
} from '../../../src/orchestrator/observability/metric-table.ts'
import type { FlowSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { ManualClock } from '../time/manual-clock.ts'
import { parseExposition, seriesOf, type Exposition } from './exposition.ts'
import {
  byReason, countLatencies, sampleFlow, sampleLane, samplePartition
} from './sample-flow.ts'

function createScraper (options: Partial<MetricsOptions> = {}) {
  const clock = new ManualClock()
  const ledger = new FlowLedger(new ManualClock())
  const mirrorMaker = new MirrorMakerFigures()
  const metrics = createMetrics({
    flows: () => ledger.latest,
    certificates: () =>
      [{ source: 'A', target: 'B', cluster: 'A', of: 'client', endMs: clock.now() + 86_400_000 }],
    clock,
    version: '1.2.3',
    librdkafkaVersion: '2.12.0',
    perPartition: true,
    mirrorMaker,
    processMetrics: false,
    ...options
  })
  const scrape = async (...flows: FlowSnapshot[]): Promise<Exposition> => {
    mirrorMaker.observe(ledger.observe(flows), clock.monotonic())
    return parseExposition(await metrics.render())
  }
  return { clock, metrics, scrape }
}

/** A flow in which every counter is at least 1. */
function eventfulFlow (clock: ManualClock): FlowSnapshot {
  return sampleFlow({
    lanes: [sampleLane({
      brokers: [{
        isTarget: false, broker: 1, requests: 8n, failedRequests: 1n, answerMs: 1500n,
        sentBytes: 30n, receivedBytes: 40n, throttleMs: 2000n, connections: 2n
      }],
      inFlightBytes: 500,
      fetchRequests: 7n,
      produceRequests: 6n,
      sourceThrottleMs: 1500n,
      followerBytes: 2048n,
      fetchedTwiceBytes: 512n,
      refusedSessions: 1n,
      errorsByCode: new Map([[6, 2], [1, 3]]),
      latency: countLatencies([0, 3, 3, 700])
    })],
    partitions: [
      samplePartition('orders', 0, {
        records: 100n,
        batches: 10n,
        bytes: 4000n,
        batchesPassedThrough: 9n,
        reencodedByReason: byReason({ compacted: 1 }),
        droppedByReason: byReason({ control: 2 }),
        retries: 4n,
        recordsLooped: 6n,
        newestRecordMs: clock.now() - 700,
        latencySumMs: 5000n,
        upstreamOffset: 100n,
        highWatermark: 130n,
        lagRecords: 30,
        lagSeconds: 1.5
      }),
      samplePartition('orders', 1, { records: 5n, lagRecords: 2, lagSeconds: 4 })
    ],
    progressUnwrittenMs: clock.now() - 2500,
    differingMembers: [new ReplicatorError('MEMBERS_DIFFER', 'longhaul-2: topics=a')],
    orders: { pause: 2, throttle: 0 },
    checkpoints: new Map([['group', {
      group: 'billing', topic: 'A.orders', partition: 0, written: 2, latencySumMs: 50
    }]]),
    canary: {
      counts: { written: 9, arrived: 8, lost: 1, doubled: 2, late: 3 },
      latency: countLatencies([20, 40]),
      lastArrivalMs: clock.now() - 1500,
      outstandingMs: 4500
    },
    isExactlyOnce: false,
    dutySuccesses: new Map([['progress retention', 1_700_000_000_500]]),
    slots: {
      owned: 20,
      total: 32,
      waiting: 0,
      sinceMs: clock.now(),
      reason: undefined,
      unownedByAnybody: false
    },
    skipped: new Map([['orders', new Map([['data_loss', 7n]])]]),
    mirroredAgain: new Map([['orders', 8n]])
  })
}

test('the text is valid, and rows of the table and series correspond', async () => {
  const { clock, scrape } = createScraper()
  const exposition = await scrape(eventfulFlow(clock))
  assert.deepEqual([...exposition.families.keys()].sort(), [...metricNames(true, true)].sort())
  for (const [name, { help, type }] of exposition.families) {
    const row: MetricRow = metricTable[name as keyof typeof metricTable]
    assert.equal(help, row.help)
    assert.equal(type, row.type)
    const suffix = type === 'histogram' ? '_count' : ''
    const series = Object.keys(seriesOf(exposition, name + suffix))
    assert.notEqual(series.length, 0, `${name} is never filled`)
    const labels = [...(series[0] ?? '').matchAll(/([a-z_]+)="/g)].map((match) => match[1])
    assert.deepEqual(labels, [...row.labels].sort(), name)
  }
})

test('orders in force are counted by kind, also those of which there is none', async () => {
  const { clock, scrape } = createScraper()
  const exposition = await scrape(eventfulFlow(clock))
  assert.deepEqual(seriesOf(exposition, 'longhaul_orders'), {
    '{kind="pause",source="A",target="B"}': 2, '{kind="throttle",source="A",target="B"}': 0
  })
})

test('times of a broker are seconds, under the name of its cluster', async () => {
  const { clock, scrape } = createScraper()
  const exposition = await scrape(eventfulFlow(clock))
  const broker = '{broker="1",cluster="A",source="A",target="B"}'
  assert.deepEqual(seriesOf(exposition, 'longhaul_broker_answer_seconds_total'), { [broker]: 1.5 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_broker_throttle_seconds_total'), { [broker]: 2 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_broker_requests_total'), { [broker]: 8 })
})

test('counters end in _total, and only they do', () => {
  for (const [name, row] of Object.entries<MetricRow>(metricTable)) {
    if (row.ofMirrorMaker === true) continue
    assert.match(name, /^longhaul_[a-z_]+$/)
    assert.equal(name.endsWith('_total'), row.type === 'counter', name)
    assert.doesNotMatch(name, /_(ms|millis|kb|mb)(_|$)/, `${name} is in base units`)
  }
})

test('partitions are added up by topic: sums, and the largest lag', async () => {
  const { clock, scrape } = createScraper()
  const exposition = await scrape(eventfulFlow(clock))
  const orders = '{source="A",target="B",topic="orders"}'
  assert.deepEqual(seriesOf(exposition, 'longhaul_records_forwarded_total'), { [orders]: 105 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_lag_records'), { [orders]: 32 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_lag_records_max'), { [orders]: 30 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_lag_seconds_max'), { [orders]: 4 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_batches_reencoded_total'),
    { '{reason="compacted",source="A",target="B",topic="orders"}': 1 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_retries_total'), { [orders]: 4 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_record_age_seconds'), { [orders]: 0.7 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_errors_total'),
    { '{error="OFFSET_OUT_OF_RANGE",source="A",target="B"}': 3 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_retried_errors_total'),
    { '{error="NOT_LEADER_OR_FOLLOWER",source="A",target="B"}': 2 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_throttle_seconds_total'), {
    '{cluster="A",source="A",target="B"}': 1.5,
    '{cluster="B",source="A",target="B"}': 0
  })
  assert.deepEqual(seriesOf(exposition, 'longhaul_progress_age_seconds'),
    { '{source="A",target="B"}': 2.5 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_members_differing'),
    { '{source="A",target="B"}': 1 })
  assert.deepEqual(seriesOf(exposition, 'longhaul_duty_last_success_timestamp_seconds'),
    { '{duty="progress retention",source="A",target="B"}': 1_700_000_000.5 })
})

test('latency counts in the buckets at or above it', async () => {
  const { clock, scrape } = createScraper()
  const { series } = await scrape(eventfulFlow(clock))
  const name = 'longhaul_replication_latency_seconds'
  const bucket = (le: string): number | undefined =>
    series.get(`${name}_bucket{le="${le}",source="A",target="B"}`)
  assert.deepEqual(['0.001', '0.002', '0.004', '0.512', '1.024', '+Inf'].map(bucket),
    [1, 1, 3, 3, 4, 4])
  assert.equal(series.get(`${name}_sum{source="A",target="B"}`), 0.706)
})

test('a partition that no lane has shows no lane', async () => {
  const { scrape } = createScraper()
  const exposition = await scrape(sampleFlow({
    partitions: [samplePartition('orders', 0, { lane: -1 }), samplePartition('orders', 1)]
  }))
  const lanes = Object.keys(seriesOf(exposition, 'longhaul_partition_info'))
    .map(labels => /lane="(.*?)"/.exec(labels)?.[1])
  assert.deepEqual(lanes.sort(), ['', '0'])
})

test('the series of a removed partition, topic or flow are removed', async () => {
  const { scrape } = createScraper()
  const two = [samplePartition('orders', 0, { records: 5n }), samplePartition('orders', 1)]
  const before = await scrape(sampleFlow({
    partitions: [...two, samplePartition('users', 0)]
  }), sampleFlow({ source: 'C' }))
  assert.equal(Object.keys(seriesOf(before, 'longhaul_partition_info')).length, 3)
  const after = await scrape(sampleFlow({ partitions: two.slice(1) }))
  assert.equal(Object.keys(seriesOf(after, 'longhaul_partition_info')).length, 1)
  const gone = [...after.series.keys()].filter((key) => /users|source="C"|partition="0"/.test(key))
  assert.deepEqual(gone, [])
  // The counts of partition 0 stay in its topic: a counter must not fall.
  assert.equal(after.series.get(
    'longhaul_records_forwarded_total{source="A",target="B",topic="orders"}'), 5)
})

test('without metrics.per.partition no series has a partition label', async () => {
  const { clock, scrape } = createScraper({ perPartition: false })
  const exposition = await scrape(eventfulFlow(clock))
  assert.deepEqual([...exposition.families.keys()].sort(), [...metricNames(false, true)].sort())
  assert.equal([...exposition.series.keys()].some((key) =>
    key.startsWith('longhaul_') && key.includes('partition="')), false)
})

test('without metrics.mirror.maker.names no series has a name of MirrorMaker 2', async () => {
  const { clock, scrape } = createScraper({ mirrorMaker: undefined })
  const exposition = await scrape(eventfulFlow(clock))
  assert.deepEqual([...exposition.families.keys()].sort(), [...metricNames(true, false)].sort())
})

test('rates, ages and latencies under the names of MirrorMaker 2 are those of the last minute',
  async () => {
    const { clock, scrape } = createScraper()
    const name = 'kafka_connect_mirror_mirrorsourceconnector'
    const labels = '{partition="0",source="A",target="B",topic="A.orders"}'
    const scrapeOf = async (records: bigint, bytes: bigint, latencySumMs: bigint) => {
      const exposition = await scrape(sampleFlow({
        partitions: [samplePartition('orders', 0, { records, bytes, latencySumMs, lagRecords: 4 })]
      }))
      return (figure: string) => exposition.series.get(`${name}_${figure}${labels}`)
    }
    const first = await scrapeOf(0n, 0n, 0n)
    assert.deepEqual([first('record_count'), first('record_rate'), first('replication_latency_ms')],
      [0, 0, undefined])
    await clock.advance(10_000)
    await scrapeOf(100n, 5_000n, 4_000n) // 40 ms
    await clock.advance(5_000)
    const second = await scrapeOf(150n, 6_000n, 10_000n) // 120 ms
    assert.deepEqual(
      ['', '_min', '_max', '_avg'].map(suffix => second(`replication_latency_ms${suffix}`)),
      [120, 40, 120, 10_000 / 150])
    assert.deepEqual(['', '_min', '_max', '_avg'].map(suffix => second(`record_age_ms${suffix}`)),
      [120, 40, 120, 10_000 / 150])
    // Fifteen seconds old: counted as 45.
    assert.equal(second('record_rate'), 150 / 45)
    assert.equal(second('byte_rate'), 6_000 / 45)
    // A partition that moves to another lane is counted from 0 there.
    await clock.advance(30_000)
    const moved = await scrapeOf(30n, 100n, 30n)
    assert.equal(moved('record_count'), 180)
    assert.equal(moved('byte_count'), 6_100)
    assert.equal(moved('record_rate'), 180 / 45)
    assert.equal(moved('replication_latency_ms_min'), 1)
    await clock.advance(60_000)
    const quiet = await scrapeOf(30n, 100n, 30n)
    assert.deepEqual([quiet('record_count'), quiet('record_rate'), quiet('record_age_ms_max')],
      [180, 0, undefined])
  })

test('a checkpoint has its latency under the name of MirrorMaker 2', async () => {
  const { clock, scrape } = createScraper()
  const exposition = await scrape(eventfulFlow(clock))
  assert.deepEqual(
    seriesOf(exposition, 'kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms'),
    { '{group="billing",partition="0",source="A",target="B",topic="A.orders"}': 25 })
})

test('an unknown lag has no series rather than 0', async () => {
  const { scrape } = createScraper()
  const exposition = await scrape(sampleFlow({ partitions: [samplePartition('orders', 0)] }))
  assert.deepEqual(seriesOf(exposition, 'longhaul_lag_records'), {})
  assert.deepEqual(seriesOf(exposition, 'longhaul_lag_seconds_max'), {})
})

test('one invalid figure does not fail the scrape', async () => {
  const { scrape } = createScraper()
  const exposition = await scrape(sampleFlow({
    partitions: [samplePartition('orders', 0, { records: -1, bytes: 10 })]
  }))
  assert.deepEqual(seriesOf(exposition, 'longhaul_records_forwarded_total'), {})
  assert.equal(Object.values(seriesOf(exposition, 'longhaul_bytes_forwarded_total'))[0], 10)
})

test('labels with quotes, backslashes and line feeds stay one line each', async () => {
  const { scrape } = createScraper()
  const exposition = await scrape(sampleFlow({ source: 'a"b\\c\nd' }))
  assert.ok(exposition.series.has(
    'longhaul_flow_state{source="a\\"b\\\\c\\nd",state="running",target="B"}'))
})

test('scrapes that overlap each see one moment', async () => {
  const { clock, metrics, scrape } = createScraper()
  await scrape(eventfulFlow(clock))
  const texts = await Promise.all([metrics.render(), metrics.render(), metrics.render()])
  for (const text of texts) assert.equal(text, texts[0])
})

// Regression: each mirror of a process began another measurement of the event loop and never ended
// it: 0.37 MB for each start and stop. The timer woke an idle process a hundred times a second.
test('the process is measured by one timer, ten times a second', async t => {
  const monitor = t.mock.method(perfHooks, 'monitorEventLoopDelay')
  createScraper({ processMetrics: true })
  const { scrape } = createScraper({ processMetrics: true })
  assert.deepEqual(monitor.mock.calls.map(call => call.arguments[0]), [{ resolution: 100 }])
  const { series } = await scrape()
  assert.ok((series.get('process_cpu_seconds_total') ?? 0) > 0)
  assert.ok((series.get('process_resident_memory_bytes') ?? 0) > 0)
  assert.equal(series.get('longhaul_build_info{librdkafka="2.12.0",version="1.2.3"}'), 1)
})
