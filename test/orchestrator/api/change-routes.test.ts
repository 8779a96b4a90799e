// Each change becomes one order with who, when and why; nothing changes without the token, however
// the request is formed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { recordingLog } from '../observability/recording-log.ts'
import { bearer, createApi, flowPath, token, type TestApi } from './create-api.ts'

interface Answer {
  readonly isDryRun: boolean
  readonly orders: ReadonlyArray<Readonly<Record<string, unknown>>>
}

async function post (
  api: TestApi, url: string, payload: object, headers: Record<string, string> = bearer
) {
  return await api.app.inject({ method: 'POST', url, payload, headers })
}

test('pause, resume, retry and skip become orders with who, when and why', async t => {
  const api = await createApi(t)
  await api.clock.advance(1000)
  const atMs = api.clock.now()
  const by = 'ann (api@127.0.0.1)'
  const why = { reason: 'ticket 17', by: 'ann' }
  const cases: ReadonlyArray<readonly [string, object, object]> = [
    ['pause', {}, { kind: 'pause', scope: {}, isPaused: true }],
    ['pause', { topic: 'orders' }, { kind: 'pause', scope: { topic: 'orders' }, isPaused: true }],
    ['resume', { topic: 'orders', partition: 0 },
      { kind: 'pause', scope: { topic: 'orders', partition: 0 }, isPaused: false }],
    ['retry', { topic: 'orders' }, { kind: 'retry', scope: { topic: 'orders' } }],
    ['skip', { topic: 'orders', partition: 3, to: '9007199254740993' },
      { kind: 'skip', source: { topic: 'orders', partition: 3 }, to: 9007199254740993n }]
  ]
  for (const [path, body, expected] of cases) {
    const response = await post(api, `${flowPath}/${path}`, { ...body, ...why })
    assert.equal(response.statusCode, 202, response.body)
    const { order } = api.mirror.orders.at(-1) ?? {}
    assert.ok(order !== undefined)
    const { id: _, ...rest } = { id: '', ...order }
    assert.deepEqual(rest, { ...expected, by, atMs, reason: 'ticket 17' })
    const [shown] = response.json<Answer>().orders
    assert.deepEqual([shown?.['kind'], shown?.['by'], shown?.['reason']], [path, by, 'ticket 17'])
  }
  assert.equal(api.mirror.orders.length, cases.length)
})

test('two retries have different ids', async t => {
  const api = await createApi(t)
  for (const _ of [1, 2]) await post(api, `${flowPath}/retry`, { reason: 'x' })
  const ids = api.mirror.orders.map(({ order }) => 'id' in order ? order.id : '')
  assert.equal(new Set(ids).size, 2)
})

test('reload and log level concern every flow of the process', async t => {
  const api = await createApi(t)
  assert.equal((await post(api, '/api/v1/reload', { reason: 'new topics' })).statusCode, 202)
  for (const level of ['debug', 'file']) {
    assert.equal((await post(api, '/api/v1/log-level', { reason: 'x', level })).statusCode, 202)
  }
  const wrong = await post(api, '/api/v1/log-level', { reason: 'x', level: 'loud' })
  assert.equal(wrong.statusCode, 400)
  assert.deepEqual(api.mirror.orders.map(({ flow, order }) =>
    [flow, order.kind, order.kind === 'logLevel' ? order.level : '']),
  [['A->B', 'reload', ''], ['A->B', 'logLevel', 'debug'], ['A->B', 'logLevel', undefined]])
})

test('a reload answers with the changes, and orders nothing if the file is refused', async t => {
  const file: { refusal?: ReplicatorError } = {}
  const api = await createApi(t, {
    checkFile: () => {
      if (file.refusal !== undefined) throw file.refusal
      return ['A->B: topics: a -> a,b']
    }
  })
  const done = await post(api, '/api/v1/reload', { reason: 'x' })
  assert.equal(done.statusCode, 202)
  assert.deepEqual(done.json<{ changes: unknown }>().changes, ['A->B: topics: a -> a,b'])
  for (const name of ['CONFIG_INVALID', 'CONFIG_NEEDS_RESTART'] as const) {
    file.refusal = new ReplicatorError(name, 'replication.factor=three: a number is allowed')
    const refused = await post(api, '/api/v1/reload', { reason: 'x' })
    assert.equal(refused.statusCode, 409)
    assert.deepEqual(refused.json(), { error: { name, text: file.refusal.message } })
  }
  assert.equal(api.mirror.orders.length, 1)
})

