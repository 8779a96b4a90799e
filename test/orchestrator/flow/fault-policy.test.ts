// What becomes of a partition that cannot go on: fault, policy and what the clusters hold to one
// decision.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  judgeFault, judgeRecreated, type Fault, type FaultPolicies
} from '../../../src/orchestrator/flow/fault-policy.ts'

const stop: FaultPolicies = {
  'data.loss': 'stop',
  'topic.recreated': 'stop',
  'record.too.large': 'stop',
  'corrupt.batch': 'stop'
}
const skip: FaultPolicies = {
  'data.loss': 'skip',
  'topic.recreated': 'skip',
  'record.too.large': 'skip',
  'corrupt.batch': 'skip'
}

function createFault (errorName: string, change: Partial<Fault> = {}): Fault {
  return {
    errorName,
    detail: '',
    progress: { upstream: 100n, downstream: 40n, sequence: 35 },
    skipTo: -1n,
    skipRecords: -1n,
    ...change
  }
}

describe('a fault', () => {
  test('below the log start of the source moves upstream alone', () => {
    const fault = createFault('OFFSET_OUT_OF_RANGE')
    const log = { start: 130n, end: 500n }
    const action = judgeFault(fault, skip, log)
    assert.ok(action.kind === 'resume')
    assert.deepEqual(action.progress, { upstream: 130n, downstream: 40n, sequence: 35 })
    assert.equal(action.skip?.records, 30n)
    const stopped = judgeFault(fault, stop, log)
    assert.ok(stopped.kind === 'stop')
    assert.equal(stopped.error.errorName, 'OFFSET_OUT_OF_RANGE')
  })

  test('beyond the end of the source is a truncation, and stays stopped', () => {
    const action = judgeFault(createFault('OFFSET_OUT_OF_RANGE'), stop, { start: 0n, end: 90n })
    assert.ok(action.kind === 'stop')
    assert.equal(action.error.errorName, 'SOURCE_TRUNCATED')
    assert.match(action.error.message, /up to source offset 100, the source ends at 90/)
    const skipped = judgeFault(createFault('OFFSET_OUT_OF_RANGE'), skip, { start: 0n, end: 90n })
    assert.ok(skipped.kind === 'resume')
    assert.equal(skipped.progress.upstream, 90n)
  })

  test('on an offset that the source holds after all is left to the next retry', () => {
    for (const end of [100n, 101n]) {
      assert.equal(judgeFault(createFault('OFFSET_OUT_OF_RANGE'), skip, { start: 100n, end }).kind,
        'leave')
    }
  })

  test('below the log start of the target loses nothing: the scan begins later', () => {
    for (const policies of [stop, skip]) {
      const action = judgeFault(createFault('TARGET_OUT_OF_RANGE'), policies,
        { start: 60n, end: 90n })
      assert.deepEqual(action, {
        kind: 'resume',
        progress: { upstream: 100n, downstream: 40n, sequence: 35 },
        scanFrom: 60n
      })
    }
  })

  test('beyond the end of the target takes lost records off the sequence, round its wrap', () => {
    const log = { start: 0n, end: 30n }
    const stopped = judgeFault(createFault('TARGET_OUT_OF_RANGE'), stop, log)
    assert.ok(stopped.kind === 'stop')
    assert.equal(stopped.error.errorName, 'TARGET_TRUNCATED')
    for (const [sequence, expected] of [[35, 25], [4, 2 ** 31 - 6]] as const) {
      const progress = { upstream: 100n, downstream: 40n, sequence }
      const action = judgeFault(createFault('TARGET_OUT_OF_RANGE', { progress }), skip, log)
      assert.ok(action.kind === 'resume')
      assert.deepEqual(action.progress,
        { upstream: 100n, downstream: 30n, sequence: expected })
      assert.equal(action.skip?.records, 10n)
    }
  })

  test('of what cannot be mirrored is skipped only when its end is known', () => {
    for (const [errorName, reason] of [
      ['RECORD_TOO_LARGE', 'record_too_large'], ['CORRUPT_MESSAGE', 'corrupt_batch'],
      ['BATCH_CRC_MISMATCH', 'corrupt_batch'], ['CODEC_FAILED', 'corrupt_batch']
    ] as const) {
      const known = createFault(errorName, { skipTo: 107n, skipRecords: 7n })
      const action = judgeFault(known, skip, undefined)
      assert.ok(action.kind === 'resume')
      assert.equal(action.progress.upstream, 107n)
      assert.deepEqual([action.skip?.reason, action.skip?.records], [reason, 7n])
      assert.equal(judgeFault(known, stop, undefined).kind, 'leave')
      assert.equal(judgeFault(createFault(errorName), skip, undefined).kind, 'leave')
    }
  })

  test('that no policy is about is left as it is', () => {
    const fault = createFault('TOPIC_AUTHORIZATION_FAILED', { skipTo: 200n })
    assert.equal(judgeFault(fault, skip, undefined).kind, 'leave')
  })

  test('of a recreated topic goes on at its start, on the side that is new', () => {
    const { progress } = createFault('')
    const log = { start: 3n, end: 9n }
    for (const [side, expected] of [
      ['source', { ...progress, upstream: 3n }], ['target', { ...progress, downstream: 3n }]
    ] as const) {
      const action = judgeRecreated({ progress }, skip, { side, topic: 'orders', log })
      assert.ok(action.kind === 'resume')
      assert.deepEqual(action.progress, expected)
      assert.equal(judgeRecreated({ progress }, stop, { side, topic: 'orders', log }).kind, 'stop')
    }
  })
})
