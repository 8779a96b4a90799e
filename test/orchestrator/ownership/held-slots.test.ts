// Slots are acquired and released one by one: a slot that waits delays no other slot.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { HeldSlots } from '../../../src/orchestrator/ownership/held-slots.ts'
import { silentLog } from '../observability/silent-log.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

const leaderless = new ReplicatorError('PROGRESS_UNREADABLE', 'slot 3 has no leader')

/** Acquiring ends when the test ends it, or with an abort. */
class FakeWork {
  readonly acquiring = new Map<number, { succeed: () => void, fail: (error: Error) => void }>()
  readonly released: number[][] = []
  readonly errors: ReplicatorError[] = []
  attempts = 0
  release = async (slots: readonly number[]): Promise<void> => { this.released.push([...slots]) }
  onError = (error: ReplicatorError): void => { this.errors.push(error) }

  acquire = async (slot: number, signal: AbortSignal): Promise<void> => {
    this.attempts += 1
    await new Promise<void>((resolve, reject) => {
      this.acquiring.set(slot, { succeed: resolve, fail: reject })
      signal.addEventListener('abort', () => { reject(signal.reason as Error) })
    })
  }
}

function createHeld (): {
  readonly held: HeldSlots
  readonly work: FakeWork
  readonly clock: ManualClock
} {
  const work = new FakeWork()
  const clock = new ManualClock()
  return { held: new HeldSlots({ work, log: silentLog, clock, random: () => 0 }), work, clock }
}

describe('slots that are assigned', () => {
  test('are acquired in parallel, and once each', async () => {
    const { held, work } = createHeld()
    held.take([0, 1, 2])
    held.take([1])
    await settle()
    assert.deepEqual([...work.acquiring.keys()], [0, 1, 2])
    assert.equal(work.attempts, 3)
    assert.deepEqual([...held.owned], [0, 1, 2])
  })

  // Regression: /readyz said that a slot cannot be acquired that this process had lost meanwhile.
  test('and lost again are no trouble any more, even while they are released', async () => {
    const { held, work } = createHeld()
    held.take([3])
    await settle()
    work.acquiring.get(3)?.fail(leaderless)
    await settle()
    assert.equal(held.trouble.slots, 1)
    work.release = async () => { await new Promise<never>(() => {}) }
    void held.give([3])
    await settle()
    assert.deepEqual(held.trouble, { slots: 0, error: undefined })
  })

  // Regression: one progress partition without a leader failed the acquiring of all slots, for
  // ever.
  test('fail alone, and are retried after a growing wait', async () => {
    const { clock, held, work } = createHeld()
    held.take([2, 3])
    await settle()
    work.acquiring.get(2)?.succeed()
    work.acquiring.get(3)?.fail(leaderless)
    await settle()
    assert.deepEqual(held.trouble, { slots: 1, error: leaderless })
    assert.deepEqual(work.errors, [leaderless])
    await clock.advance(199)
    assert.equal(work.attempts, 2)
    await clock.advance(1)
    assert.equal(work.attempts, 3)
    work.acquiring.get(3)?.fail(leaderless)
    await clock.advance(399)
    assert.equal(work.attempts, 3)
    await clock.advance(1)
    work.acquiring.get(3)?.succeed()
    await settle()
    assert.deepEqual(held.trouble, { slots: 0, error: undefined })
    assert.deepEqual([...held.owned], [2, 3])
  })

  test('are retried within seconds, however often they failed', async () => {
    const { clock, held, work } = createHeld()
    held.take([3])
    for (let failures = 0; failures < 20; failures++) {
      await settle()
      work.acquiring.get(3)?.fail(leaderless)
      await clock.advance(5_000)
    }
    assert.equal(work.attempts, 21)
  })

  test('are acquired a limited number at a time', async () => {
    const { held, work } = createHeld()
    held.take(Array.from({ length: 100 }, (_, slot) => slot))
    await settle()
    assert.equal(work.acquiring.size, 64)
    work.acquiring.get(5)?.succeed()
    await settle()
    assert.equal(work.acquiring.size, 65)
  })
})

describe('slots that are released', () => {
  // Regression: no revoke was answered while a slot could not be acquired, until the group evicted
  // the member.
  test('while they are acquired are aborted and released at once', async () => {
    const { held, work } = createHeld()
    held.take([0, 1])
    await settle()
    work.acquiring.get(0)?.succeed()
    await held.give([1])
    assert.deepEqual(work.released, [[1]])
    assert.deepEqual([...held.owned], [0])
    assert.deepEqual(work.errors, [])
  })

  test('while they wait for a retry are not retried', async () => {
    const { clock, held, work } = createHeld()
    held.take([1])
    await settle()
    work.acquiring.get(1)?.fail(leaderless)
    await settle()
    await held.give([1])
    await clock.advance(60_000)
    assert.equal(work.attempts, 1)
    assert.equal(clock.sleeping, 0)
  })

  test('and assigned again are acquired once they are released', async () => {
    const { held, work } = createHeld()
    held.take([1])
    await settle()
    work.acquiring.get(1)?.succeed()
    await settle()
    let end = (): void => {}
    work.release = async () => { await new Promise<void>(resolve => { end = resolve }) }
    const given = held.give([1])
    await settle()
    held.take([1])
    await settle()
    assert.equal(work.attempts, 1)
    end()
    await given
    await settle()
    assert.equal(work.attempts, 2)
    assert.deepEqual([...held.owned], [1])
  })

  test('twice are released once, and both wait for it', async () => {
    const { held, work } = createHeld()
    held.take([1, 2])
    await settle()
    await Promise.all([held.give([1, 2]), held.give([1]), held.give([7])])
    assert.deepEqual(work.released, [[1, 2]])
    assert.equal(held.owned.size, 0)
  })

  test('are free again even if the release failed, which is reported', async () => {
    const { held, work } = createHeld()
    held.take([1])
    await settle()
    work.release = async () => { throw leaderless }
    await held.give([1])
    assert.deepEqual(work.errors, [leaderless])
    held.take([1])
    assert.equal(work.attempts, 2)
  })
})