test('a throttle needs a limit or the word that the file has it', async t => {
  const api = await createApi(t)
  const bodies = [{ bytesPerSecond: 1000 }, { bytesPerSecond: 0 }, { file: true }]
  for (const body of bodies) {
    const answer = await post(api, `${flowPath}/throttle`, { reason: 'x', ...body })
    assert.equal(answer.statusCode, 202)
  }
  for (const body of [{}, { bytesPerSecond: 1, file: true }, { bytesPerSecond: -1 },
    { bytesPerSecond: '10MiB' }, { bytesPerSecond: 1.5 }, { bytesPerSecond: 1, topic: 'orders' }]) {
    const answer = await post(api, `${flowPath}/throttle`, { reason: 'x', ...body })
    assert.equal(answer.statusCode, 400, JSON.stringify(body))
  }
  assert.deepEqual(api.mirror.orders.map(({ order }) =>
    order.kind === 'throttle' ? order.bytesPerSecond : ''), [1000, 0, undefined])
})

test('a share names a topic, and has a percentage or the word that the file has it', async t => {
  const api = await createApi(t)
  const topic = 'orders'
  for (const body of [{ topic, percent: 1 }, { topic, percent: 100 }, { topic, file: true }]) {
    const answer = await post(api, `${flowPath}/share`, { reason: 'x', ...body })
    assert.equal(answer.statusCode, 202, answer.body)
    assert.equal(answer.json<Answer>().orders[0]?.['topic'], topic)
  }
  for (const body of [{ percent: 30 }, { topic }, { topic, percent: 30, file: true },
    { topic, percent: 0 }, { topic, percent: 101 }, { topic, percent: 1.5 },
    { topic, percent: 30, partition: 1 }]) {
    const answer = await post(api, `${flowPath}/share`, { reason: 'x', ...body })
    assert.equal(answer.statusCode, 400, JSON.stringify(body))
  }
  assert.deepEqual(api.mirror.orders.map(({ order }) => order.kind === 'share'
    ? [order.scope.topic, order.percent]
    : []), [[topic, 1], [topic, 100], [topic, undefined]])
  for (const { order } of api.mirror.orders.slice(0, 1)) {
    if (order.kind === 'share') api.mirror.state.apply(order)
  }
  const shown = await api.app.inject({ url: flowPath })
  assert.deepEqual(shown.json<{ orders: { shares: unknown } }>().orders.shares, [{
    topic, percent: 1, by: 'api@127.0.0.1', atMs: api.clock.now(), reason: 'x'
  }])
})

test('a dry run is only checked, and a doubt is returned as a warning', async t => {
  const api = await createApi(t)
  api.mirror.doubt = 'the flow does not mirror nosuch (not matched)'
  const body = { reason: 'x', topic: 'nosuch', dryRun: true }
  const response = await post(api, `${flowPath}/pause`, body)
  const answer = response.json<Answer>()
  assert.equal(answer.isDryRun, true)
  assert.equal(answer.orders[0]?.['warning'], api.mirror.doubt)
  assert.deepEqual(api.mirror.orders.map(({ isDry }) => isDry), [true])
})

test('a wrong body is refused with what is wrong, and orders nothing', async t => {
  const api = await createApi(t)
  const cases: ReadonlyArray<readonly [string, object, RegExp]> = [
    ['pause', {}, /reason/],
    ['pause', { reason: '' }, /reason/],
    ['pause', { reason: ' ' }, /reason/],
    // One character that begins a control sequence, as escape and [ do.
    ['pause', { reason: 'a\u009b2J' }, /reason/],
    ['pause', { reason: 'x', by: 'a\u009b2J' }, /by/],
    ['pause', { reason: 'x'.repeat(501) }, /reason/],
    ['pause', { reason: 'a\u001b[2J' }, /reason/],
    // A mistyped name must not pause the whole flow.
    ['pause', { reason: 'x', topics: 'orders' }, /additional properties: topics$/],
    ['pause', { reason: 'x', partition: 1 }, /partition needs topic/],
    ['pause', { reason: 'x', topic: 'a b' }, /topic/],
    ['pause', { reason: 'x', topic: 'orders', partition: -1 }, /partition/],
    ['skip', { reason: 'x', topic: 'orders', partition: 1 }, /to/],
    ['skip', { reason: 'x', topic: 'orders', partition: 1, to: '-5' }, /to/]
  ]
  for (const [path, body, text] of cases) {
    const response = await post(api, `${flowPath}/${path}`, body)
    assert.equal(response.statusCode, 400, JSON.stringify(body))
    assert.match(response.json<{ error: { text: string } }>().error.text, text)
  }
  const large = await post(api, `${flowPath}/pause`, { reason: 'x'.repeat(20_000) })
  assert.equal(large.statusCode, 413)
  assert.deepEqual(api.mirror.orders, [])
})

