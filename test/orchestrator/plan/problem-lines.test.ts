// Topics with one problem share a line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { problemLines } from '../../../src/orchestrator/plan/problem-lines.ts'
import { createFlow } from '../config/create-config.ts'

const refused = (topic: string, reason: string) => ({
  topic,
  error: new ReplicatorError('TOPIC_CREATE_FAILED', `A.${topic} on B: topic A.${topic}: ${reason}`)
})

// Regression: with a wrong replication factor validate printed a line for each of 1,000 topics.
test('a problem of many topics is one line with their number and the first names', () => {
  const problems = ['orders', 'a', 'b.c', 'orders.eu', 'on'].map(topic =>
    refused(topic, 'the replication factor 5 is larger than 1'))
  const lines = problemLines(createFlow(),
    [...problems, refused('named', 'the name is refused'), refused('other', 'there is no room')])
  assert.equal(lines.length, 3, lines.join('\n'))
  assert.match(lines[0] ?? '',
    /^5 topics \(orders, a, b\.c and 2 more\), of the first: .*A\.orders on B: .*factor 5/)
  assert.match(lines[1] ?? '', /^named: .*the name is refused/)
  assert.match(lines[2] ?? '', /^other: .*no room/)
})
