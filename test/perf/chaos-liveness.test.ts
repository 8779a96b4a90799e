// How a chaos run judges stalled partitions: explained by a fault, or not.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeLiveness, StallWatch, type Excuse } from '../../perf/chaos/liveness.ts'

/** Ends of partition `a` each second: source and target. */
function watch (...ends: ReadonlyArray<readonly [source: number, target: number]>): StallWatch {
  const stalls = new StallWatch()
  for (const [second, [source, target]] of ends.entries()) {
    stalls.see(second * 1000, new Map([['a', { source, target }]]))
  }
  stalls.finish(ends.length * 1000)
  return stalls
}

const stall = { partition: 'a', fromMs: 10_000, toMs: 40_000 }

function excuse (fromMs: number, toMs: number, partitions: Excuse['partitions'] = 'all'): Excuse {
  return { fault: 'broker-hang', fromMs, toMs, partitions }
}

describe('a stall', () => {
  test('lasts while the source has more records and none arrive', () => {
    assert.deepEqual(watch([1, 1], [2, 2], [3, 2], [4, 2], [5, 5]).stalls,
      [{ partition: 'a', fromMs: 2000, toMs: 4000 }])
  })

  test('restarts with each record that arrives, even if there are more', () => {
    assert.deepEqual(watch([9, 1], [9, 2], [9, 2], [9, 9]).stalls, [
      { partition: 'a', fromMs: 0, toMs: 1000 }, { partition: 'a', fromMs: 1000, toMs: 3000 }
    ])
  })

  test('that has not ended counts up to the end', () => {
    assert.deepEqual(watch([1, 1], [2, 1], [3, 1]).stalls,
      [{ partition: 'a', fromMs: 1000, toMs: 3000 }])
  })

  test('is named while it lasts', () => {
    const stalls = watch([1, 1], [2, 1], [3, 1])
    assert.deepEqual(stalls.stalledSince(1000), ['a'])
    assert.deepEqual(stalls.stalledSince(999), [])
    assert.deepEqual(watch([1, 1], [2, 1], [2, 2]).stalledSince(9000), [])
  })

  test('is none while the source has no new records, however long', () => {
    assert.deepEqual(watch([5, 5], [5, 5], [5, 5], [6, 6]).stalls, [])
  })
})

describe('an unexplained stall', () => {
  test('is the time that no fault explains, less a pause of the machine', () => {
    assert.equal(judgeLiveness([stall], []).secondsBeyond, 25)
    assert.equal(judgeLiveness([stall], [excuse(0, 30_000)]).secondsBeyond, 5)
    assert.equal(judgeLiveness([stall], [excuse(0, 36_000)]).secondsBeyond, 0)
    assert.equal(judgeLiveness([stall], [excuse(12_000, 20_000), excuse(15_000, 38_000)])
      .secondsBeyond, 0)
    assert.equal(judgeLiveness([{ ...stall, toMs: 15_000 }], []).secondsBeyond, 0)
  })

  test('is judged by the partitions that a fault concerns', () => {
    assert.equal(judgeLiveness([stall], [excuse(0, 50_000, new Set(['b']))]).secondsBeyond, 25)
    assert.equal(judgeLiveness([stall], [excuse(0, 50_000, new Set(['a']))]).secondsBeyond, 0)
  })

  test('names the partition and its time, and the longest stall of each fault', () => {
    const { examples, longestByFault } = judgeLiveness([stall], [excuse(0, 20_000)])
    assert.deepEqual(longestByFault, { 'broker-hang': 30 })
    assert.deepEqual(examples,
      ['a was stalled from 10.0 to 40.0 s, 15.0 s longer than the faults explain'])
  })
})