// Regression: the validator turned the values of a body into the types of the schema, as it must
// for a query. So null was partition 0, and "false" ordered what {"dryRun": true} only checks.
test('a field of a body with another type is refused, and orders nothing', async t => {
  const api = await createApi(t)
  const cases: ReadonlyArray<readonly [string, string, unknown, string]> = [
    ['pause', 'topic', 1, 'string'],
    ['pause', 'topic', null, 'string'],
    ['pause', 'partition', '3', 'integer'],
    ['pause', 'partition', null, 'integer'],
    ['pause', 'partition', true, 'integer'],
    ['pause', 'reason', 17, 'string'],
    ['pause', 'by', false, 'string'],
    ['pause', 'dryRun', 'false', 'boolean'],
    ['pause', 'dryRun', 1, 'boolean'],
    ['pause', 'topic', ['orders'], 'string'],
    ['skip', 'to', 7, 'string'],
    ['throttle', 'bytesPerSecond', '1000', 'integer'],
    ['throttle', 'bytesPerSecond', 1.5, 'integer'],
    ['throttle', 'file', 'true', 'boolean']
  ]
  const right = { topic: 'orders', partition: 3, reason: 'x' }
  for (const [path, name, value, type] of cases) {
    const body = path === 'throttle'
      ? { reason: 'x' }
      : path === 'skip' ? { ...right, to: '7' } : right
    const response = await post(api, `${flowPath}/${path}`, { ...body, [name]: value })
    assert.equal(response.statusCode, 400, `${name}: ${JSON.stringify(value)}`)
    assert.deepEqual(response.json(), {
      error: { name: 'FST_ERR_VALIDATION', text: `body/${name} must be ${type}` }
    })
  }
  for (const body of ['null', '1', '[]', '"pause"']) {
    const response = await api.app.inject({
      method: 'POST', url: `${flowPath}/pause`, payload: body,
      headers: { ...bearer, 'content-type': 'application/json' }
    })
    assert.equal(response.statusCode, 400, body)
  }
  const paged = await api.app.inject({ url: `${flowPath}/partitions?limit=2` })
  assert.equal(paged.statusCode, 200, 'a query has only text')
  assert.deepEqual(api.mirror.orders, [])
})

test('a refusal of the flow is 409, and a flow that does not run is 503', async t => {
  const api = await createApi(t)
  api.mirror.failure = new ReplicatorError('CONTROL_REFUSED', 'orders-1 is at source offset 10')
  const skip = { reason: 'x', topic: 'orders', partition: 1, to: '5' }
  const refused = await post(api, `${flowPath}/skip`, skip)
  assert.equal(refused.statusCode, 409)
  assert.match(refused.body, /CONTROL_REFUSED.*orders-1 is at source offset 10/)
  api.mirror.failure = new ReplicatorError('PROGRESS_UNWRITABLE', 'x')
  assert.equal((await post(api, `${flowPath}/pause`, { reason: 'x' })).statusCode, 503)
  api.mirror.failure = undefined
  api.mirror.isRunning = false
  assert.equal((await post(api, `${flowPath}/pause`, { reason: 'x' })).statusCode, 503)
})

// Regression: each refused request with a header was logged as one with a wrong token, also where
// the file sets none.
test('the log says why a request is refused, once a minute', async t => {
  const texts: string[] = []
  const refuse = async (lines: readonly string[]): Promise<void> => {
    const api = await createApi(t, { lines, log: recordingLog(texts) })
    for (let i = 0; i < 2; i++) {
      await post(api, `${flowPath}/pause`, { reason: 'x' }, { authorization: 'Bearer another' })
    }
  }
  await refuse([`api.token = ${token}`])
  await refuse([])
  assert.equal(texts.length, 2)
  assert.match(texts[0] ?? '', /^warn: a request to the API is refused \(its token is wrong\);/)
  assert.match(texts[1] ?? '', /^warn: a request .* refused \(api\.token is not set,/)
})

test('a change without the token, or without api.token, orders nothing', async t => {
  const api = await createApi(t)
  const wrong = { authorization: 'Bearer another-token-of-24-chars' }
  for (const headers of [{}, wrong]) {
    const response = await post(api, `${flowPath}/pause`, { reason: 'x' }, headers)
    assert.equal(response.statusCode, 401)
    assert.equal(response.headers['www-authenticate'], 'Bearer')
  }
  const without = await createApi(t, { lines: [] })
  const response = await post(without, `${flowPath}/pause`, { reason: 'x' })
  assert.equal(response.statusCode, 403)
  assert.match(response.body, /api\.token is not set/)
  assert.deepEqual([...api.mirror.orders, ...without.mirror.orders], [])
})

test('requests, changes and guesses of one address are bounded', async t => {
  const api = await createApi(t, { limits: { changesMax: 3, requestsMax: 10 } })
  const statuses = []
  for (let i = 0; i < 5; i++) {
    statuses.push((await post(api, `${flowPath}/pause`, { reason: 'x' },
      { authorization: 'Bearer a-guess-of-a-token' })).statusCode)
  }
  assert.deepEqual(statuses, [401, 401, 401, 429, 429])
  const reads = []
  for (let i = 0; i < 12; i++) {
    reads.push((await api.app.inject({ method: 'GET', url: '/api/v1/nosuch' })).statusCode)
  }
  assert.deepEqual(reads.slice(9), [404, 429, 429].slice(0, reads.slice(9).length))
  assert.deepEqual(api.mirror.orders, [])
})

// Regression: 404 looked as if the process, perhaps of an older version, had no such order.
test('another method of a route is answered with 405 and the methods that it has', async t => {
  const api = await createApi(t)
  const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, headers = {}) => {
    const { headers: { allow }, statusCode } = await api.app.inject({ method, url, headers })
    return [statusCode, allow]
  }
  assert.deepEqual(await ask('GET', `${flowPath}/pause`), [405, 'POST'])
  assert.deepEqual(await ask('POST', `${flowPath}/topics`, bearer), [405, 'GET, HEAD'])
  const form = { ...bearer, 'content-type': 'application/x-www-form-urlencoded' }
  assert.deepEqual(await ask('DELETE', flowPath, form), [405, 'GET, HEAD'])
  assert.deepEqual(await ask('POST', `${flowPath}/topics`), [401, undefined])
  assert.deepEqual(await ask('GET', `${flowPath}/nosuch`), [404, undefined])
})

