// When a chaos run passes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFlawless } from '../../perf/chaos/chaos-report.ts'
import type { ChaosOutcome } from '../../perf/chaos/chaos-run.ts'

const findings = {
  topic: 'orders', partition: 0, records: 9, lost: 0, doubled: 0, reordered: 0, altered: 0,
  examples: []
}

const flawless: ChaosOutcome = {
  schedule: [],
  faultsFailed: [],
  acked: 9,
  findings: [findings],
  liveness: { secondsBeyond: 0, longestByFault: {}, examples: [] },
  catchUpSeconds: 1,
  crashes: 0,
  startsFailed: 0,
  exitCodes: [0, 143]
}

test('a run passes with every record once, in order, unchanged, and orderly ends', () => {
  assert.equal(isFlawless(flawless), true)
})

for (const flaw of ['lost', 'doubled', 'reordered', 'altered'] as const) {
  test(`a run with a record ${flaw} fails`, () => {
    const flawed = [findings, { ...findings, [flaw]: 1 }]
    assert.equal(isFlawless({ ...flawless, findings: flawed }), false)
  })
}

test('a run with an unexplained stall of a partition fails', () => {
  const liveness = { ...flawless.liveness, secondsBeyond: 1 }
  assert.equal(isFlawless({ ...flawless, liveness }), false)
})

test('a run that never caught up, crashed, or had to be killed fails', () => {
  assert.equal(isFlawless({ ...flawless, catchUpSeconds: undefined }), false)
  assert.equal(isFlawless({ ...flawless, crashes: 1 }), false)
  assert.equal(isFlawless({ ...flawless, exitCodes: [0, null] }), false)
})
