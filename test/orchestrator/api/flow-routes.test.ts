// What the API shows equals the metrics of the same moment, page by page, by the documented schema.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { createMetrics } from '../../../src/orchestrator/observability/metrics.ts'
import { parseExposition } from '../observability/exposition.ts'
import { sampleFlow, samplePartition } from '../observability/sample-flow.ts'
import { createApi, flowPath, type TestApi } from './create-api.ts'

interface Shown { readonly [field: string]: unknown }

async function get (api: TestApi, url: string, status = 200): Promise<Shown> {
  const response = await api.app.inject({ method: 'GET', url })
  assert.equal(response.statusCode, status, response.body)
  return response.json()
}

interface PartitionPage {
  readonly next: string | null
  readonly matching: number
  readonly partitions: ReadonlyArray<{ readonly topic: string, readonly partition: number }>
}

interface OpenApi {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, {
    readonly responses: Readonly<Record<string, object>>
  }>>>>
}

const reasonsOf = (value: unknown): Record<string, number> => value as Record<string, number>

test('the figures of flows, topics and partitions are those of the metrics', async t => {
  const api = await createApi(t)
  const metrics = createMetrics({
    flows: () => api.mirror.totals, clock: api.clock, version: '', librdkafkaVersion: '',
    certificates: () => [], perPartition: true, processMetrics: false
  })
  const { series } = parseExposition(await metrics.render())
  const metric = (name: string, labels: string): number | undefined =>
    series.get(`longhaul_${name}{${labels}}`)
  const flow = await get(api, flowPath)
  const { topics } = await get(api, `${flowPath}/topics`) as { topics: Shown[] }
  const { partitions } = await get(api, `${flowPath}/partitions`) as { partitions: Shown[] }
  const compared: unknown[][] = []
  const same = (what: string, shown: unknown, expected: number | undefined): void => {
    assert.equal(shown, expected, what)
    compared.push([what, shown])
  }
  for (const [state, count] of Object.entries(reasonsOf(flow['partitionsByState']))) {
    same(state, count, metric('partitions', `source="A",state="${state}",target="B"`))
  }
  let records = 0
  for (const each of topics) {
    const labels = `source="A",target="B",topic="${String(each['topic'])}"`
    same('records', each['records'], metric('records_forwarded_total', labels))
    same('bytes', each['bytes'], metric('bytes_forwarded_total', labels))
    same('batches', each['batches'], metric('batches_forwarded_total', labels))
    same('passed', each['batchesPassedThrough'],
      metric('batches_passed_through_total', labels))
    same('retries', each['retries'], metric('retries_total', labels))
    same('lag', each['lagRecords'], metric('lag_records', labels))
    same('seconds', each['lagSecondsMax'] ?? undefined, metric('lag_seconds_max', labels))
    for (const [reason, count] of Object.entries(reasonsOf(each['reencodedByReason']))) {
      same(reason, count, metric('batches_reencoded_total', `reason="${reason}",${labels}`))
    }
    records += each['records'] as number
  }
  assert.equal(flow['records'], records)
  for (const each of partitions) {
    const labels = `partition="${String(each['partition'])}",source="A",target="B",` +
      `topic="${String(each['topic'])}"`
    same('records', each['records'], metric('partition_records_forwarded_total', labels))
    same('lag', each['lagRecords'] ?? undefined, metric('partition_lag_records', labels))
    same('lag s', each['lagSeconds'] ?? undefined, metric('partition_lag_seconds', labels))
    same('offset', Number(each['upstreamOffset']), metric('partition_upstream_offset', labels))
  }
  const telling = compared.filter(([, shown]) => Number(shown) > 0)
  assert.ok(telling.length >= 15, 'enough figures differ from 0')
})

test('a partition shows state, error, reason, since, pause and mean latency', async t => {
  const api = await createApi(t)
  api.mirror.state.apply({
    kind: 'pause', scope: { topic: 'payments' }, isPaused: true, by: 'ann', atMs: 9, reason: 'why'
  })
  const { partitions } = await get(api, `${flowPath}/partitions`) as { partitions: Shown[] }
  const [first, second, third] = partitions
  assert.equal(first?.['latencyMeanMs'], 4)
  assert.deepEqual(first?.['reencodedByReason'], { compacted: 2 })
  assert.equal(first?.['highWatermark'], '1010')
  assert.deepEqual(
    [second?.['state'], second?.['error'], second?.['reason'], second?.['sinceMs'],
      second?.['lane'], second?.['highWatermark'], second?.['lagRecords'], second?.['skipTo']],
    ['faulted', 'LANE_LOST', 'a reason', 77, null, null, null, '12'])
  assert.equal(first?.['skipTo'], null)
  assert.deepEqual(third?.['pause'],
    { topic: 'payments', partition: null, by: 'ann', atMs: 9, reason: 'why' })
  assert.equal(first?.['pause'], null)
})

