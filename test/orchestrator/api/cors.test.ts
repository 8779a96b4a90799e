// Which pages of other sites may use the API from a browser.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { bearer, createApi, flowPath, token } from './create-api.ts'

const origin = 'https://ops.example'
const allowing = [`api.token = ${token}`, `api.cors.origins = ${origin}, http://other.example:8080`]

async function preflight (t: TestContext, lines: readonly string[], from: string) {
  const { app } = await createApi(t, { lines })
  return await app.inject({
    method: 'OPTIONS',
    url: `${flowPath}/pause`,
    headers: {
      origin: from, 'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type'
    }
  })
}

test('a browser learns that a page of an allowed origin may send a change', async t => {
  const { headers, statusCode } = await preflight(t, allowing, origin)
  assert.equal(statusCode, 204)
  assert.equal(headers['access-control-allow-origin'], origin)
  assert.equal(headers['access-control-allow-headers'], 'authorization,content-type')
})

test('a page of an allowed origin reads the answer, and still needs the token', async t => {
  const { app, mirror } = await createApi(t, { lines: allowing })
  const pause = async (headers: Readonly<Record<string, string>>) => await app.inject({
    method: 'POST', url: `${flowPath}/pause`, payload: { reason: 'a test' },
    headers: { origin, ...headers }
  })
  assert.equal((await pause({})).statusCode, 401)
  const paused = await pause(bearer)
  assert.equal(paused.statusCode, 202, paused.body)
  assert.equal(paused.headers['access-control-allow-origin'], origin)
  assert.equal(mirror.orders.length, 1)
})

for (const [name, lines, from] of [
  ['of another origin', allowing, 'https://stranger.example'],
  ['of any origin, by default', [`api.token = ${token}`], origin]
] as const) {
  test(`a page ${name} gets no permission`, async t => {
    const { headers } = await preflight(t, lines, from)
    assert.equal(headers['access-control-allow-origin'], undefined)
  })
}

test('an origin with a path, or any origin, is refused', () => {
  for (const value of ['https://ops.example/page', '*', 'ops.example']) {
    const parsed = parseConfig(['clusters = A, B', 'A->B.enabled = true',
      'A.bootstrap.servers = 127.0.0.1:1', 'B.bootstrap.servers = 127.0.0.1:2',
      `api.cors.origins = ${value}`].join('\n'))
    assert.ok(!parsed.ok, value)
    assert.match(parsed.problems[0]?.message ?? '', /api\.cors\.origins.*origins, without a path/)
  }
})
