// A process that systemd has started, with a socket of this test in the place of systemd's.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createPropertiesFile, spawnMirror, writeProperties } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { openNotifySocket } from './notify-socket.ts'

describe('a service of Type=notify', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  for (const kind of ['path', 'abstract'] as const) {
    test(`is ready, alive, reloads and stops (socket: ${kind})`, async t => {
      const socket = await openNotifySocket(t, kind)
      const properties = flowProperties(clusters, { topics: 'nothing' })
      const file = createPropertiesFile(t, properties)
      const mirror = spawnMirror(t, file, [],
        { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: '400000', WATCHDOG_PID: '' })
      await socket.until(/^READY=1$/)
      await mirror.untilRunning()
      await socket.until(/^STATUS=records flow$/)
      const alive = (): number => socket.lines.filter(line => line === 'WATCHDOG=1').length
      const before = alive()
      await mirror.until('signs of life', () => alive() >= before + 3)

      // A refused file ends the reload, too: otherwise systemd would wait for it.
      for (const topics of ['other', 'refused(']) {
        const from = socket.lines.length
        writeProperties(file, { ...properties, topics })
        mirror.signal('SIGHUP')
        await mirror.until('the end of the reload', () =>
          socket.lines.indexOf('READY=1', from) !== -1)
        const told = socket.lines.slice(from)
        assert.ok(told.includes('RELOADING=1'), told.join())
        assert.ok(told.some(line => /^MONOTONIC_USEC=\d+$/.test(line)), told.join())
        assert.ok(told.indexOf('RELOADING=1') < told.indexOf('READY=1'), told.join())
      }
      assert.equal((await mirror.stop()).code, 0)
      assert.ok(socket.lines.includes('STOPPING=1'))
    })
  }

  test('does not count as started if no flow can start', async t => {
    const socket = await openNotifySocket(t, 'path')
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'topics': 'nothing', 'west.bootstrap.servers': '127.0.0.1:1'
    }))
    const mirror = spawnMirror(t, file, [], { NOTIFY_SOCKET: socket.name })
    assert.equal((await mirror.untilExit()).code, 3)
    await socket.until(/^STOPPING=1$/)
    assert.ok(!socket.lines.includes('READY=1'), socket.lines.join())
  })
})
