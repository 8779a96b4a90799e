// What systemd receives, and when.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ServiceNotices } from '../../../src/orchestrator/service/service-notices.ts'
import { ManualClock } from '../time/manual-clock.ts'

function createService (
  t: { after: (end: () => Promise<void>) => void },
  environment: Readonly<Record<string, string>> = { NOTIFY_SOCKET: '/run/notify' }
) {
  const clock = new ManualClock()
  const sent: string[] = []
  const warnings: string[] = []
  const state = { status: 'starts', errno: 0 }
  const service = new ServiceNotices({
    environment,
    pid: 7,
    send: (socket, text) => {
      assert.equal(socket, environment['NOTIFY_SOCKET'])
      sent.push(text)
      return state.errno
    },
    status: () => state.status,
    monotonicUsec: () => 123n,
    log: { warn: (_fields, text) => { warnings.push(text) } },
    clock
  })
  t.after(async () => { await service.stop() })
  const take = (): string[] => sent.splice(0)
  return { clock, service, state, take, warnings }
}

describe('systemd', () => {
  test('hears of start, reload and stop', t => {
    const { service, take } = createService(t)
    service.reloading()
    assert.deepEqual(take(), [], 'a service that has not started does not reload')
    service.ready()
    service.ready()
    assert.deepEqual(take(), ['READY=1\nSTATUS=starts'])
    service.reloading()
    service.ready()
    assert.deepEqual(take(), ['RELOADING=1\nMONOTONIC_USEC=123', 'READY=1'])
    service.stopping()
    assert.match(take()[0] ?? '', /^STOPPING=1\nSTATUS=stops: /)
    service.ready()
    service.reloading()
    assert.deepEqual(take(), [], 'a service that stops does neither')
  })

  test('hears twice in each watchdog interval that the process is alive', async t => {
    const { clock, service, take } = createService(t,
      { NOTIFY_SOCKET: '@abstract', WATCHDOG_USEC: '8000000', WATCHDOG_PID: '7' })
    service.start()
    await clock.advance(0)
    assert.deepEqual(take(), ['WATCHDOG=1\nSTATUS=starts'])
    await clock.advance(8_000)
    assert.deepEqual(take(), ['WATCHDOG=1', 'WATCHDOG=1'])
    service.stopping()
    take()
    // A drain takes longer than some watchdog allows.
    await clock.advance(8_000)
    assert.deepEqual(take(), ['WATCHDOG=1', 'WATCHDOG=1'])
  })

  test('hears the status when it changes, in one line', async t => {
    const { clock, service, state, take } = createService(t)
    service.start()
    await clock.advance(20_000)
    assert.deepEqual(take(), ['STATUS=starts'])
    state.status = `away\n${'x'.repeat(1000)}`
    await clock.advance(5_000)
    const [line = ''] = take()
    assert.match(line, /^STATUS=away x/)
    assert.equal(line.length, 'STATUS='.length + 500)
  })

  test('hears nothing of a watchdog that watches another process', async t => {
    const { clock, service, take } = createService(t,
      { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '1000000', WATCHDOG_PID: '8' })
    service.start()
    await clock.advance(10_000)
    assert.deepEqual(take(), ['STATUS=starts'])
  })

  test('is not there: nothing is sent', async t => {
    const { clock, service, take } = createService(t, {})
    service.start()
    service.ready()
    await clock.advance(60_000)
    service.stopping()
    assert.deepEqual(take(), [])
  })

  test('refuses datagrams: one warning names the errno and the way out', t => {
    const { service, state, warnings } = createService(t)
    state.errno = 13
    service.ready()
    service.stopping()
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /NOTIFY_SOCKET=\/run\/notify refuses a datagram \(errno 13\)/)
  })
})
