// The one error class: its message and its fields.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'

test('the message has the problem, the details, the way out and the name', () => {
  const error = new ReplicatorError('CLUSTER_UNREACHABLE', 'cluster A (a1:9092): refused.')
  assert.equal(error.message, 'A cluster cannot be reached: cluster A (a1:9092): refused. ' +
    'Check its bootstrap.servers, the brokers and the network. (CLUSTER_UNREACHABLE)')
})

test('it has its row, its setting and its cause', () => {
  const cause = new Error('because')
  const error = new ReplicatorError('CONFIG_INVALID', 'x', { cause, setting: 'lanes' })
  assert.equal(error.cause, cause)
  assert.equal(error.setting, 'lanes')
  assert.deepEqual(
    [error.code, error.errorName, error.retriable, error.scope], [2000, 'CONFIG_INVALID', false,
      'process'])
})

test('a failure of the data plane becomes the error of its code', () => {
  const error = ReplicatorError.fromNative({ code: 6, detail: 'orders-3 on broker 2' })
  assert.equal(error.errorName, 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(error.detail, 'orders-3 on broker 2')
  assert.equal(ReplicatorError.fromNative({ code: 999, detail: '' }).errorName, 'ERROR_999')
})

test('any other thrown value becomes an internal error that keeps its cause', () => {
  const thrown = new TypeError('x is not a function')
  const error = ReplicatorError.from(thrown)
  assert.equal(error.errorName, 'INTERNAL')
  assert.equal(error.cause, thrown)
  assert.equal(ReplicatorError.from(error), error)
})

// Regression: a broker that no longer trusted the certificate of the client ended a running flow,
// whose lanes still had their connections.
test('a certificate that is refused counts as a refused login, a permission does not', () => {
  for (const [name, isRefused] of [
    ['_SSL', true], ['CLUSTER_LOGIN_REFUSED', true], ['CLUSTER_UNAUTHORIZED', false]
  ] as const) assert.equal(new ReplicatorError(name, 'west').isLoginRefused, isRefused)
})
