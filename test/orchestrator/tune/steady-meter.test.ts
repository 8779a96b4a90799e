// What counts as the rate of a mirror that becomes faster while it opens connections.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SteadyMeter } from '../../../src/orchestrator/tune/steady-meter.ts'

/** Records a second at each second; sees the sum a hundred times a second. */
function measure (
  limits: { readonly records: number, readonly stepMs: number },
  rateAt: (seconds: number) => number
): {
  readonly rate: number, readonly seconds: number, readonly endedAt: number
  readonly isRising: boolean
} {
  const meter = new SteadyMeter(limits)
  let count = 0
  for (let ms = 0; ms < 100_000; ms += 10) {
    count = Math.min(limits.records, count + rateAt(ms / 1000) / 100)
    if (meter.see(ms, count)) {
      const { isRising, recordsPerSecond: rate, seconds } = meter
      return { rate, seconds, endedAt: ms / 1000, isRising }
    }
  }
  throw new Error('it never ends')
}

test('the beginning of a fast mirror and its last records are not counted', () => {
  // Five seconds of opening; the last partition is alone.
  const { rate } = measure({ records: 256, stepMs: 30_000 },
    seconds => seconds < 5 ? 8 * seconds : seconds < 9 ? 40 : 3)
  assert.equal(Math.round(rate), 40)
})

test('a slow mirror is measured when its time is over, without its beginning', () => {
  const { endedAt, rate, seconds } = measure({ records: 1e6, stepMs: 15_000 },
    time => time < 3 ? 0 : time < 8 ? 1 : 4)
  assert.equal(Math.round(rate), 4)
  assert.equal(Math.round(seconds), 6)
  assert.equal(Math.round(endedAt), 18)
})

test('a step says if it ended before the mirror had all its connections', () => {
  const opening = (seconds: number): number => Math.min(40, 4 * seconds)
  assert.ok(measure({ records: 40, stepMs: 30_000 }, opening).isRising)
  assert.ok(!measure({ records: 800, stepMs: 30_000 }, opening).isRising)
})

test('a mirror that mirrors nothing has no rate', () => {
  const meter = new SteadyMeter({ records: 10, stepMs: 10 })
  assert.equal(meter.see(1_000_000, 0), false)
  assert.deepEqual([meter.hasBegun, meter.recordsPerSecond, meter.seconds], [false, 0, 0])
})
