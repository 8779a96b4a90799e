// A failed test prints the state of what it used, once; a passed test prints nothing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnFailure, reportIfFailed, type CleanUp } from './failed-test.ts'

function createTest (name: string, passed: boolean): CleanUp {
  return { name, passed, after: () => {} }
}

test('a failed test prints each description once, also when one of them fails', async () => {
  const forget = [
    describeOnFailure(async () => 'the log of a mirror'),
    describeOnFailure(async () => { throw new Error('a broker that has ended') })
  ]
  const printed: string[] = []
  const print = (text: string): void => { printed.push(text) }
  const failed = createTest('orders arrive', false)
  await reportIfFailed(createTest('passes', true), print)
  assert.equal(printed.length, 0)
  await reportIfFailed(failed, print)
  await reportIfFailed(failed, print)
  assert.equal(printed.length, 1)
  for (const part of ['orders arrive', 'the log of a mirror', 'a broker that has ended']) {
    assert.ok(printed[0]?.includes(part), part)
  }
  for (const each of forget) each()
  await reportIfFailed(createTest('another', false), print)
  assert.doesNotMatch(printed[1] ?? '', /the log of a mirror/)
})
