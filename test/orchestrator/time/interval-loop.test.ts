// When a loop runs, and that it ends.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  IntervalLoop, type IntervalLoopOptions
} from '../../../src/orchestrator/time/interval-loop.ts'
import { ManualClock, settle } from './manual-clock.ts'

function createLoop (options: Partial<IntervalLoopOptions> = {}) {
  const clock = new ManualClock()
  const runs: number[] = []
  const failures: number[] = []
  const loop = new IntervalLoop({
    intervalMs: 1000,
    clock,
    run: async () => { runs.push(clock.monotonic()) },
    onError: (_error, inARow) => { failures.push(inARow) },
    random: () => 0,
    ...options
  })
  return { clock, failures, loop, runs }
}

test('a loop runs at once and then every interval', async () => {
  const { clock, loop, runs } = createLoop()
  loop.start()
  await clock.advance(3500)
  assert.deepEqual(runs, [0, 1000, 2000, 3000])
  await loop.stop()
  assert.equal(clock.sleeping, 0)
})

test('a loop that is woken after its interval has changed waits for the new one', async () => {
  const live = { intervalMs: 600_000 }
  const { clock, loop, runs } = createLoop({ intervalMs: () => live.intervalMs, first: 'delayed' })
  loop.start()
  await clock.advance(1_000)
  live.intervalMs = 2_000
  loop.wake()
  await clock.advance(5_000)
  assert.deepEqual(runs, [1_000, 3_000, 5_000])
  await loop.stop()
})

test('a delayed loop waits one interval first', async () => {
  const { clock, loop, runs } = createLoop({ first: 'delayed' })
  loop.start()
  await clock.advance(2500)
  assert.deepEqual(runs, [1000, 2000])
  await loop.stop()
})

test('a loop that is woken runs at once, or right after the present run', async () => {
  const { clock, loop, runs } = createLoop()
  loop.start()
  await clock.advance(300)
  loop.wake()
  await settle()
  assert.deepEqual(runs, [0, 300])
  await clock.advance(1000)
  assert.deepEqual(runs, [0, 300, 1300])
  await loop.stop()
  loop.wake()
  await settle()
  assert.equal(runs.length, 3)
})

test('a loop that is woken during a run runs once more', async () => {
  const clock = new ManualClock()
  let runs = 0
  const { loop } = createLoop({
    clock,
    run: async () => {
      runs++
      await clock.sleep(100)
    }
  })
  loop.start()
  await settle()
  loop.wake()
  loop.wake()
  await clock.advance(150)
  assert.equal(runs, 2)
  const stopped = loop.stop()
  await clock.advance(100)
  await stopped
})

test('runs never overlap, and ticks that passed during a long run are skipped', async () => {
  const clock = new ManualClock()
  const starts: number[] = []
  let running = 0
  const { loop } = createLoop({
    clock,
    run: async () => {
      running++
      assert.equal(running, 1)
      starts.push(clock.monotonic())
      await clock.sleep(2300)
      running--
    }
  })
  loop.start()
  await clock.advance(7000)
  assert.deepEqual(starts, [0, 3000, 6000])
  const stopped = loop.stop()
  await clock.advance(2300)
  await stopped
})

test('stop waits for the present run, and no run follows', async () => {
  let release = (): void => {}
  let ended = false
  const { clock, loop } = createLoop({
    run: async () => {
      await new Promise<void>((resolve) => { release = resolve })
      ended = true
    }
  })
  loop.start()
  await settle()
  let stopped = false
  const stop = loop.stop().then(() => { stopped = true })
  await settle()
  assert.equal(stopped, false)
  assert.equal(loop.state, 'stopping')
  release()
  await stop
  assert.equal(ended, true)
  assert.equal(loop.state, 'stopped')
  await clock.advance(10_000)
  assert.equal(clock.sleeping, 0)
})

test('stop aborts the signal of the run, and that is not an error', async () => {
  const { failures, loop } = createLoop({
    run: (signal) => new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => { reject(signal.reason) })
    })
  })
  loop.start()
  await settle()
  await loop.stop()
  assert.deepEqual(failures, [])
})

test('failures go to the handler, back off within the bound, and end on success', async () => {
  const clock = new ManualClock()
  const starts: number[] = []
  const { failures, loop } = createLoop({
    clock,
    backoff: { initialMs: 100, maxMs: 300 },
    run: async () => {
      starts.push(clock.monotonic())
      if (starts.length <= 4) throw new Error('broker gone')
    }
  })
  loop.start()
  await clock.advance(1800)
  assert.deepEqual(failures, [1, 2, 3, 4])
  assert.deepEqual(starts, [0, 100, 300, 600, 900])
  await clock.advance(200)
  assert.deepEqual(starts, [0, 100, 300, 600, 900, 1900])
  await loop.stop()
})

test('stop is legal before start and twice, and a later start has no effect', async () => {
  const { clock, loop, runs } = createLoop()
  await loop.stop()
  loop.start()
  await clock.advance(5000)
  await loop.stop()
  assert.deepEqual(runs, [])
  assert.equal(loop.state, 'stopped')
})

test('an owner ends the loop with its own signal', async () => {
  const owner = new AbortController()
  const { clock, loop, runs } = createLoop({ signal: owner.signal })
  loop.start()
  await clock.advance(1500)
  owner.abort()
  await clock.advance(5000)
  assert.deepEqual(runs, [0, 1000])
  assert.equal(loop.state, 'stopped')
})

test('an interval of 0 is refused', () => {
  assert.throws(() => createLoop({ intervalMs: 0 }), RangeError)
})
