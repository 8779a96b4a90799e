// A problem is said and counted once while it lasts, and again when it comes back.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import type { Log } from '../../../src/orchestrator/observability/log.ts'

const refused = new ReplicatorError('TARGET_NOT_EMPTY', 'it holds offsets 0 to 9')

function createProblems (): { readonly problems: FlowProblems, readonly said: string[] } {
  const said: string[] = []
  const log: Log = {
    error: (_fields: object, text: string) => { said.push(text) },
    warn: (_fields: object, text: string) => { said.push(text) },
    info: () => {},
    debug: () => {},
    child: () => log
  }
  return { problems: new FlowProblems(log), said }
}

describe('problems of a flow', () => {
  test('that last are said and counted once', () => {
    const { problems, said } = createProblems()
    for (let round = 0; round < 3; round++) {
      problems.say('orders/0', refused)
      problems.endRound()
    }
    assert.equal(said.length, 1)
    assert.match(said[0] ?? '', /^orders\/0: .*it holds offsets 0 to 9/)
    assert.deepEqual([...problems.counts], [[refused.code, 1n]])
  })

  test('that change are said again', () => {
    const { problems, said } = createProblems()
    problems.say('orders/0', refused)
    problems.say('orders/0', new ReplicatorError('TARGET_NOT_EMPTY', 'it holds offsets 0 to 12'))
    assert.equal(said.length, 2)
  })

  // Once said they were never said again, however often they came back, and never forgotten.
  test('that were gone for a round and come back are said again', () => {
    const { problems, said } = createProblems()
    problems.say('orders/0', refused)
    problems.endRound()
    problems.endRound()
    problems.say('orders/0', refused)
    assert.equal(said.length, 2)
    assert.deepEqual([...problems.counts], [[refused.code, 2n]])
  })

  test('of the flow itself are said and counted each time', () => {
    const { problems, said } = createProblems()
    for (let time = 0; time < 2; time++) problems.warn(refused)
    assert.equal(said.length, 2)
    assert.deepEqual([...problems.counts], [[refused.code, 2n]])
  })
})
