// The emulated line: all sent bytes arrive, and never sooner than the line allows. Only lower
// bounds of time: a busy machine makes everything later.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { startLine, type LineSettings } from '../../perf/line/line.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'

const noLimit: LineSettings = { roundTripMs: 0, rate: 0, window: 0 }

/** stream/consumers would destroy the socket, which must still answer. */
async function received (socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => { parts.push(part) })
  await once(socket, 'end')
  return Buffer.concat(parts)
}

describe('an emulated line', { timeout: 60_000 }, () => {
  let ports: readonly number[]
  let server: Server
  before(async () => {
    ports = await reservePorts(2)
    // The bytes of a connection are returned when it has ended.
    server = createServer({ allowHalfOpen: true }, socket => {
      void received(socket).then(all => socket.end(all))
    })
    await new Promise<void>(resolve => { server.listen(ports[1], '127.0.0.1', resolve) })
  })
  after(() => {
    server.close()
    releasePorts(ports)
  })

  /** Sends each of these on a separate connection; resolves with the returned bytes and times. */
  async function echo (
    settings: LineSettings, payloads: readonly Buffer[]
  ): Promise<{ readonly answers: readonly Buffer[], readonly ms: number }> {
    const [near = 0, far = 0] = ports
    const line = await startLine(near, far, settings)
    try {
      const begin = performance.now()
      const answers = await Promise.all(payloads.map(async payload => {
        const socket: Socket = connect({ port: near, host: '127.0.0.1', allowHalfOpen: true })
        socket.end(payload)
        return await received(socket)
      }))
      return { answers, ms: performance.now() - begin }
    } finally {
      await line.stop()
    }
  }

  const payload = (bytes: number): Buffer =>
    Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) % 256))

  test('carries all bytes of all connections, in order', async () => {
    const payloads = [payload(3_000_000), payload(1), payload(700_001)]
    const { answers } = await echo(noLimit, payloads)
    assert.ok(answers.every((answer, i) => answer.equals(payloads[i] ?? Buffer.alloc(0))))
  })

  test('delays both ways', async () => {
    const { answers, ms } = await echo({ ...noLimit, roundTripMs: 100 }, [payload(10)])
    assert.ok(ms >= 100, `${ms} ms`)
    assert.deepEqual(answers, [payload(10)])
  })

  // A proxy that limits each connection separately would need half of the time.
  test('shares its rate among connections', async () => {
    const { ms } = await echo({ ...noLimit, rate: 2_000_000 }, [payload(500_000), payload(500_000)])
    assert.ok(ms >= 900, `${ms} ms`) // 500 ms each way; the first chunk leaves at once
  })

  test('bounds the bytes in flight on a connection', async () => {
    const { answers, ms } =
      await echo({ roundTripMs: 50, rate: 0, window: 50_000 }, [payload(500_000)])
    assert.ok(ms >= 2 * 9 * 50, `${ms} ms`) // ten windows each way
    assert.equal(answers[0]?.length, 500_000)
  })
})
