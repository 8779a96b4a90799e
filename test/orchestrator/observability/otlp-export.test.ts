// What an OpenTelemetry collector receives: the collector is an HTTP server of the test, and the
// exporter is the SDK's.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { OtlpExport } from '../../../src/orchestrator/observability/otlp-export.ts'
import { otlpMetrics } from '../../../src/orchestrator/observability/otlp-metrics.ts'
import { eventually } from '../../kafka/eventually.ts'
import { ManualClock } from '../time/manual-clock.ts'

const text = `# HELP longhaul_lag_records How far "the target" is behind
# TYPE longhaul_lag_records gauge
longhaul_lag_records{source="east",topic="a\\"b\\\\c\\nd"} 12
longhaul_lag_records{source="east",topic="unknown"} NaN

# HELP longhaul_evictions_total Evictions
# TYPE longhaul_evictions_total counter
longhaul_evictions_total{source="east"} 3

# HELP longhaul_latency_seconds Latency
# TYPE longhaul_latency_seconds histogram
longhaul_latency_seconds_bucket{le="0.1",source="east"} 2
longhaul_latency_seconds_bucket{le="1",source="east"} 5
longhaul_latency_seconds_bucket{le="+Inf",source="east"} 6
longhaul_latency_seconds_sum{source="east"} 4.5
longhaul_latency_seconds_count{source="east"} 6

# HELP longhaul_without_series Nothing
# TYPE longhaul_without_series gauge
`

interface Body {
  readonly resourceMetrics: ReadonlyArray<{
    readonly resource: {
      readonly attributes: ReadonlyArray<{ key: string, value: { stringValue: string } }>
    }
    readonly scopeMetrics: ReadonlyArray<{
      readonly metrics: ReadonlyArray<Readonly<Record<string, unknown>> & { name: string }>
    }>
  }>
}

async function createExport (t: TestContext) {
  const bodies: Body[] = []
  const state = { status: 200 }
  const collector = createServer((request, response) => {
    let body = ''
    request.on('data', (data: Buffer) => { body += data.toString() }).on('end', () => {
      if (state.status === 200) bodies.push(JSON.parse(body) as Body)
      response.writeHead(state.status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>(resolve => { collector.listen(0, '127.0.0.1', resolve) })
  const { port } = collector.address() as AddressInfo
  const lines: string[] = []
  const clock = new ManualClock()
  const started = await OtlpExport.start({
    endpoint: `http://127.0.0.1:${port}/v1/metrics`,
    intervalMs: 60_000,
    metrics: { contentType: 'text/plain', render: async () => text },
    version: '1.2.3',
    instance: 'host:7',
    log: {
      warn: (_fields, line) => { lines.push(line) },
      info: (_fields, line) => { lines.push(line) }
    },
    clock
  })
  t.after(async () => {
    // The last export would try a closed collector again for seconds.
    await started.stop()
    collector.close()
    collector.closeAllConnections()
  })
  return { bodies, clock, lines, started, state }
}

describe('an OpenTelemetry collector', () => {
  test('receives each interval, and at the end, what /metrics shows', async t => {
    const { bodies, clock, lines, started } = await createExport(t)
    await clock.advance(0)
    await eventually('the first export', () => bodies.length === 1)
    const [first] = bodies[0]?.resourceMetrics ?? []
    const attributes = Object.fromEntries((first?.resource.attributes ?? [])
      .map(({ key, value }) => [key, value.stringValue]))
    assert.deepEqual(attributes, {
      'service.name': 'longhaul', 'service.version': '1.2.3', 'service.instance.id': 'host:7'
    })
    const metrics = first?.scopeMetrics[0]?.metrics ?? []
    assert.deepEqual(metrics.map(({ name }) => name),
      ['longhaul_lag_records', 'longhaul_evictions_total', 'longhaul_latency_seconds'])
    const [lag, evictions, latency] = metrics.map(({ gauge, histogram, sum }) =>
      JSON.stringify(gauge ?? sum ?? histogram))
    const topic = String.raw`{"key":"topic","value":{"stringValue":"a\"b\\c\nd"}}`
    assert.ok(lag?.includes(topic), lag)
    assert.match(lag ?? '', /"asDouble":12/)
    assert.match(evictions ?? '', /"aggregationTemporality":2,"isMonotonic":true/)
    assert.match(evictions ?? '', /"asDouble":3/)
    assert.match(latency ?? '', /"bucketCounts":\[2,3,1\],"explicitBounds":\[0.1,1\]/)
    assert.match(latency ?? '', /"count":6,"sum":4.5/)

    await clock.advance(60_000)
    await eventually('the second export', () => bodies.length === 2)
    await started.stop()
    assert.equal(bodies.length, 3)
    assert.deepEqual(lines, [])
  })

  test('that refuses metrics is named once, and once more when it accepts them', async t => {
    const { bodies, clock, lines, state } = await createExport(t)
    state.status = 400
    for (const _ of [1, 2, 3]) {
      await clock.advance(60_000)
      await eventually('a warning', () => lines.length > 0)
    }
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /\/v1\/metrics does not accept metrics; mirroring continues/)
    state.status = 200
    await eventually('an export', async () => {
      await clock.advance(60_000)
      return bodies.length > 0 && lines.length > 1
    })
    assert.match(lines[1] ?? '', /accepts metrics again/)
  })
})

test('an unknown value has no point, and a label of one family is not that of another', () => {
  const metrics = otlpMetrics(text, { startMs: 1_500, nowMs: 61_500 })
  assert.deepEqual(metrics.map(({ dataPoints }) => dataPoints.length), [1, 1, 1])
  assert.deepEqual(metrics[0]?.dataPoints[0]?.startTime, [1, 500_000_000])
  assert.deepEqual(metrics[0]?.dataPoints[0]?.endTime, [61, 500_000_000])
})
