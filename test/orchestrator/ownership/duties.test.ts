// Duties begin, repeat and end with the slots that they are bound to.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { Duties, type Duty } from '../../../src/orchestrator/ownership/duties.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

function createDuties (...changes: ReadonlyArray<Partial<Duty>>) {
  const clock = new ManualClock()
  const runs: string[] = []
  const errors: string[] = []
  const duties = new Duties({
    duties: changes.map((change, index) => ({
      name: `duty ${index}`,
      intervalMs: 10_000,
      run: async slot => { runs.push(`duty ${index} of slot ${slot}`) },
      ...change
    })),
    onError: error => { errors.push(error.errorName) },
    clock
  })
  return { clock, duties, errors, runs }
}

describe('a duty', () => {
  test('runs for each owned slot at its interval', async () => {
    const { clock, duties, runs } = createDuties({})
    duties.begin(3)
    duties.begin(5)
    duties.begin(5) // acquired again before it was released
    await clock.advance(20_000)
    assert.deepEqual(runs.sort(), [
      'duty 0 of slot 3', 'duty 0 of slot 3', 'duty 0 of slot 5', 'duty 0 of slot 5'])
    await duties.end([3, 5])
    assert.equal(clock.sleeping, 0)
  })

  test('runs at once when settings have changed, and then at the new interval', async () => {
    const live = { intervalMs: 600_000 }
    const { clock, duties, runs } = createDuties({ intervalMs: () => live.intervalMs })
    duties.begin(3)
    live.intervalMs = 10_000
    duties.wake()
    await settle()
    assert.equal(runs.length, 1)
    await clock.advance(10_000)
    assert.equal(runs.length, 2)
    await duties.end([3])
  })

  test('shows the oldest of its last successes among its slots', async () => {
    let fails = false
    const { clock, duties } = createDuties({
      run: async slot => { if (fails && slot === 3) throw new ReplicatorError('TIMED_OUT', '') }
    })
    assert.equal(duties.lastSuccesses.size, 0)
    duties.begin(3)
    duties.begin(5)
    await clock.advance(10_000)
    const firstMs = clock.now()
    assert.deepEqual([...duties.lastSuccesses], [['duty 0', firstMs]])
    fails = true
    await clock.advance(10_000)
    assert.deepEqual([...duties.lastSuccesses], [['duty 0', firstMs]])
    await duties.end([3, 5])
  })

  test('that is bound to one slot runs only at the owner of that slot', async () => {
    const { clock, duties, runs } = createDuties({ slot: 5 })
    duties.begin(3)
    await clock.advance(60_000)
    assert.deepEqual(runs, [])
    duties.begin(5)
    await clock.advance(10_000)
    assert.deepEqual(runs, ['duty 0 of slot 5'])
    await duties.end([3, 5])
  })

  test('is aborted when its slot is released, and the release waits for its end', async () => {
    const order: string[] = []
    const { clock, duties, errors } = createDuties({
      run: async (_slot, signal) => {
        await clock.sleep(1_000_000, signal).catch(() => {})
        await settle()
        order.push('run ended')
        signal.throwIfAborted()
      }
    })
    duties.begin(3)
    await clock.advance(10_000)
    await duties.end([3])
    order.push('released')
    assert.deepEqual(order, ['run ended', 'released'])
    assert.deepEqual(errors, [], 'a release is no failure')
    assert.deepEqual(duties.statuses, [])
  })

  test('that fails is retried within seconds, and the others continue', async () => {
    let failures = 2
    const { clock, duties, errors, runs } = createDuties({
      run: async () => {
        if (failures-- > 0) throw new ReplicatorError('TIMED_OUT', 'no answer')
        runs.push('succeeded')
      }
    }, {})
    duties.begin(3)
    await clock.advance(10_000)
    assert.deepEqual(runs, ['duty 1 of slot 3'])
    assert.deepEqual(errors, ['TIMED_OUT'])
    const [failed] = duties.statuses
    assert.equal(failed?.error?.errorName, 'TIMED_OUT')
    assert.equal(failed.lastSuccessMs, undefined)
    await clock.advance(9_000)
    assert.deepEqual(runs, ['duty 1 of slot 3', 'succeeded'])
    await duties.end([3])
  })

  // A permission may be missing for days: one line, not one a minute.
  test('that fails again with the same text is reported once, and again after a success',
    async () => {
      const outcomes = ['no answer', 'no answer', 'refused', '', 'refused']
      const { clock, duties, errors } = createDuties({
        intervalMs: 1_000,
        run: async () => {
          const text = outcomes.shift() ?? ''
          if (text !== '') throw new ReplicatorError('TIMED_OUT', text)
        }
      })
      duties.begin(3)
      await clock.advance(100_000)
      assert.deepEqual(outcomes, [])
      assert.deepEqual(errors, ['TIMED_OUT', 'TIMED_OUT', 'TIMED_OUT'])
      await duties.end([3])
    })

  test('closes what it has opened after its last run', async () => {
    const order: string[] = []
    const { clock, duties } = createDuties({
      run: async (_slot, signal) => {
        await clock.sleep(1_000_000, signal).catch(() => {})
        order.push('run ended')
      },
      end: async slot => { order.push(`ended slot ${slot}`) }
    })
    duties.begin(3)
    await clock.advance(10_000)
    await duties.end([3])
    assert.deepEqual(order, ['run ended', 'ended slot 3'])
  })

  test('shows when it succeeded last, and how long it took', async () => {
    const { clock, duties } = createDuties({ run: async () => { clock.skip(250) } })
    duties.begin(3)
    await clock.advance(10_000)
    const [status] = duties.statuses
    assert.deepEqual(status, {
      name: 'duty 0',
      slot: 3,
      lastSuccessMs: status?.lastSuccessMs,
      durationMs: 250,
      error: undefined
    })
    assert.ok(status.lastSuccessMs !== undefined)
    await duties.end([3])
  })
})
