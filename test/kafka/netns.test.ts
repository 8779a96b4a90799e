// The link to a namespace: bytes pass until it is down; then nobody answers and nobody refuses.

import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import { NamespaceLink } from './netns.ts'

test('bytes pass while the link is up; those sent while it is down arrive when it is up again',
  async t => {
    const link = NamespaceLink.create()
    if (typeof link === 'string') {
      t.skip(link)
      return
    }
    const sockets: Socket[] = []
    const server = createServer(socket => {
      sockets.push(socket)
      socket.pipe(socket)
    })
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    t.after(async () => {
      await link.close()
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    await link.relay(4711, (server.address() as AddressInfo).port)
    const client = connect({ port: 4711, host: link.farAddress })
    t.after(() => { client.destroy() })
    let answer = ''
    client.on('data', (bytes: Buffer) => { answer += bytes.toString() })
    client.write('first ')
    await eventually('the first answer', () => answer === 'first ')
    assert.deepEqual(link.openPorts(), [client.localPort])
    link.down()
    client.write('second')
    await sleep(500)
    assert.equal(answer, 'first ')
    assert.equal(client.destroyed, false)
    link.up()
    await eventually('the second answer', () => answer === 'first second')
  })
