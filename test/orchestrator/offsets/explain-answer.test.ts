// How `longhaul offsets translate` explains an answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainAnswer } from '../../../src/orchestrator/offsets/explain-answer.ts'
import {
  emptyMap, exactSpan, translate, translateBack, withSpan
} from '../../../src/orchestrator/offsets/offset-map.ts'

const thin = {
  upstream: 200n, downstream: 60n, upstreamLength: 12n, downstreamLength: 10n, records: 10n
}
const map = withSpan(withSpan(emptyMap({ upstream: 100n, downstream: 7n }, false),
  exactSpan(100n, 10n, 50n)), thin)
const progress = { upstream: 213n, downstream: 70n }

function say (offset: bigint, isBack = false): string {
  const answer = (isBack ? translateBack : translate)(map, offset, progress)
  const question = { topic: 'orders', partition: 3, offset, isBack, map, progress }
  return `${answer.offset ?? '-'}: ${explainAnswer(answer, question)}`
}

test('each kind of answer has its own sentence, which names offset and partition', () => {
  assert.equal(say(110n), '20: the record at source offset 110 is at this target offset')
  assert.equal(say(20n, true), '110: the record at target offset 20 is at this source offset')
  assert.equal(say(8n, true), '100: the record at target offset 8 is not of this flow: the ' +
    'answer is the next record that is')
  assert.equal(say(205n), '63: the offset map of orders-3 keeps so old positions in less ' +
    'detail, and the records there do not show more (deleted, changed, or equal to each other): ' +
    'the record is at this target offset or up to 2 offsets behind it')
  assert.equal(say(99n), '-: the offset map of orders-3 begins at source offset 100: start the ' +
    'consumer at the earliest target offset, or look for the record by its timestamp')
  assert.equal(say(300n), '70: no record from source offset 300 on is mirrored yet (orders-3 ' +
    'is mirrored up to source offset 213): the next record comes at this target offset or ' +
    'behind it')
})
