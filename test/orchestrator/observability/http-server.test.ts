// The HTTP server, by real requests on a free port.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { ServerTls } from '../../../src/orchestrator/config/config.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  startHttpServer, type HttpServerOptions
} from '../../../src/orchestrator/observability/http-server.ts'
import { silentLog, type LogFields } from '../../../src/orchestrator/observability/log.ts'
import { createCertificate } from './server-certificate.ts'

async function createServer (t: TestContext, options: Partial<HttpServerOptions> = {}) {
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    isPortByDefault: false,
    metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'up 1\n' },
    readiness: () => ({ ready: true, reasons: [], warnings: [] }),
    version: { version: '1.2.3', librdkafka: '2.12.0' },
    log: silentLog,
    ...options
  })
  t.after(() => server.close())
  return server
}

test('metrics are served in their own content type', async (t) => {
  const { url } = await createServer(t)
  const response = await fetch(`${url}/metrics?name=up`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4')
  assert.equal(await response.text(), 'up 1\n')
})

test('health and version answer with JSON', async (t) => {
  const { url } = await createServer(t)
  assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { status: 'ok' })
  assert.deepEqual(await (await fetch(`${url}/version`)).json(),
    { version: '1.2.3', librdkafka: '2.12.0' })
})

test('readiness is that of the function, with its reasons', async (t) => {
  let ready = false
  const { url } = await createServer(t, {
    readiness: () =>
      ({ ready, reasons: ready ? [] : ['A->B: no lane is running'], warnings: ['A->B: another'] })
  })
  const before = await fetch(`${url}/readyz`)
  assert.equal(before.status, 503)
  assert.deepEqual(await before.json(),
    { ready: false, reasons: ['A->B: no lane is running'], warnings: ['A->B: another'] })
  ready = true
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
})

test('HEAD has the headers of GET and no body', async (t) => {
  const { url } = await createServer(t)
  const response = await fetch(`${url}/metrics`, { method: 'HEAD' })
  assert.equal(response.headers.get('content-length'), '5')
  assert.equal(await response.text(), '')
})

test('other paths are 404 and name the existing ones, other methods are 405', async (t) => {
  const { url } = await createServer(t)
  const missing = await fetch(`${url}/`)
  assert.equal(missing.status, 404)
  assert.match(await missing.text(), /\/metrics/)
  const refused = await fetch(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) })
  assert.equal(refused.status, 405)
  assert.equal(refused.headers.get('allow'), 'GET, HEAD')
  await refused.text()
})

test('a scrape that fails is 500 without its text, which is logged', async (t) => {
  const logged: LogFields[] = []
  const { url } = await createServer(t, {
    metrics: { contentType: 'text/plain', render: () => Promise.reject(new Error('secret path')) },
    log: { ...silentLog, error: (fields) => { logged.push(fields) } }
  })
  const response = await fetch(`${url}/metrics`)
  assert.equal(response.status, 500)
  assert.doesNotMatch(await response.text(), /secret path/)
  assert.equal(logged.length, 1)
})

test('a port in use is an error that names the setting and the way out', async (t) => {
  const { port } = await createServer(t)
  await assert.rejects(createServer(t, { port }), (error) => {
    assert.ok(error instanceof ReplicatorError)
    assert.equal(error.errorName, 'LISTEN_FAILED')
    assert.equal(error.setting, 'metrics.port')
    assert.match(error.message, new RegExp(`metrics\\.port=${port}.*127\\.0\\.0\\.1:${port}`))
    assert.match(error.message, /0 for any free one/)
    return true
  })
})

// Regression: a second process on the machine ended at once, because of a port that no user had
// chosen.
test('a free port replaces a default port in use', async (t) => {
  const { port } = await createServer(t)
  const other = await createServer(t, { port, isPortByDefault: true })
  assert.notEqual(other.port, port)
  assert.equal((await fetch(`${other.url}/healthz`)).status, 200)
})

test('an address that this machine lacks is an error that names metrics.host', async (t) => {
  await assert.rejects(createServer(t, { host: '192.0.2.1' }),
    (error) => error instanceof ReplicatorError && error.setting === 'metrics.host')
})

test('with a certificate the server speaks TLS only, and adopts a replaced one', async (t) => {
  const [first, second] = [createCertificate(t, 'first'), createCertificate(t, 'second')]
  const { port, setTls, url } = await createServer(t, { tls: first })
  assert.equal(url, `https://127.0.0.1:${port}`)
  const statusWith = async ({ certificate }: ServerTls): Promise<number | undefined> =>
    await new Promise((resolve, reject) => {
      tlsRequest(`${url}/healthz`, { ca: certificate, agent: false }, (response) => {
        response.resume().on('end', () => { resolve(response.statusCode) })
      }).on('error', reject).end()
    })
  assert.equal(await statusWith(first), 200)
  await assert.rejects(statusWith(second), /self-signed|certificate/)
  setTls(second)
  assert.equal(await statusWith(second), 200)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`))
})

test('paths below /api/ go to the API, and close() closes it', async (t) => {
  const paths: Array<string | undefined> = []
  let closed = 0
  const server = await createServer(t, {
    api: {
      handle: (incoming, response) => {
        paths.push(incoming.url)
        response.end('of the API')
      },
      close: async () => { closed++ }
    }
  })
  assert.equal(await (await fetch(`${server.url}/api/v1/flows?x=1`)).text(), 'of the API')
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
  assert.equal((await fetch(`${server.url}/apix`)).status, 404)
  assert.deepEqual(paths, ['/api/v1/flows?x=1'])
  await server.close()
  assert.equal(closed, 1)
})

// Mechanism: node's close() waits for keep-alive connections, and scrapers never end theirs.
test('close ends idle and half-sent connections, and a second call has no effect', async (t) => {
  const server = await createServer(t)
  const half = connect(server.port, '127.0.0.1')
  half.on('error', () => {})
  half.write('GET /metrics HTTP/1.1\r\nhost: x\r\n')
  const kept = request(`${server.url}/healthz`, { headers: { connection: 'keep-alive' } })
  await new Promise<void>((resolve) => {
    kept.on('response', (response) => { response.resume().on('end', resolve) }).end()
  })
  const ended = new Promise((resolve) => { half.on('close', resolve) })
  await Promise.all([server.close(), server.close()])
  await ended
  await server.close()
  await assert.rejects(fetch(`${server.url}/healthz`))
})
