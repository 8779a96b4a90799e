// Deadlines: work that ends in time returns its result, no wait exceeds the deadline, and no timer
// or listener remains.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Deadline, unlessAborted, withinMs } from '../../../src/orchestrator/time/deadline.ts'
import { ManualClock, settle } from './manual-clock.ts'

const never = new Promise<string>(() => {})

describe('a deadline', () => {
  test('returns the result of work that ends in time', async () => {
    const deadline = new Deadline(new ManualClock(), 10)
    assert.equal(await deadline.bound(Promise.resolve('done')), 'done')
  })

  test('rejects with the error of work that fails in time', async () => {
    const deadline = new Deadline(new ManualClock(), 10)
    await assert.rejects(deadline.bound(Promise.reject(new Error('refused'))), /refused/)
  })

  test('waits neither for work that ends too late nor for work that begins after it', async () => {
    const clock = new ManualClock()
    const deadline = new Deadline(clock, 10)
    const bound = deadline.bound(never)
    await clock.advance(9)
    assert.equal(deadline.remainingMs(), 1)
    assert.equal(deadline.signal.aborted, false)
    await clock.advance(1)
    assert.equal(await bound, undefined)
    assert.equal(deadline.remainingMs(), 0)
    assert.equal(await deadline.bound(never), undefined)
  })

  test('ignores the failure of work that it no longer waits for', async () => {
    const clock = new ManualClock()
    let fail = (): void => {}
    const work = new Promise<string>((_resolve, reject) => { fail = () => { reject(new Error()) } })
    const deadline = new Deadline(clock, 10)
    const bound = deadline.bound(work)
    await clock.advance(10)
    assert.equal(await bound, undefined)
    fail() // an unhandled rejection would end the test's process
    await settle()
  })

  test('has no timer once it is cancelled, and never passes', async () => {
    const clock = new ManualClock()
    const deadline = new Deadline(clock, 10)
    deadline.cancel()
    await settle()
    assert.equal(clock.sleeping, 0)
    await clock.advance(20)
    assert.equal(deadline.signal.aborted, false)
  })
})

describe('work that a signal may end', () => {
  test('is unchanged without an abort, and leaves no listener', async () => {
    const { signal } = new AbortController()
    assert.equal(await unlessAborted(signal, Promise.resolve(1)), 1)
    await assert.rejects(unlessAborted(signal, Promise.reject(new Error('refused'))), /refused/)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('rejects with the reason of the abort, before or while it waits', async () => {
    const controller = new AbortController()
    const waiting = unlessAborted(controller.signal, never)
    controller.abort(new Error('stopped'))
    await assert.rejects(waiting, /stopped/)
    await assert.rejects(unlessAborted(controller.signal, never), /stopped/)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })
})

describe('work within a time', () => {
  const open = new AbortController().signal

  /** Like a request that never has an answer: only its signal ends it. */
  async function endless (bound: AbortSignal): Promise<never> {
    return await new Promise<never>((_resolve, reject) => {
      bound.addEventListener('abort', () => { reject(bound.reason as Error) })
    })
  }

  // With AbortSignal.any() of AbortSignal.timeout() the collector of Node 20 took the timeout.
  test('ends also if the garbage collector runs meanwhile', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const ended = withinMs(200, open, endless)
      .catch((thrown: unknown) => (thrown as Error).name)
    for (let round = 0; round < 5; round++) {
      await sleep(10)
      collect()
    }
    const late = sleep(10_000, 'never', { ref: false })
    assert.equal(await Promise.race([ended, late]), 'TimeoutError')
  })

  test('returns its result or its error, and leaves no listener', async () => {
    const { signal } = new AbortController()
    // A timer that remained would keep this process alive for the hour.
    assert.equal(await withinMs(3_600_000, signal, async () => await Promise.resolve(1)), 1)
    await assert.rejects(withinMs(3_600_000, signal, async () => {
      return await Promise.reject(new Error('refused'))
    }), /refused/)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('ends with the reason of the abort, before or while it runs', async () => {
    const controller = new AbortController()
    const running = withinMs(3_600_000, controller.signal, endless)
    controller.abort(new Error('stopped'))
    await assert.rejects(running, /stopped/)
    const seen = await withinMs(3_600_000, controller.signal,
      async bound => await Promise.resolve(bound.reason as Error))
    assert.match(seen.message, /stopped/)
  })
})
