// Where the log of a truncated source differs from the mirrored log.
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

describe('the leader epochs of mirrored records', () => {
  test('are remembered with their end offsets', () => {
    const { leaderEpoch, earlierEpochs } = createMirrored()
    assert.equal(leaderEpoch, 5)
    assert.deepEqual(earlierEpochs, [
      { epoch: -1, end: 10n }, { epoch: 3, end: 150n }, { epoch: 4, end: 180n }
    ])
  })

  test('continue where the epoch of the source ends, if more of it was mirrored', () => {
    for (const [epoch, end] of [[5, 200n], [4, 170n], [3, 140n]] as const) {
      const common = backToCommon(createMirrored(), epoch, end)
      assert.deepEqual([common.upstream, common.leaderEpoch], [end, epoch])
    }
  })

  // A leader of epoch 3 died with records up to 200 that only it had. The next leaders wrote other
  // records from 150 on, which were mirrored. Then it is elected again, uncleanly: to continue at
  // the end of its epoch would skip its records 150 to 200.
  test('continue where less of it was mirrored, so that no record is lost', () => {
    const common = backToCommon(createMirrored(), 3, 200n)
    assert.deepEqual(common, {
      ...begun,
      upstream: 150n,
      leaderEpoch: 3,
      earlierEpochs: [{ epoch: -1, end: 10n }]
    })
  })

  test('without a match on the source go back to the start of the mirror', () => {
    const common = backToCommon(createMirrored(), 2, 90n)
    assert.deepEqual(common, { ...begun, upstream: 10n })
    assert.equal(backToCommon(createMirrored(), 2, 4n).upstream, 4n)
  })

  test('are not known after a batch without an epoch', () => {
    assert.deepEqual(movedTo(createMirrored(), 300n, -1), { ...begun, upstream: 300n })
  })

  test('are limited in number, and a removed one only makes the mirror go back further', () => {
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

  // Progress goes back if a target has lost acknowledged records. With a later epoch than that of
  // the batch before it, an unchanged source would look truncated.
  test('of an earlier offset are those under which it was mirrored', () => {
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
