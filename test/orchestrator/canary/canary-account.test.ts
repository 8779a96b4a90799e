// What is counted for which order of records on source and target, and across owners of the duty.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CanaryAccount } from '../../../src/orchestrator/canary/canary-account.ts'
import { CanaryFigures } from '../../../src/orchestrator/canary/canary-figures.ts'
import type { CanaryProgress } from '../../../src/orchestrator/canary/canary-record.ts'

const lateMs = 1_000

function createAccount (progress?: CanaryProgress) {
  const figures = new CanaryFigures()
  const account = new CanaryAccount({ figures, progress, lateMs })
  let nowMs = 0
  return {
    account,
    counts: () => figures.snapshot().counts,
    latencies: () => figures.snapshot().latency.counts
      .reduce<number>((sum, count) => sum + Number(count), 0),
    /** Ids are the offsets on the source. */
    source: (...ids: readonly number[]) => {
      for (const id of ids) account.onSource({ id: `${id}`, offset: BigInt(id) }, nowMs)
    },
    /** `[id, offset on the target]`. */
    target: (...records: ReadonlyArray<readonly [id: number, offset: number]>) => {
      for (const [id, offset] of records) {
        account.onTarget({ id: `${id}`, offset: BigInt(offset) }, nowMs)
      }
    },
    write: (id: number) => { account.writing(`${id}`, nowMs) },
    pass: (ms: number) => { nowMs += ms },
    judge: () => account.judge(nowMs),
    excuse: () => { account.excuse(nowMs) }
  }
}

const none = { written: 0, arrived: 0, lost: 0, doubled: 0, late: 0 }

describe('canary records', () => {
  test('that arrive in order are counted once each, with their latency', () => {
    const { counts, latencies, pass, source, target, write } = createAccount()
    write(0)
    source(0, 1)
    pass(40)
    target([0, 7], [1, 8])
    assert.deepEqual(counts(), { ...none, arrived: 2 })
    // This process has not written the other one, and does not know when that was.
    assert.equal(latencies(), 1)
  })

  test('that a later one overtakes are lost', () => {
    const { counts, source, target } = createAccount()
    source(0, 1, 2, 3)
    target([0, 0], [3, 1])
    assert.deepEqual(counts(), { ...none, arrived: 2, lost: 2 })
  })

  // With auto.offset.reset=latest the flow leaves out what was written before it saw the topic.
  test('before the first arrival are not lost', () => {
    const { counts, judge, pass, source, target } = createAccount()
    source(0, 1, 2)
    pass(10 * lateMs)
    assert.equal(judge(), 0)
    target([2, 0])
    assert.deepEqual(counts(), { ...none, arrived: 1 })
  })

  test('at a second offset are doubled, and at the same offset they are read again', () => {
    const { counts, source, target } = createAccount()
    source(0, 1)
    target([0, 0], [1, 1], [0, 0], [1, 1], [1, 2])
    assert.deepEqual(counts(), { ...none, arrived: 2, doubled: 1 })
  })

  test('that are twice on the source are not doubled by the mirror', () => {
    const { account, counts, source, target } = createAccount()
    source(0)
    account.onSource({ id: '0', offset: 1n }, 0)
    target([0, 0], [0, 1])
    assert.deepEqual(counts(), { ...none, arrived: 2 })
  })

  test('are late once, and then arrive', () => {
    const { counts, judge, pass, source, target } = createAccount()
    source(0)
    target([0, 0])
    source(1)
    pass(lateMs - 1)
    assert.equal(judge(), lateMs - 1)
    assert.equal(counts().late, 0)
    pass(1)
    judge()
    judge()
    target([1, 1])
    assert.equal(judge(), 0)
    assert.deepEqual(counts(), { ...none, arrived: 2, late: 1 })
  })

  test('are not late for the time of a pause, and have no latency', () => {
    const { counts, excuse, judge, latencies, pass, source, target, write } = createAccount()
    source(0)
    target([0, 0])
    write(1)
    source(1)
    pass(10 * lateMs)
    excuse()
    pass(lateMs - 1)
    judge()
    target([1, 1])
    assert.deepEqual(counts(), { ...none, arrived: 2 })
    assert.equal(latencies(), 0)
  })
})

describe('the next owner of the canary', () => {
  /** What the last record of this owner says. */
  const progressAfter = (lost: boolean): CanaryProgress => {
    const { account, source, target } = createAccount()
    source(0, 1, 2, 3)
    target([0, 10], ...(lost ? [] : [[1, 11] as const]), [2, 12])
    return account.progress ?? assert.fail()
  }

  test('reads some records again and counts only what is new', () => {
    const progress = progressAfter(true)
    assert.deepEqual(progress, {
      context: { source: 0n, target: 10n }, counted: { source: 3n, target: 13n }
    })
    const { counts, source, target } = createAccount(progress)
    source(0, 1, 2, 3, 4, 5)
    target([0, 10], [2, 12], [5, 13])
    assert.deepEqual(counts(), { ...none, arrived: 1, lost: 2 })
  })

  test('does not count again what the last owner has counted as doubled', () => {
    const last = createAccount()
    last.source(0, 1)
    last.target([0, 10], [0, 11], [1, 12])
    assert.deepEqual(last.counts(), { ...none, arrived: 2, doubled: 1 })
    const { counts, source, target } = createAccount(last.account.progress)
    source(0, 1)
    target([0, 10], [0, 11], [1, 12])
    assert.deepEqual(counts(), none)
  })

  // A crash may double what the last owner had seen already: that is why it reads them again.
  test('recognizes what is doubled at the hand-over', () => {
    const { counts, source, target } = createAccount(progressAfter(false))
    source(0, 1, 2, 3)
    target([0, 10], [1, 11], [2, 12], [1, 13], [2, 14], [3, 15])
    assert.deepEqual(counts(), { ...none, arrived: 1, doubled: 2 })
  })

  test('passes on the place of the last owner until a record has arrived', () => {
    const progress = progressAfter(false)
    assert.deepEqual(createAccount(progress).account.progress, progress)
    assert.equal(createAccount().account.progress, undefined)
  })
})
