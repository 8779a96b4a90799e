// The proxy: its delay, what connections share, and each of its faults.

import assert from 'node:assert/strict'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKafkaCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { readTopic } from './kafka-consumer.ts'
import { produce } from './kafka-producer.ts'
import { Link, type LinkSettings } from './link.ts'
import { releasePorts, reservePorts } from './ports.ts'
import { RequestHeads } from './request-heads.ts'
import { startProxy, type TcpProxy } from './proxy.ts'

// The echo keeps received bytes only of small tests.
const receivedBytesMax = 10_000

/** A server that returns received bytes, and a proxy before it. */
async function createEcho (
  t: TestContext, settings: LinkSettings = {}
): Promise<{ proxy: TcpProxy, link: Link, received: () => Buffer }> {
  const ports = await reservePorts(2)
  const [targetPort = 0, port = 0] = ports
  const sockets = new Set<Socket>()
  let received = Buffer.alloc(0)
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', bytes => {
      if (received.length < receivedBytesMax) received = Buffer.concat([received, bytes])
    })
    socket.pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(targetPort, '127.0.0.1', resolve))
  const link = new Link(settings)
  const proxy = await startProxy({ port, targetPort, link })
  t.after(async () => {
    await proxy.close()
    for (const socket of sockets) socket.destroy()
    server.close()
    releasePorts(ports)
  })
  return { proxy, link, received: () => received }
}

/** A request as Kafka frames it. */
function frame (text: string): Buffer {
  const bytes = Buffer.alloc(4 + text.length)
  bytes.writeInt32BE(text.length)
  bytes.write(text, 4)
  return bytes
}

async function open (t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  t.after(() => { socket.destroy() })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => {})
  return socket
}

/** Sends bytes and resolves with the milliseconds until as many have returned. */
async function echo (socket: Socket, byteCount: number): Promise<number> {
  const from = performance.now()
  let missing = byteCount
  return await new Promise((resolve, reject) => {
    const onData = (bytes: Buffer): void => {
      missing -= bytes.length
      if (missing > 0) return
      socket.off('data', onData)
      resolve(performance.now() - from)
    }
    socket.on('data', onData)
    socket.once('close', () => { reject(new Error('closed')) })
    socket.write(Buffer.alloc(byteCount, 7))
  })
}

async function closing (socket: Socket): Promise<string> {
  return await new Promise(resolve => {
    let code = 'end'
    socket.once('error', (error: NodeJS.ErrnoException) => { code = error.code ?? 'error' })
    socket.once('close', () => { resolve(code) })
    socket.resume()
  })
}

