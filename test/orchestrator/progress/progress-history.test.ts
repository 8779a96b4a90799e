// Which older positions of a partition are kept: few, and near any end that a target may have.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'
import {
  backTo, newestPointUpTo, withPoint, withoutHistory
} from '../../../src/orchestrator/progress/progress-history.ts'

const begun = { upstream: 1000n, downstream: 0n, sequence: 0 }

/** The progress after this many records were mirrored between two writes. */
function afterWrites (writes: readonly number[]): Progress {
  let progress = withPoint(begun)
  for (const records of writes) {
    progress = withPoint({
      ...progress,
      upstream: progress.upstream + BigInt(records),
      downstream: progress.downstream + BigInt(records),
      sequence: progress.sequence + records
    })
  }
  return progress
}

const writes = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 400 })

describe('the history of a partition', () => {
  test('is short, in order, and keeps its beginning and its newest position', () => {
    fc.assert(fc.property(writes, records => {
      const progress = afterWrites(records)
      const { history = [] } = progress
      assert.ok(history.length <= 12)
      assert.deepEqual(history[0], begun)
      const { upstream, downstream, sequence } = progress
      assert.deepEqual(history.at(-1), { upstream, downstream, sequence })
      for (const [i, { downstream }] of history.slice(1).entries()) {
        assert.ok(downstream > (history[i]?.downstream ?? 0n))
      }
    }))
  })

  test('has a point not much further back than any end that the target may have', () => {
    fc.assert(fc.property(writes, fc.nat(), (records, any) => {
      const progress = afterWrites(records)
      if (progress.downstream === 0n) return
      const end = BigInt(any) % progress.downstream
      const point = newestPointUpTo(progress, end)
      assert.ok(point !== undefined && point.downstream <= end)
      const lost = progress.downstream - end
      const most = BigInt(Math.max(...records))
      assert.ok(progress.downstream - point.downstream <= 9n * (lost + most),
        `${progress.downstream - point.downstream} back for ${lost} lost`)
    }))
  })

  test('forgets points after the point that a partition goes back to', () => {
    const progress = afterWrites([100, 100, 10, 1])
    const point = newestPointUpTo(progress, 205n)
    assert.ok(point)
    const back = backTo(progress, point)
    assert.equal(back.downstream, 200n)
    assert.equal(back.upstream, 1200n)
    assert.deepEqual(back.history?.at(-1), point)
    assert.deepEqual(withPoint(back), back)
  })

  // Recorded points may be a minute older than the position. Without a mark they would count for a
  // position after a skip, and lead a later step back beyond records that were never mirrored.
  test('does not outlive a skip or a step back', () => {
    const progress = afterWrites([100, 100, 10])
    const [point] = progress.history ?? []
    assert.ok(point)
    assert.equal(progress.era, undefined)
    assert.equal(withoutHistory(progress).era, 1)
    assert.equal(backTo(withoutHistory(progress), point).era, 2)
  })
})
