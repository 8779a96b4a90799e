// What happens to a partition that cannot continue: fault, policy and the logs of both clusters
// lead to one decision.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  judgeFault, judgeRecreated, type Fault, type FaultAction, type FaultPolicies
} from '../../../src/orchestrator/partitions/fault-policy.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'

const stop: FaultPolicies = {
  'data.loss': 'stop',
  'topic.recreated': 'stop',
  'record.too.large': 'stop',
  'record.refused': 'stop',
  'corrupt.batch': 'stop'
}
const skip: FaultPolicies = {
  'data.loss': 'skip',
  'topic.recreated': 'skip',
  'record.too.large': 'skip',
  'record.refused': 'skip',
  'corrupt.batch': 'skip'
}

function createFault (errorName: string, change: Partial<Fault> = {}): Fault {
  return {
    errorName,
    detail: '',
    progress: { upstream: 100n, downstream: 40n, sequence: 35 },
    skipTo: -1n,
    skipRecords: -1n,
    skipEpoch: -1,
    ...change
  }
}

const wholeSource = { start: 0n, end: 500n }

/** Two older positions, the first of them at the start of the partition. */
const history = [
  { upstream: 20n, downstream: 5n, sequence: 0 }, { upstream: 80n, downstream: 25n, sequence: 20 }
]

function position ({ upstream, downstream, sequence }: Progress): Progress {
  return { upstream, downstream, sequence }
}