describe('the proxy', { timeout: 600_000 }, () => {
  test('delays each direction, also of large transfers, without losing bytes', async t => {
    const { proxy } = await createEcho(t, { latencyMs: 50 })
    const socket = await open(t, proxy.port)
    const smallMs = await echo(socket, 10)
    assert.ok(smallMs >= 98, `${smallMs} ms`)
    // Eight megabytes are pipelined: the delay is paid once, and not for each of the 128 chunks of
    // 64 KiB, which would take 12.8 s.
    const largeMs = await echo(socket, 8 * 1024 * 1024)
    assert.ok(largeMs >= 98 && largeMs < 12_800, `${largeMs} ms`)
  })

  test('shares one rate among all connections of a direction', async t => {
    const { proxy, link } = await createEcho(t, { bytesPerSecond: 2_000_000 })
    const sockets = await Promise.all([1, 2, 3, 4].map(async () => await open(t, proxy.port)))
    const from = performance.now()
    await Promise.all(sockets.map(async socket => await echo(socket, 250_000)))
    const elapsedMs = performance.now() - from
    // A connection with the whole rate would be done after 125 ms.
    assert.ok(elapsedMs >= 490, `${elapsedMs} ms for 1 MB at 2 MB/s`)
    assert.equal(link.up.bytesSent, 1_000_000)
    assert.equal(link.down.bytesSent, 1_000_000)
  })

  test('frozen, holds every byte without closing, and delivers them when restored', async t => {
    const { link, proxy } = await createEcho(t)
    const socket = await open(t, proxy.port)
    await echo(socket, 100)
    // In flight for a second: the freeze, at most 25 ms after the check, comes first.
    link.set({ latencyMs: 1_000 })
    const arrived: string[] = []
    const answered = async (name: string, from: Socket, byteCount: number): Promise<void> => {
      await echo(from, byteCount)
      arrived.push(name)
    }
    const answer = answered('on the way', socket, 1_000)
    await eventually('bytes on the link', () => link.up.bytesSent === 1_100)
    proxy.freeze()
    link.set({})
    // The other bytes are sent into a frozen link.
    const late = answered('late', await open(t, proxy.port), 10)
    await sleep(300)
    assert.deepEqual(arrived, [])
    assert.equal(socket.destroyed, false)
    await proxy.restore()
    await late
    assert.deepEqual(arrived, ['late'])
    await answer
  })

  test('cut, ends connections and refuses new ones until restored', async t => {
    const { proxy } = await createEcho(t)
    const socket = await open(t, proxy.port)
    await echo(socket, 100)
    const closed = closing(socket)
    await proxy.cut()
    await closed
    await assert.rejects(open(t, proxy.port), /ECONNREFUSED/)
    await proxy.restore()
    await echo(await open(t, proxy.port), 100)
    await eventually('one connection', () => proxy.connectionCount === 1)
  })

  test('reset, ends connections with a RST and accepts new ones', async t => {
    const { proxy } = await createEcho(t)
    const socket = await open(t, proxy.port)
    await echo(socket, 100)
    const closed = closing(socket)
    proxy.reset()
    assert.equal(await closed, 'ECONNRESET')
    await echo(await open(t, proxy.port), 100)
  })

  test('forgets the chosen connections permanently and silently; others pass',
    async t => {
      const { proxy, received } = await createEcho(t)
      const [forgotten, spared] = [await open(t, proxy.port), await open(t, proxy.port)]
      forgotten.write(frame('forgotten'))
      spared.write(frame('spared'))
      await eventually('both requests', () =>
        received().length === frame('forgotten').length + frame('spared').length)
      proxy.forget(heads => heads.some(head => head.includes('forgotten')))
      assert.equal(proxy.forgottenCount, 1)
      forgotten.write(frame('more'))
      await proxy.restore()
      await echo(spared, 100)
      await echo(await open(t, proxy.port), 100)
      assert.ok(!received().includes('more'))
      assert.equal(forgotten.destroyed, false)
      // One side closes its half; the other side keeps its own.
      forgotten.resetAndDestroy()
      await eventually('an end on one side', () => proxy.forgottenCount === 0)
      assert.equal(proxy.connectionCount, 3)
    })

  test('ends the connections that it has forgotten on request, and no others', async t => {
    const { proxy } = await createEcho(t)
    const forgotten = await open(t, proxy.port)
    await echo(forgotten, 100)
    const end = proxy.forget()
    const later = await open(t, proxy.port)
    await echo(later, 100)
    forgotten.on('error', () => {}) // a RST
    end()
    await eventually('its end', () => forgotten.destroyed)
    await echo(later, 100)
    await eventually('one connection', () => proxy.connectionCount === 1)
  })

  test('holding a request, delivers it after its client has ended, and earlier ones at once',
    async t => {
      const { proxy, received } = await createEcho(t)
      proxy.hold(head => head.includes('late'))
      const socket = await open(t, proxy.port)
      const other = await open(t, proxy.port)
      const late = Buffer.concat([frame(`late ${'x'.repeat(1000)}`), frame('behind')])
      socket.write(Buffer.concat([frame('first'), late]))
      await eventually('the first request', () => received().equals(frame('first')))
      await eventually('a held connection', () => proxy.heldCount === 1)
      socket.resetAndDestroy()
      await echo(other, 100)
      const before = received().length
      await proxy.release()
      assert.equal(received().length, before + late.length)
      assert.equal(proxy.heldCount, 0)
      await eventually('one connection', () => proxy.connectionCount === 1)
    })

  test('forwards the end of a stream after its last bytes', async t => {
    const { proxy } = await createEcho(t, { latencyMs: 20 })
    const socket = await open(t, proxy.port)
    let received = 0
    socket.on('data', (bytes: Buffer) => { received += bytes.length })
    // More bytes than the sockets' buffers hold, and a reader that is late for the end.
    const byteCount = 12 * 1024 * 1024
    socket.end(Buffer.alloc(byteCount, 7))
    socket.pause()
    await sleep(200)
    assert.equal(await closing(socket), 'end')
    assert.equal(received, byteCount)
    await eventually('no connection', () => proxy.connectionCount === 0)
  })
})

test('requests are distinguished wherever their packets end', () => {
  const requests = ['a', 'b'.repeat(300), '', 'c'.repeat(252), 'd'].map(frame)
  const bytes = Buffer.concat(requests)
  const begins = requests.map((_, index) => Buffer.concat(requests.slice(0, index)).length)
  for (const size of [1, 3, 7, 256, bytes.length]) {
    const requestHeads = new RequestHeads()
    const heads: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) {
      const found = requestHeads.push(bytes.subarray(at, at + size))
      if (size === bytes.length) assert.deepEqual(found.map(({ from }) => from), begins)
      heads.push(...found.map(({ head }) => head))
    }
    assert.deepEqual(heads, requests.map(request => request.subarray(0, 256)))
  }
})

describe('a proxied cluster', { timeout: 90_000 }, () => {
  test('is reached through its proxies, with their delay, until they are cut', async t => {
    const cluster = await startKafkaCluster(t, { proxied: { latencyMs: 25 } })
    await cluster.createTopic('far')
    const records = [{ value: 'x', partition: 0 }]
    const write = async (timeoutMs: number): Promise<unknown> =>
      await produce(cluster.proxiedBootstrapServers, 'far', records, { timeoutMs })
    await write(10_000)
    assert.ok(cluster.link.up.bytesSent > 0)
    const from = performance.now()
    assert.equal((await readTopic(cluster.proxiedBootstrapServers, 'far')).length, 1)
    assert.ok(performance.now() - from >= 100, 'metadata and a fetch take two round trips')
    for (const proxy of cluster.proxies) await proxy.cut()
    await assert.rejects(write(2_000))
    assert.equal((await readTopic(cluster.bootstrapServers, 'far')).length, 1)
  })
})
