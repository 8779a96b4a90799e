// What the end of a pause leaves in force, which somebody who resumes a flow may not expect.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ControlScope, PauseRecord } from '../../../src/orchestrator/control/control-record.ts'
import { resumeDoubtOf } from '../../../src/orchestrator/control/control-state.ts'

function pauseOf (scope: ControlScope): PauseRecord {
  return { kind: 'pause', scope, isPaused: true, by: 'ann', atMs: 5, reason: 'ticket 17' }
}

const partition = { topic: 'orders', partition: 1 }
const left = /^still paused: orders-1 \(by ann: ticket 17\); resume each by its topic and part/

// Regression: `resume FILE` answered "the flow is resumed" while its topics stayed paused.
describe('the end of a pause', () => {
  test('says nothing if it is the only pause of the scope', () => {
    assert.equal(resumeDoubtOf({}, [pauseOf({})]), undefined)
    assert.equal(resumeDoubtOf(partition, [pauseOf(partition)]), undefined)
    assert.equal(resumeDoubtOf({ topic: 'orders' }, [
      pauseOf({ topic: 'orders' }), pauseOf({ topic: 'clicks' }),
      pauseOf({ topic: 'clicks', partition: 1 })
    ]), undefined)
    assert.equal(resumeDoubtOf(partition, [
      pauseOf(partition), pauseOf({ topic: 'orders', partition: 2 })
    ]), undefined)
  })

  test('names pauses of narrower scopes', () => {
    assert.match(resumeDoubtOf({}, [pauseOf({}), pauseOf(partition)]) ?? '', left)
    assert.match(resumeDoubtOf({ topic: 'orders' },
      [pauseOf({ topic: 'orders' }), pauseOf(partition)]) ?? '', left)
  })

  test('names pauses of wider scopes', () => {
    const doubt = resumeDoubtOf(partition,
      [pauseOf(partition), pauseOf({ topic: 'orders' }), pauseOf({})])
    assert.match(doubt ?? '', /^still paused: orders \(by .*\), the flow \(by ann: ticket 17\);/)
  })

  test('says that the scope has no pause of its own', () => {
    assert.equal(resumeDoubtOf({ topic: 'clicks' }, [pauseOf(partition)]),
      'clicks has no pause of its own')
    assert.match(resumeDoubtOf({}, [pauseOf(partition)]) ?? '',
      /^the flow has no pause of its own; still paused: orders-1 /)
  })

  test('names five pauses, and counts the others', () => {
    const pauses = Array.from({ length: 8 }, (_, i) => pauseOf({ topic: 'orders', partition: i }))
    assert.match(resumeDoubtOf({}, [pauseOf({}), ...pauses]) ?? '',
      /orders-4 \(by ann: ticket 17\) and 3 more; resume/)
  })
})