test('partitions are filtered and paged in order, each exactly once', async t => {
  const partitions = ['b', 'a'].flatMap(topic => Array.from({ length: 12 }, (_, partition) =>
    samplePartition(topic, partition, partition % 4 === 0 ? { state: 'paused' } : {})))
  const api = await createApi(t, { snapshots: [sampleFlow({ partitions })] })
  const seen: string[] = []
  let pages = 0
  for (let after: string | undefined; pages < 10; pages++) {
    const page = await get(api, `${flowPath}/partitions?limit=5${after === undefined
      ? '' : `&after=${after}`}`) as unknown as PartitionPage
    assert.equal(page.matching, 24)
    seen.push(...page.partitions.map(({ partition, topic }) => `${topic}-${partition}`))
    if (page.next === null) break
    after = page.next
  }
  assert.equal(pages, 4)
  assert.deepEqual(seen, ['a', 'b'].flatMap(topic =>
    Array.from({ length: 12 }, (_, partition) => `${topic}-${partition}`)))
  const paused = await get(api, `${flowPath}/partitions?state=paused&topic=b`) as
    { matching: number, next: null, partitions: Array<{ partition: number }> }
  assert.deepEqual(paused.partitions.map(({ partition }) => partition), [0, 4, 8])
  const refused = await get(api, `${flowPath}/partitions?state=nosuch`, 400)
  assert.match(JSON.stringify(refused), /allowed values: starting, resuming, .*, removed"/)
  await get(api, `${flowPath}/partitions?limit=1001`, 400)
  await get(api, `${flowPath}/partitions?limit=0`, 400)
})

test('members, duties and groups are those of the report', async t => {
  const api = await createApi(t)
  api.mirror.report = {
    duties: [{
      name: 'heartbeats', slot: 0, lastSuccessMs: 12, durationMs: 3,
      error: new ReplicatorError('HEARTBEATS_REFUSED', 'x')
    }],
    groups: {
      atMs: 50,
      positions: [{
        group: 'billing',
        offsets: [{ topic: 'A.orders', partition: 1, upstream: 9n, downstream: 7n, metadata: '' }]
      }]
    }
  }
  assert.deepEqual((await get(api, `${flowPath}/members`))['members'], [{
    name: 'longhaul-1', isThisProcess: true, version: '1.2.3', address: 'http://127.0.0.1:1',
    startedMs: 5, slots: [0, 2]
  }])
  const { duties } = await get(api, `${flowPath}/duties`) as { duties: Shown[] }
  assert.equal(duties[0]?.['lastSuccessMs'], 12)
  assert.match(String(duties[0]?.['error']), /HEARTBEATS_REFUSED/)
  assert.deepEqual(await get(api, `${flowPath}/groups`), {
    flow: 'A->B',
    process: 'longhaul-1',
    silent: [],
    asOfMs: 50,
    reader: 'longhaul-1',
    groups: [{
      group: 'billing',
      offsets: [{ remoteTopic: 'A.orders', partition: 1, sourceOffset: '9', targetOffset: '7' }]
    }],
    next: null
  })
})

test('rates are those between two samples, and unknown before', async t => {
  const before = await createApi(t)
  assert.equal((await get(before, flowPath))['recordsPerSecond'], null)
  const api = await createApi(t)
  const [flow] = before.mirror.totals
  const [topic] = flow?.topics ?? []
  assert.ok(flow !== undefined && topic !== undefined)
  const earlier = {
    ...flow,
    records: flow.records - 500,
    bytes: flow.bytes - 1000,
    topics: [{
      ...topic,
      records: topic.records - 100,
      partitions: topic.partitions.map(each => ({ ...each, records: Number(each.records) - 40 }))
    }]
  }
  api.rates.sample([earlier], api.clock.monotonic())
  await api.clock.advance(10_000)
  const shown = await get(api, flowPath)
  assert.deepEqual([shown['recordsPerSecond'], shown['bytesPerSecond']], [50, 100])
  const { topics } = await get(api, `${flowPath}/topics`) as { topics: Shown[] }
  assert.equal(topics[0]?.['recordsPerSecond'], 10)
  assert.equal(topics[1]?.['recordsPerSecond'], null, 'the topic is new')
  const { partitions } = await get(api, `${flowPath}/partitions`) as { partitions: Shown[] }
  assert.equal(partitions[0]?.['recordsPerSecond'], 4)
})

test('the batching of a topic is shown, and is unknown while the flow does not run', async t => {
  const api = await createApi(t)
  const shown = async (): Promise<unknown[]> => {
    const { topics } = await get(api, `${flowPath}/topics`) as { topics: Shown[] }
    const { partitions } = await get(api, `${flowPath}/partitions`) as { partitions: Shown[] }
    return [...topics, ...partitions].map(each => [each['topic'], each['batching']])
  }
  const [plain, merged] = [['orders', 'pass-through'], ['payments', 'rebatch']]
  assert.deepEqual(await shown(), [plain, merged, plain, plain, merged])
  api.mirror.isRunning = false
  assert.ok((await shown()).every(each => (each as unknown[])[1] === null))
})

test('a flow that does not run is shown without its report; unknown flows are 404', async t => {
  const api = await createApi(t)
  api.mirror.isRunning = false
  assert.equal((await get(api, flowPath))['orders'], null)
  await get(api, `${flowPath}/members`, 503)
  const { error } = await get(api, '/api/v1/flows/A-%3EC', 404) as
    { error: { name: string, text: string } }
  assert.match(error.text, /there is no flow A->C; this process has A->B/)
  await get(api, '/api/v1/nosuch', 404)
})

test('openapi.json describes each route, with a schema for each answer', async t => {
  const api = await createApi(t)
  const { openapi, paths } = await get(api, '/api/openapi.json') as unknown as OpenApi
  assert.equal(openapi, '3.0.3')
  assert.deepEqual(Object.keys(paths).sort(), [
    '/api/v1/events', '/api/v1/flows', '/api/v1/flows/{flow}', '/api/v1/flows/{flow}/caught-up',
    '/api/v1/flows/{flow}/duties', '/api/v1/flows/{flow}/groups', '/api/v1/flows/{flow}/members',
    '/api/v1/flows/{flow}/partitions', '/api/v1/flows/{flow}/pause',
    '/api/v1/flows/{flow}/resume', '/api/v1/flows/{flow}/retry', '/api/v1/flows/{flow}/share',
    '/api/v1/flows/{flow}/skip', '/api/v1/flows/{flow}/states',
    '/api/v1/flows/{flow}/throttle', '/api/v1/flows/{flow}/topics', '/api/v1/log-level',
    '/api/v1/reload'
  ])
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      if (path.endsWith('/events')) continue
      assert.ok(Object.keys(responses).some(status => status.startsWith('20')), `${method} ${path}`)
    }
  }
})

