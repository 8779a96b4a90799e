// Where a source that was truncated parted from what was mirrored.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  backToCommon, backToOffset, movedTo
} from '../../../src/orchestrator/progress/leader-epochs.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'

const begun: Progress = { upstream: 10n, downstream: 0n, sequence: 0 }

/** Mirrored from offset 10 on: epoch 3 up to 150, 4 up to 180, 5 up to 210. */
function createMirrored (): Progress {
  return ([[120n, 3], [150n, 3], [180n, 4], [210n, 5]] as const)
    .reduce<Progress>((progress, [end, epoch]) => movedTo(progress, end, epoch), begun)
}

describe('the leader epochs of what was mirrored', () => {
  test('are remembered with where each ended', () => {
    const { leaderEpoch, earlierEpochs } = createMirrored()
    assert.equal(leaderEpoch, 5)
    assert.deepEqual(earlierEpochs, [
      { epoch: -1, end: 10n }, { epoch: 3, end: 150n }, { epoch: 4, end: 180n }
    ])
  })

  test('go on where the epoch of the source ends, if more of it was mirrored', () => {
    for (const [epoch, end] of [[5, 200n], [4, 170n], [3, 140n]] as const) {
      const common = backToCommon(createMirrored(), epoch, end)
      assert.deepEqual([common.upstream, common.leaderEpoch], [end, epoch])
    }
  })

  // A leader of epoch 3 died with records that nobody else had, up to 200. The next leaders wrote
  // others from 150 on, which were mirrored. Then it is elected again, uncleanly: to go on at the
  // end of its epoch would pass over its records 150 to 200.
  test('go on where less of it was mirrored, or records of the new leader would be lost', () => {
    const common = backToCommon(createMirrored(), 3, 200n)
    assert.deepEqual(common, {
      ...begun,
      upstream: 150n,
      leaderEpoch: 3,
      earlierEpochs: [{ epoch: -1, end: 10n }]
    })
  })

  test('that none of the source match go back to where the mirror began', () => {
    const common = backToCommon(createMirrored(), 2, 90n)
    assert.deepEqual(common, { ...begun, upstream: 10n })
    assert.equal(backToCommon(createMirrored(), 2, 4n).upstream, 4n)
  })

  test('are not known behind a batch without one', () => {
    assert.deepEqual(movedTo(createMirrored(), 300n, -1), { ...begun, upstream: 300n })
  })

  test('are so many at most, and what is left out makes it go back further, never less', () => {
    let progress = begun
    for (let epoch = 0; epoch < 100; epoch++) {
      progress = movedTo(progress, BigInt(20 + 10 * epoch), epoch)
    }
    assert.equal(progress.earlierEpochs?.length, 16)
    for (let epoch = 0; epoch < 100; epoch++) {
      const { upstream } = backToCommon(progress, epoch, 10_000n)
      assert.ok(upstream <= BigInt(20 + 10 * epoch) && upstream >= 10n)
      if (epoch > 85) assert.equal(upstream, BigInt(20 + 10 * epoch))
    }
  })

  // Progress goes back where a target has lost what it acked. With a later epoch than that of the
  // batch before it, a source that never changed would look truncated.
  test('of an offset that was mirrored before are those that it was mirrored under', () => {
    const mirrored = createMirrored()
    for (const { epoch, end } of mirrored.earlierEpochs ?? []) {
      const { leaderEpoch = -1, upstream } = backToOffset(mirrored, end)
      assert.deepEqual([upstream, leaderEpoch], [end, epoch])
      if (end > 10n) assert.ok((backToOffset(mirrored, end - 1n).leaderEpoch ?? -1) <= epoch)
    }
    assert.deepEqual(backToOffset(mirrored, mirrored.upstream), mirrored)
    assert.equal(backToOffset(mirrored, 5n).leaderEpoch, undefined)
  })
})
