// The files of the page: served before any token, with a policy that lets nothing else in, and by
// name only; and what the API answers for the page alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlowLedger } from '../../../src/orchestrator/observability/flow-ledger.ts'
import { countLatencies, sampleFlow, sampleLane } from '../observability/sample-flow.ts'
import { bearer, createApi, flowPath } from './create-api.ts'

test('the page loads without a token, also where each read of the API needs one', async t => {
  const { app, mirror } = await createApi(t)
  mirror.config = {
    ...mirror.config,
    process: { ...mirror.config.process, 'metrics.host': '192.0.2.1' },
    serverTls: { certificate: Buffer.from(''), key: Buffer.from('') }
  }
  assert.equal((await app.inject('/api/v1/flows')).statusCode, 401)
  assert.equal((await app.inject({ url: '/api/v1/flows', headers: bearer })).statusCode, 200)
  const page = await app.inject('/')
  assert.equal(page.statusCode, 200)
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  const named = [...page.body.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)]
    .map(([, path = '']) => path)
  assert.deepEqual(named, ['/page/uplot.css', '/page/page.css', '/page/main.js'])
  for (const path of [...named, '/page/uplot.js']) {
    assert.equal((await app.inject(path)).statusCode, 200, path)
  }
})

test('all modules that the page imports are served', async t => {
  const { app } = await createApi(t)
  const left = ['/page/main.js']
  const seen = new Set<string>()
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (seen.has(path)) continue
    seen.add(path)
    const { body, headers, statusCode } = await app.inject(path)
    assert.equal(statusCode, 200, path)
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8')
    const imports = /^(?:import|export) .*?from ["']\.\/([^"']+)["']/gm
    for (const [, name = ''] of body.matchAll(imports)) left.push(`/page/${name}`)
  }
  assert.ok(seen.has('/page/uplot.js') && seen.size > 10, [...seen].join(' '))
})

test('the policy of the page allows nothing from elsewhere or inline, and no frame', async t => {
  const { app } = await createApi(t)
  const { body, headers } = await app.inject('/')
  const policy = String(headers['content-security-policy'])
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect/)
  assert.match(policy, /frame-ancestors 'none'; require-trusted-types-for 'script'/)
  assert.doesNotMatch(policy, /unsafe|\*|https?:/)
  assert.doesNotMatch(body, / style=| on[a-z]+=|<style|<script(?! type="module" src="\/page\/)/)
  assert.equal(headers['x-frame-options'], 'DENY')
})

test('a path of the page is a name, and leads to no other file', async t => {
  const { app } = await createApi(t)
  for (const path of [
    '/page/..%2forchestrator%2fmain.js', '/page/../main.js', '/page/main.ts', '/page/uplot.d.ts',
    '/page/%2e%2e%2f%2e%2e%2fpackage.json', '/page/'
  ]) assert.equal((await app.inject(path)).statusCode, 404, path)
  const posted = await app.inject({ method: 'POST', url: '/page/main.js', headers: bearer })
  assert.equal(posted.statusCode, 405)
})

test('states has each partition once, by the names of the states', async t => {
  const { app } = await createApi(t)
  const { names, topics } = (await app.inject(`${flowPath}/states`)).json<{
    names: string[], topics: Array<{ topic: string, partitions: number[], states: number[] }>
  }>()
  assert.deepEqual(topics.map(({ partitions, states, topic }) =>
    [topic, partitions, states.map(state => names[state])]), [
    ['orders', [0, 1], ['running', 'faulted']], ['payments', [0], ['running']]
  ])
})

test('the recent latency is that of the records of the last seconds alone', async t => {
  const slow = new Array<number>(1000).fill(4000)
  const before = sampleFlow({ lanes: [sampleLane({ latency: countLatencies(slow) })] })
  const after = sampleFlow({
    lanes: [sampleLane({ latency: countLatencies([...slow, 10, 10, 10]) })]
  })
  const { app, clock, mirror, rates } = await createApi(t, { snapshots: [before] })
  const ledger = new FlowLedger(clock)
  mirror.totals = ledger.observe([before])
  const recent = async (): Promise<unknown[]> => {
    const flow = (await app.inject(flowPath)).json<Record<string, unknown>>()
    return [flow['recentLatencyP50Ms'], flow['recentLatencyP99Ms'], flow['latencyP50Ms']]
  }
  const [, , ofAll] = await recent()
  assert.deepEqual(await recent(), [null, null, ofAll], 'nothing to compare with')
  rates.sample(mirror.totals, clock.monotonic())
  assert.deepEqual(await recent(), [null, null, ofAll], 'no record since')
  mirror.totals = ledger.observe([after])
  const [half, most, all] = await recent()
  assert.ok(Number(half) >= 10 && Number(half) < 20 && most === half, `${String(half)}`)
  assert.ok(Number(all) >= 4000)
})
