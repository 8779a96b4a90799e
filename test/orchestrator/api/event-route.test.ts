// Live events by real connections: what readers receive, and how many there may be.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { MoveEvent } from '../../../src/orchestrator/flow/move-event.ts'
import { createApi, type TestApi } from './create-api.ts'

const move = (change: Partial<MoveEvent>): MoveEvent => ({
  flow: 'A->B', topic: 'orders', partition: 0, atMs: 1, before: 'running', state: 'faulted',
  error: 'LANE_LOST', reason: 'why', ...change
})

async function listen (t: TestContext, api: TestApi): Promise<string> {
  const server = createServer((request, response) => { api.app.routing(request, response) })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/events`
}

/** Reads up to and including an event of this kind. */
async function readUntil (
  reader: ReadableStreamDefaultReader<Uint8Array>, kind: string
): Promise<string> {
  let text = ''
  while (!text.includes(`event: ${kind}\n`)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`ended before ${kind}: ${text}`)
    text += Buffer.from(value).toString()
  }
  return text
}

function readerOf (response: Response): ReadableStreamDefaultReader<Uint8Array> {
  assert.ok(response.body !== null)
  return response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
}

test('a reader receives the moves of its flow, until the API is closed', async t => {
  const api = await createApi(t)
  const url = await listen(t, api)
  const response = await fetch(`${url}?flow=${encodeURIComponent('A->B')}`)
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(response.headers.get('access-control-allow-origin'), null)
  const reader = readerOf(response)
  await readUntil(reader, 'open')
  for (const listener of api.mirror.listeners) {
    listener(move({ flow: 'X->Y' }))
    listener(move({ partition: 7 }))
  }
  const text = await readUntil(reader, 'move')
  assert.match(text, /^event: move\ndata: \{"flow":"A->B","topic":"orders","partition":7,/)
  assert.doesNotMatch(text, /X->Y/)
  const closed = readUntil(reader, 'closed')
  await api.app.close()
  await closed
  assert.equal(api.mirror.listeners.size, 0)
})

test('there is a bound of readers, and a reader that leaves makes room', {
  timeout: 60_000
}, async t => {
  const api = await createApi(t, { limits: { eventClientsMax: 1 } })
  const url = await listen(t, api)
  const leaving = new AbortController()
  const first = await fetch(url, { signal: leaving.signal })
  await readUntil(readerOf(first), 'open')
  assert.equal((await fetch(url)).status, 503)
  leaving.abort()
  for (;;) {
    const next = await fetch(url)
    if (next.status === 200) {
      await readUntil(readerOf(next), 'open')
      break
    }
    assert.equal(next.status, 503)
  }
})

test('an unknown flow is 404', async t => {
  const api = await createApi(t)
  assert.equal((await fetch(`${await listen(t, api)}?flow=A`)).status, 404)
  assert.equal(api.mirror.listeners.size, 0)
})