// Regression: the answer was "caught up" of 0 partitions, and a script continued its cut-over.
test('a wait for a topic that the flow does not mirror is 404', async t => {
  const api = await createApi(t)
  const path = `${flowPath}/caught-up`
  api.mirror.caughtUp = async topic => ({
    isCaughtUp: true, asOfMs: 1, waitedMs: 2, partitions: topic === 'nosuch' ? 0 : 3, behind: []
  })
  const { error } = await get(api, `${path}?topic=nosuch`, 404) as
    { error: { name: string, text: string } }
  assert.deepEqual(error, {
    name: 'UNKNOWN_TOPIC_OR_PARTITION', text: 'A->B mirrors no topic nosuch that the source has'
  })
  assert.equal((await get(api, `${path}?topic=orders`))['isCaughtUp'], true)
  api.mirror.caughtUp = async () =>
    ({ isCaughtUp: true, asOfMs: 1, waitedMs: 2, partitions: 0, behind: [] })
  assert.equal((await get(api, path))['isCaughtUp'], true, 'a flow without topics lacks nothing')
})

// Regression: the only error without `error.name` and `error.text`, which clients read.
test('a path that cannot be decoded is answered as every other error', async t => {
  const { app } = await createApi(t)
  for (const url of ['/api/v1/flows/%ff', '/api/v1/flows/%', '/%c3%28']) {
    const response = await app.inject(url)
    assert.equal(response.statusCode, 400, url)
    const { error } = response.json<{ error: { name: string, text: string } }>()
    assert.equal(error.name, 'FST_ERR_BAD_URL')
    assert.match(error.text, /is not a valid url component/)
  }
})
