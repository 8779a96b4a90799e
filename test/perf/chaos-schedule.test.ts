// Schedules of chaos runs: a seed repeats them, and no cluster or process has two faults at a time.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { faultNames } from '../../perf/chaos/fault-table.ts'
import { lockOf, planFaults, type ScheduleSettings } from '../../perf/chaos/schedule.ts'

function createSettings (more: Partial<ScheduleSettings> = {}): ScheduleSettings {
  return {
    seed: 7,
    durationMs: 600_000,
    processes: 3,
    brokers: 3,
    gapMs: [2_000, 9_000],
    hasPolicies: true,
    ...more
  }
}

describe('planFaults', () => {
  test('plans the same schedule for the same seed, and another for another', () => {
    assert.deepEqual(planFaults(createSettings()), planFaults(createSettings()))
    assert.notDeepEqual(planFaults(createSettings()), planFaults(createSettings({ seed: 8 })))
  })

  test('begins in the same way whatever the duration, to repeat a defect sooner', () => {
    const short = planFaults(createSettings({ durationMs: 60_000 }))
    assert.ok(short.length > 3)
    assert.deepEqual(planFaults(createSettings()).slice(0, short.length), short)
  })

  test('includes every fault', () => {
    const planned = planFaults(createSettings({ durationMs: 7_200_000 }))
    assert.deepEqual(new Set(planned.map(({ fault }) => fault)), new Set(faultNames))
  })

  test('moves no leaders in clusters of one broker', () => {
    const planned = planFaults(createSettings({ durationMs: 7_200_000, brokers: 1 }))
    assert.equal(planned.some(({ fault }) => fault === 'leader-move'), false)
    assert.equal(planned.some(({ fault }) => fault === 'broker-hang'), false)
  })

  test('recreates no topic for a mirror that has no policy for it', () => {
    const planned = planFaults(createSettings({ durationMs: 7_200_000, hasPolicies: false }))
    assert.equal(planned.some(({ fault }) => fault === 'topic-recreate'), false)
  })

  test('never causes a fault of a process or a cluster before it has recovered', () => {
    fc.assert(fc.property(fc.nat(), fc.integer({ min: 1, max: 5 }), (seed, processes) => {
      const endsAt = new Map<string, number>()
      for (const { atMs, lastsMs, subject } of planFaults(createSettings({ seed, processes }))) {
        const lock = lockOf(subject)
        assert.ok(atMs > (endsAt.get(lock) ?? -1), `${lock} at ${atMs}`)
        endsAt.set(lock, atMs + lastsMs)
        if (subject.kind === 'process') assert.ok(subject.index >= 1 && subject.index <= processes)
        if ('broker' in subject) assert.ok(subject.broker >= 1 && subject.broker <= 3)
      }
    }), { numRuns: 50 })
  })
})