const paths = [
  '/api/v1/flows', flowPath, `${flowPath}/topics`, `${flowPath}/partitions`, `${flowPath}/members`,
  `${flowPath}/duties`, `${flowPath}/groups`, `${flowPath}/caught-up`, `${flowPath}/pause`,
  `${flowPath}/resume`, `${flowPath}/retry`, `${flowPath}/skip`, `${flowPath}/throttle`,
  `${flowPath}/share`, '/api/v1/reload', '/api/v1/log-level', '/api/v1/events', '/api/openapi.json'
]
const anyMethod = fc.oneof(fc.constant('POST' as const),
  fc.constantFrom('GET' as const, 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'))
const anyPath = fc.oneof(
  fc.constantFrom(...paths),
  fc.tuple(fc.constantFrom(...paths), fc.webPath(), fc.webQueryParameters())
    .map(([path, more, query]) => `${path}${more}?${query}`),
  fc.webPath().map(path => `/api${path}`)
)
const rightBodies = [
  { reason: 'why' }, { reason: 'why', topic: 'orders' }, { reason: 'why', level: 'debug' },
  { reason: 'why', topic: 'orders', partition: 3, to: '7' },
  { reason: 'why', bytesPerSecond: 1000 }, { reason: 'why', topic: 'orders', percent: 30 }
].map(body => JSON.stringify(body))
const anyBody = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...rightBodies) },
  fc.json(), fc.string(), fc.constant(''),
  fc.record({
    topic: fc.oneof(fc.string(), fc.constant('orders')),
    partition: fc.oneof(fc.integer(), fc.double(), fc.string()),
    to: fc.oneof(fc.bigInt().map(String), fc.integer()),
    level: fc.oneof(fc.string(), fc.constant('debug')),
    reason: fc.oneof(fc.string(), fc.constant('why')),
    dryRun: fc.oneof(fc.boolean(), fc.string())
  }, { requiredKeys: [] }).map(body => JSON.stringify(body))
)
const anyType = fc.oneof(fc.constant('application/json'), fc.constantFrom(
  'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''))

test('no request crashes the API, and none changes a thing without the token', async t => {
  // Live views never end, so none is opened here.
  const api = await createApi(t, { limits: { eventClientsMax: 0 } })
  let accepted = 0
  await fc.assert(fc.asyncProperty(
    anyMethod, anyPath, anyBody, anyType,
    fc.oneof(fc.constant(undefined), fc.constant(bearer.authorization), fc.string()),
    async (method, url, payload, type, authorization) => {
      const before = api.mirror.orders.length
      const response = await api.app.inject({
        method,
        url,
        ...method !== 'GET' && method !== 'HEAD' && { payload },
        headers: {
          ...type !== '' && { 'content-type': type },
          ...authorization !== undefined && {
            authorization: authorization.replace(/[^\x20-\x7e]/g, '?')
          }
        }
      })
      assert.notEqual(response.statusCode, 500, `${method} ${url} ${payload}`)
      const changed = api.mirror.orders.length - before
      if (authorization !== bearer.authorization) assert.equal(changed, 0, `${method} ${url}`)
      if (changed > 0) {
        assert.equal(method, 'POST')
        assert.equal(response.statusCode, 202)
        accepted++
      }
    }), { numRuns: 1500 })
  assert.ok(accepted > 0, 'the property has seen changes, too')
})
