// Answers of all processes of a flow: what is joined, who is named as silent, and that api.token
// never goes to an address that is read from the progress topic.
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { FlowMember } from '../../../src/orchestrator/control/control-record.ts'
import type { FlowSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { sampleFlow, samplePartition } from '../observability/sample-flow.ts'
import { createApi, flowPath, token, type TestApi } from './create-api.ts'

interface Silent { readonly process: string, readonly address: string, readonly reason: string }
interface Shown { readonly silent: readonly Silent[], readonly [field: string]: unknown }
type Entry = Readonly<Record<string, unknown>>

function memberOf (name: string, address: string): FlowMember {
  return { name, build: '1.2.3', address, startedMs: 5, settings: {}, slots: [] }
}

async function get<Answer = Shown> (api: TestApi, path: string): Promise<Answer> {
  const response = await api.app.inject({ method: 'GET', url: `${flowPath}${path}` })
  assert.equal(response.statusCode, 200, response.body)
  return response.json()
}

/** Two processes; the first is asked. `topic` has even partitions in the first one. */
async function createPair (
  t: TestContext, parts: readonly [FlowSnapshot, FlowSnapshot], others: readonly FlowMember[] = []
): Promise<readonly [TestApi, TestApi]> {
  const limits = { joinMsMax: 1_500 }
  const first = await createApi(t, { snapshots: [parts[0]], limits })
  const second = await createApi(t, { snapshots: [parts[1]], limits })
  const address = await second.app.listen({ host: '127.0.0.1', port: 0 })
  const members = [memberOf('longhaul-1', 'http://127.0.0.1:1'), memberOf('longhaul-2', address),
    ...others]
  first.mirror.members = members
  second.mirror.members = members
  second.mirror.report = { memberName: 'longhaul-2' }
  return [first, second]
}

async function listen (t: TestContext, server: Server): Promise<string> {
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const evenOf = (topic: string, rest: number, count = 10): FlowSnapshot => sampleFlow({
  partitions: Array.from({ length: count }, (_, i) => samplePartition(topic, 2 * i + rest, {
    records: 10n, bytes: 100n, lagRecords: rest + 1, ...i === 0 && { state: 'paused' }
  }))
})

test('pages of partitions of all processes lack none, and each names its process', async t => {
  const [first] = await createPair(t, [evenOf('orders', 0), evenOf('orders', 1)])
  const seen: Entry[] = []
  let after = ''
  for (let pages = 0; pages < 10; pages++) {
    const page = await get<Shown & {
      partitions: Entry[], matching: number, next: string | null
    }>(first, `/partitions?processes=all&limit=3${after}`)
    assert.deepEqual([page.matching, page.silent], [20, []])
    seen.push(...page.partitions)
    if (page.next === null) break
    after = `&after=${page.next}`
  }
  assert.deepEqual(seen.map(each => [each['partition'], each['process']]),
    Array.from({ length: 20 }, (_, i) => [i, i % 2 === 0 ? 'longhaul-1' : 'longhaul-2']))
  const paused = await get<Shown & { partitions: Entry[] }>(first,
    '/partitions?processes=all&state=paused')
  assert.deepEqual(paused.partitions.map(each => each['partition']), [0, 1])
  const own = await get<Shown & { partitions: Entry[] }>(first, '/partitions')
  assert.equal(own.partitions.length, 10)
})

test('figures, states, topics, duties and groups are those of all processes', async t => {
  const [first, second] = await createPair(t, [evenOf('orders', 0), evenOf('orders', 1)])
  second.mirror.report = {
    ...second.mirror.report,
    duties: [{
      name: 'offset syncs', slot: 3, lastSuccessMs: 5, durationMs: 6, error: undefined
    }],
    groups: { atMs: 77, positions: [] }
  }
  for (const flow of [await get(first, '?processes=all'),
    (await first.app.inject('/api/v1/flows?processes=all')).json<{ flows: Shown[] }>().flows[0]]) {
    assert.deepEqual([flow?.['records'], flow?.['bytes'], flow?.['lagRecords'],
      flow?.['lagRecordsMax'], flow?.['process'], flow?.silent],
    [200, 2000, 30, 2, 'longhaul-1', []])
    const states = flow?.['partitionsByState'] as Record<string, number>
    assert.deepEqual([states['running'], states['paused']], [18, 2])
  }
  const { topics } = await get<Shown & { topics: Entry[] }>(first, '/topics?processes=all')
  assert.deepEqual(topics.map(each => [each['topic'], each['partitions'], each['records']]),
    [['orders', 20, 200]])
  const states = await get<{ topics: Array<{ partitions: number[] }> }>(first,
    '/states?processes=all')
  assert.deepEqual(states.topics.map(each => each.partitions),
    [Array.from({ length: 20 }, (_, i) => i)])
  const { duties } = await get<Shown & { duties: Entry[] }>(first, '/duties?processes=all')
  assert.deepEqual(duties.map(each => [each['process'], each['name']]),
    [['longhaul-2', 'offset syncs']])
  assert.equal((await get(first, '/groups?processes=all'))['asOfMs'], 77)
  assert.equal((await get(first, '/groups'))['asOfMs'], null)
})

test('a process that hangs, lies or sends too much is named with the reason, in time', async t => {
  let asked = 0
  const hung = await listen(t, createServer(() => { asked++ }))
  const lying = await listen(t, createServer((_, response) => { response.end('{"duties":[{}]}') }))
  const endless = await listen(t, createServer((_, response) => {
    const more = (): void => {
      if (!response.destroyed && response.write(' '.repeat(1 << 16))) setImmediate(more)
    }
    response.on('drain', more)
    more()
  }))
  const [first, second] = await createPair(t, [evenOf('orders', 0), evenOf('orders', 1)], [
    memberOf('hung', hung), memberOf('lying', lying), memberOf('endless', endless),
    memberOf('gone', 'http://127.0.0.1:1'), memberOf('mute', ''),
    memberOf('clear', 'http://10.0.0.1:9584'), memberOf('odd', 'http://127.0.0.1:9/x?y')
  ])
  const address = second.mirror.members[1]?.address ?? ''
  first.mirror.members = [...first.mirror.members, memberOf('elsewhere', address)]
  const startedMs = performance.now()
  const { silent } = await get(first, '/duties?processes=all')
  assert.ok(performance.now() - startedMs < 10_000)
  const reasons = new Map(silent.map(each => [each.process, each.reason]))
  assert.deepEqual([...reasons.keys()].sort(),
    ['clear', 'elsewhere', 'endless', 'gone', 'hung', 'lying', 'mute', 'odd'])
  assert.match(reasons.get('hung') ?? '', /no answer within 1500 ms/)
  assert.match(reasons.get('lying') ?? '', /form of another version/)
  assert.match(reasons.get('endless') ?? '', /longer than 8 MiB|no answer within/)
  assert.match(reasons.get('gone') ?? '', /127\.0\.0\.1:1/)
  assert.match(reasons.get('mute') ?? '', /serves no API/)
  assert.match(reasons.get('clear') ?? '', /without TLS/)
  assert.match(reasons.get('odd') ?? '', /not that of an API/)
  assert.match(reasons.get('elsewhere') ?? '', /another process answers at this address/)
  // For ten seconds it is not asked again.
  assert.equal((await get(first, '/states?processes=all')).silent.length, 8)
  assert.equal(asked, 1)
  await first.clock.advance(10_000)
  await get(first, '/states?processes=all')
  assert.equal(asked, 2)
})

test('only so many processes are asked', async t => {
  const [first] = await createPair(t, [evenOf('orders', 0), evenOf('orders', 1)],
    Array.from({ length: 40 }, (_, i) => memberOf(`more-${i}`, '')))
  const { silent } = await get(first, '/duties?processes=all')
  assert.equal(silent.length, 40)
  assert.equal(silent.filter(({ reason }) => reason.includes('joins 32')).length, 9)
})

// Mechanism: whoever can write to the progress topic announces an address of its own. A request
// with api.token would hand it the token of every process.
test('an announced address receives a signature for itself and never the token', async t => {
  const [first, second] = await createPair(t, [evenOf('orders', 0), evenOf('orders', 1)])
  const address = 'https://10.0.0.2:9584'
  const members = [memberOf('longhaul-1', 'https://10.0.0.1:9584'),
    memberOf('longhaul-2', address), memberOf('stranger', 'https://10.6.6.6')]
  for (const { mirror } of [first, second]) {
    mirror.members = members
    mirror.config = {
      ...mirror.config,
      process: { ...mirror.config.process, 'metrics.host': '0.0.0.0' },
      serverTls: { certificate: Buffer.from(''), key: Buffer.from('') }
    }
  }
  second.mirror.url = address
  const sent: Array<{ readonly url: URL, readonly authorization: string }> = []
  t.mock.method(globalThis, 'fetch', async (url: URL, request: { headers: Entry }) => {
    const authorization = String(request.headers['authorization'])
    sent.push({ url, authorization })
    const { statusCode, body } = await second.app.inject({
      method: 'GET', url: `${url.pathname}${url.search}`, headers: { authorization }
    })
    return new Response(body, { status: statusCode })
  })
  const asOperator = async (path: string): Promise<Shown> => {
    const response = await first.app.inject({
      method: 'GET', url: `${flowPath}${path}`, headers: { authorization: `Bearer ${token}` }
    })
    assert.equal(response.statusCode, 200, response.body)
    return response.json()
  }
  const { partitions, silent } = await asOperator('/partitions?processes=all&topic=orders') as
    Shown & { partitions: Entry[] }
  assert.equal(partitions.length, 20)
  // The stranger passed its signature on to the second process, which refused it.
  assert.deepEqual(silent.map(({ process }) => process), ['stranger'])
  assert.match(silent[0]?.reason ?? '', /401/)
  assert.equal(sent.length, 2)
  for (const { authorization } of sent) {
    assert.match(authorization, /^Longhaul-Member \d+\./)
    assert.ok(!authorization.includes(token))
  }
})