describe('a fault', () => {
  test('below the log start of the source moves only the source offset', () => {
    const fault = createFault('OFFSET_OUT_OF_RANGE')
    const log = { start: 130n, end: 500n }
    const action = judgeFault(fault, skip, { source: log })
    assert.ok(action.kind === 'resume')
    assert.deepEqual(position(action.progress), { upstream: 130n, downstream: 40n, sequence: 35 })
    assert.equal(action.skip?.records, 30n)
    const stopped = judgeFault(fault, stop, { source: log })
    assert.ok(stopped.kind === 'stop')
    assert.equal(stopped.error.errorName, 'OFFSET_OUT_OF_RANGE')
  })

  test('beyond the end of the source is a truncation, and stays stopped', () => {
    const source = { start: 0n, end: 90n }
    const action = judgeFault(createFault('OFFSET_OUT_OF_RANGE'), stop, { source })
    assert.ok(action.kind === 'stop')
    assert.equal(action.error.errorName, 'SOURCE_TRUNCATED')
    assert.match(action.error.message, /up to source offset 100 were .*source log ends at 90/)
    const skipped = judgeFault(createFault('OFFSET_OUT_OF_RANGE'), skip, { source })
    assert.ok(skipped.kind === 'resume')
    assert.equal(skipped.progress.upstream, 90n)
  })

  test('of a source with another log continues where both logs were still the same', () => {
    const fault = createFault('SOURCE_TRUNCATED', {
      detail: 'it is another log',
      progress: {
        upstream: 100n,
        downstream: 40n,
        sequence: 35,
        leaderEpoch: 5,
        earlierEpochs: [{ epoch: -1, end: 20n }, { epoch: 3, end: 70n }]
      },
      skipTo: 90n,
      skipRecords: 10n,
      skipEpoch: 4
    })
    const log = { start: 0n, end: 400n }
    const stopped = judgeFault(fault, stop, { source: log })
    assert.ok(stopped.kind === 'stop')
    assert.equal(stopped.error.errorName, 'SOURCE_TRUNCATED')
    assert.match(stopped.error.message, /another log: up to 30 records from source offset 70 on/)
    const skipped = judgeFault(fault, skip, { source: log })
    assert.ok(skipped.kind === 'resume')
    assert.deepEqual(skipped.progress, {
      upstream: 70n,
      downstream: 40n,
      sequence: 35,
      leaderEpoch: 3,
      earlierEpochs: [{ epoch: -1, end: 20n }],
      era: 1,
      history: [{ upstream: 70n, downstream: 40n, sequence: 35 }]
    })
    assert.deepEqual([skipped.skip?.reason, skipped.skip?.records], ['data_loss', 30n])
  })

  test('at an offset that the source does have is left to the next retry', () => {
    for (const end of [100n, 101n]) {
      const source = { start: 100n, end }
      const fault = createFault('OFFSET_OUT_OF_RANGE')
      assert.equal(judgeFault(fault, skip, { source }).kind, 'keepFaulted')
    }
  })

  test('below the log start of the target loses nothing: the scan begins later', () => {
    for (const policies of [stop, skip]) {
      const action = judgeFault(createFault('TARGET_OUT_OF_RANGE'), policies,
        { source: wholeSource, target: { start: 60n, end: 90n } })
      assert.deepEqual(action, {
        kind: 'resume',
        progress: { upstream: 100n, downstream: 40n, sequence: 35 },
        scanFrom: 60n
      })
    }
  })

  test('beyond the end of the target subtracts the loss from the sequence, round its wrap', () => {
    const logs = { source: wholeSource, target: { start: 0n, end: 30n } }
    const stopped = judgeFault(createFault('TARGET_OUT_OF_RANGE'), stop, logs)
    assert.ok(stopped.kind === 'stop')
    assert.equal(stopped.error.errorName, 'TARGET_TRUNCATED')
    for (const [sequence, expected] of [[35, 25], [4, 2 ** 31 - 6]] as const) {
      const progress = { upstream: 100n, downstream: 40n, sequence }
      const action = judgeFault(createFault('TARGET_OUT_OF_RANGE', { progress }), skip, logs)
      assert.ok(action.kind === 'resume')
      assert.deepEqual(position(action.progress),
        { upstream: 100n, downstream: 30n, sequence: expected })
      assert.equal(action.skip?.records, 10n)
    }
  })

  test('beyond the end of the target goes back to a common point, whatever the policy',
    () => {
      const progress = { upstream: 100n, downstream: 40n, sequence: 35, history }
      const fault = createFault('TARGET_OUT_OF_RANGE', { progress })
      for (const [start, end, index, scanFrom] of [
        [0n, 39n, 1, undefined], [0n, 25n, 1, undefined], [0n, 24n, 0, undefined],
        [0n, 5n, 0, undefined], [30n, 32n, 1, 30n]
      ] as const) {
        for (const policies of [stop, skip]) {
          const logs = { source: wholeSource, target: { start, end } }
          const action = judgeFault(fault, policies, logs)
          assert.ok(action.kind === 'resume')
          assert.deepEqual(action.progress,
            { ...history[index], history: history.slice(0, index + 1), era: 1 })
          assert.equal(action.again?.records, 40n - end)
          assert.equal(action.skip, undefined)
          assert.equal(action.scanFrom, scanFrom)
        }
      }
    })

  test('beyond the end of the target is a loss if source or history do not reach back', () => {
    const progress = { upstream: 100n, downstream: 40n, sequence: 35, history }
    const fault = createFault('TARGET_OUT_OF_RANGE', { progress })
    for (const [source, target, why] of [
      [{ start: 81n, end: 500n }, { start: 0n, end: 30n }, /source log, which begins at 81, no/],
      [wholeSource, { start: 0n, end: 4n }, /their source offsets are not known/],
      // Trimmed completely: no scan can show how many records followed the point.
      [wholeSource, { start: 30n, end: 30n }, /their source offsets are not known/]
    ] as const) {
      const stopped = judgeFault(fault, stop, { source, target })
      assert.ok(stopped.kind === 'stop')
      assert.equal(stopped.error.errorName, 'TARGET_TRUNCATED')
      assert.match(stopped.error.message, why)
      const skipped = judgeFault(fault, skip, { source, target })
      assert.ok(skipped.kind === 'resume')
      assert.equal(skipped.skip?.records, 40n - target.end)
      assert.deepEqual(skipped.progress.history, [position(skipped.progress)])
    }
  })

  test('over records of other producers goes back point by point, then stops', () => {
    const whole = { source: wholeSource, target: { start: 0n, end: 90n } }
    let progress: Progress = { upstream: 100n, downstream: 40n, sequence: 35, history }
    for (const [index, era] of [[1, 1], [0, 2]] as const) {
      const from = progress.downstream
      const action = judgeFault(createFault('TARGET_OVERWRITTEN', { progress }), skip, whole)
      assert.ok(action.kind === 'resume')
      assert.deepEqual(action.progress,
        { ...history[index], history: history.slice(0, index + 1), era })
      assert.equal(action.again?.records, from - action.progress.downstream)
      progress = action.progress
    }
    const fault = createFault('TARGET_OVERWRITTEN', { progress })
    const far = createFault('TARGET_OVERWRITTEN',
      { progress: { upstream: 100n, downstream: 40n, sequence: 35, history } })
    for (const [of, logs] of [
      [fault, whole],
      [far, { ...whole, source: { start: 81n, end: 500n } }],
      [far, { ...whole, target: { start: 30n, end: 90n } }]
    ] as const) {
      const stopped = judgeFault(of, skip, logs)
      assert.ok(stopped.kind === 'stop')
      assert.equal(stopped.error.errorName, 'TARGET_TRUNCATED')
    }
  })

  // A count from a point before the skip would treat the skipped record as mirrored.
  test('that is skipped restarts the history', () => {
    const progress = { upstream: 100n, downstream: 40n, sequence: 35, history }
    const fault = createFault('RECORD_TOO_LARGE', { progress, skipTo: 101n, skipRecords: 1n })
    const action = judgeFault(fault, skip, {})
    assert.ok(action.kind === 'resume')
    assert.deepEqual(action.progress.history,
      [{ upstream: 101n, downstream: 40n, sequence: 35 }])
  })

  test('of records that cannot be mirrored is skipped only if their end is known', () => {
    for (const [errorName, reason] of [
      ['RECORD_TOO_LARGE', 'record_too_large'], ['RECORD_REFUSED', 'record_refused'],
      ['INVALID_TIMESTAMP', 'record_refused'], ['CORRUPT_MESSAGE', 'corrupt_batch'],
      ['BATCH_CRC_MISMATCH', 'corrupt_batch'], ['CODEC_FAILED', 'corrupt_batch']
    ] as const) {
      const known = createFault(errorName, { skipTo: 107n, skipRecords: 7n })
      const action = judgeFault(known, skip, {})
      assert.ok(action.kind === 'resume')
      assert.equal(action.progress.upstream, 107n)
      assert.deepEqual([action.skip?.reason, action.skip?.records], [reason, 7n])
      // The epoch before the batch ends before the batch: if it were kept, it would look like a
      // truncation.
      const { progress } = judgeFault({
        ...known, progress: { ...known.progress, leaderEpoch: 3, earlierEpochs: [] }
      }, skip, {}) as Extract<FaultAction, { kind: 'resume' }>
      assert.equal(progress.leaderEpoch, undefined)
      assert.equal(judgeFault(known, stop, {}).kind, 'keepFaulted')
      assert.equal(judgeFault(createFault(errorName), skip, {}).kind, 'keepFaulted')
    }
  })

  test('without a policy is not changed', () => {
    const fault = createFault('TOPIC_AUTHORIZATION_FAILED', { skipTo: 200n })
    assert.equal(judgeFault(fault, skip, {}).kind, 'keepFaulted')
  })

  test('of a recreated topic continues at its start, on the recreated side', () => {
    const { progress } = createFault('')
    const log = { start: 3n, end: 9n }
    for (const [side, expected] of [
      ['source', { ...progress, upstream: 3n }], ['target', { ...progress, downstream: 3n }]
    ] as const) {
      const action = judgeRecreated({ progress }, skip, { side, topic: 'orders', log })
      assert.ok(action.kind === 'resume')
      assert.deepEqual(position(action.progress), expected)
      assert.equal(judgeRecreated({ progress }, stop, { side, topic: 'orders', log }).kind, 'stop')
    }
  })

  // Regression: after a change of topic.rename the text claimed that a topic had been deleted.
  test('of the target may be a topic with a new name, and the text names left-out records', () => {
    const log = { start: 0n, end: 0n }
    const progress = { upstream: 9n, downstream: 9n, sequence: 9 }
    const action = judgeRecreated({ progress }, stop, { side: 'target', topic: 'orders2', log })
    assert.ok(action.kind === 'stop')
    assert.match(action.error.message,
      /orders2 is not the previous one, or the flow now mirrors .*are not mirrored again/)
  })
})
