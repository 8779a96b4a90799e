// The line for IP packets: what it delays, loses and drops, with the kernel's own TCP at both ends.
// Only lower bounds of time: a busy machine makes everything later.

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { TunLine, type TunCounts, type TunSettings } from '../../perf/line/tun-line.ts'
import { eventually } from '../kafka/eventually.ts'
import { createTempFolder, killChild, removeFolder, spawnGuarded } from '../kafka/process-guard.ts'

const noLimit: TunSettings = { roundTripMs: 0, rate: 0, lossPercent: 0, seed: 1 }
const port = 4711

async function received (socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => { parts.push(part) })
  await once(socket, 'end')
  return Buffer.concat(parts)
}

const payload = (bytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) % 256))

describe('a line over TUN', { timeout: 60_000 }, () => {
  let line: TunLine | string
  let server: Server
  let relay: ReturnType<typeof spawnGuarded> | undefined
  const folder = createTempFolder('tun')

  before(async () => {
    line = await TunLine.open()
    if (typeof line === 'string') return
    const path = join(folder, 'echo')
    server = createServer({ allowHalfOpen: true }, socket => { socket.pipe(socket) })
    await new Promise<void>(resolve => { server.listen(path, resolve) })
    const [command = '', ...args] = line.farCommand
    relay = spawnGuarded(command, [...args, process.execPath,
      join(import.meta.dirname, '../kafka/netns-relay.js'), '0.0.0.0', String(port), path],
    { stdio: ['ignore', 'pipe', 'inherit'] })
    if (relay.stdout !== null) await once(relay.stdout, 'data')
  })
  after(async () => {
    if (relay !== undefined) await killChild(relay)
    if (typeof line !== 'string') {
      await line.close()
      server.close()
    }
    removeFolder(folder)
  })

  function withLine (name: string, run: (line: TunLine, t: TestContext) => Promise<void>): void {
    test(name, async t => {
      if (typeof line === 'string') t.skip(line)
      else await run(line, t)
    })
  }

  /** Sends the bytes, and resolves with the returned ones and the time. */
  async function echo (host: string, bytes: Buffer): Promise<{ answer: Buffer, ms: number }> {
    const begin = performance.now()
    const socket: Socket = connect({ port, host, allowHalfOpen: true })
    socket.end(bytes)
    const answer = await received(socket)
    return { answer, ms: performance.now() - begin }
  }

  withLine('TCP repairs what the line loses', async line => {
    const bytes = payload(3_000_000)
    await line.set({ ...noLimit, lossPercent: 1 })
    const { answer } = await echo(line.farAddress, bytes)
    const counts = await line.set(noLimit)
    assert.ok(answer.equals(bytes))
    assert.ok(counts.lost > 0 && counts.carried > 2_000, JSON.stringify(counts))
  })

  withLine('a handshake and a byte wait for two round trips', async line => {
    await line.set({ ...noLimit, roundTripMs: 100 })
    const { ms } = await echo(line.farAddress, payload(1))
    assert.ok(ms >= 200, `${ms} ms`)
  })

  withLine('the other address is beside the line', async line => {
    await line.set({ ...noLimit, lossPercent: 100 })
    const { answer } = await echo(line.directAddress, payload(100_000))
    assert.equal(answer.length, 100_000)
    await line.set(noLimit)
  })

  withLine('all connections share the rate', async line => {
    await line.set({ ...noLimit, rate: 1_000_000 })
    const begin = performance.now()
    await Promise.all([payload(300_000), payload(300_000)].map(async bytes =>
      await echo(line.farAddress, bytes)))
    const ms = performance.now() - begin
    assert.ok(ms >= 600, `${ms} ms`)
  })

  /** Sends datagrams to a port where nobody listens; resolves when all are counted. */
  async function countDatagrams (
    line: TunLine, count: number, settings: TunSettings
  ): Promise<TunCounts> {
    await line.set(settings)
    const socket = createSocket('udp4')
    for (let i = 0; i < count; i++) {
      await new Promise<void>((resolve, reject) => {
        socket.send(payload(1_000), 9, line.farAddress, error => {
          if (error === null) resolve()
          else reject(error)
        })
      })
    }
    socket.close()
    let counts: TunCounts = { carried: 0, lost: 0, dropped: 0 }
    await eventually('all datagrams', async () => {
      const more = await line.set(settings)
      counts = {
        carried: counts.carried + more.carried,
        lost: counts.lost + more.lost,
        dropped: counts.dropped + more.dropped
      }
      return counts.carried + counts.lost + counts.dropped >= count
    })
    return counts
  }

  withLine('a queue that is full drops packets', async line => {
    const counts = await countDatagrams(line, 1_000, { ...noLimit, rate: 50_000 })
    assert.ok(counts.dropped > 500 && counts.lost === 0, JSON.stringify(counts))
  })

  withLine('an unknown congestion control is named', async line => {
    await assert.rejects(line.set({ ...noLimit, congestion: 'quickest' }), /congctl quickest: \S/)
    await line.set({ ...noLimit, congestion: 'reno' })
    await line.set(noLimit)
  })

  withLine('its device ends with it', async line => {
    const isThere = (): boolean => Object.values(networkInterfaces()).flat()
      .some(each => each?.address === line.nearAddress)
    assert.ok(isThere())
    await line.close()
    await eventually('the end of the device', () => !isThere())
  })
})
