// The error of a cluster for a native code, and the setting that it names.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  clusterError, isNativeFailure, itemError
} from '../../../src/orchestrator/cluster/cluster-error.ts'
import { errorTable, type ErrorName } from '../../../src/orchestrator/errors/error-table.ts'

const rows: ReadonlyArray<[of: ErrorName, becomes: ErrorName, setting: string | undefined]> = [
  ['_ALL_BROKERS_DOWN', 'CLUSTER_UNREACHABLE', 'A.bootstrap.servers'],
  ['_RESOLVE', 'CLUSTER_UNREACHABLE', 'A.bootstrap.servers'],
  ['_TRANSPORT', 'CLUSTER_UNREACHABLE', 'A.bootstrap.servers'],
  ['_AUTHENTICATION', 'CLUSTER_LOGIN_REFUSED', 'A.sasl.jaas.config'],
  ['SASL_AUTHENTICATION_FAILED', 'CLUSTER_LOGIN_REFUSED', 'A.sasl.jaas.config'],
  ['UNSUPPORTED_SASL_MECHANISM', 'CLUSTER_LOGIN_REFUSED', 'A.sasl.mechanism'],
  ['_SSL', '_SSL', 'A.security.protocol'],
  ['TIMED_OUT', 'TIMED_OUT', undefined],
  ['CLUSTER_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', undefined]
]

describe('the error of a call', () => {
  for (const [of, becomes, setting] of rows) {
    test(`that failed with ${of} is ${becomes} and names the cluster and the setting`, () => {
      const error = clusterError('A', { code: errorTable[of].code, detail: 'what was seen' })
      assert.equal(error.errorName, becomes)
      assert.equal(error.setting, setting)
      assert.equal(error.detail, 'cluster A: what was seen')
      assert.equal(error.retriable, errorTable[becomes].retriable)
    })
  }
})

// Regression: the text listed the permissions of all requests.
test('a call that is not permitted names the one permission that it needs', () => {
  const error = clusterError('A', { code: 31, detail: 'no' }, 'createTopics')
  assert.match(error.message,
    /Grant CREATE on the cluster, or on the topics to the principal of cluster A\. \(CLUSTER_AUTH/)
  assert.doesNotMatch(error.message, /IDEMPOTENT_WRITE/)
})

describe('the error of an item', () => {
  test('is none if the code is 0', () => {
    assert.equal(itemError('A', 'topic t', { code: 0, detail: '' }, 'DESCRIBE'), undefined)
  })

  test('names cluster and item, and contains the text of the broker', () => {
    const error =
      itemError('A', 'topic t', { code: 38, detail: 'one broker, three replicas' }, 'CREATE')
    assert.equal(error?.errorName, 'INVALID_REPLICATION_FACTOR')
    assert.equal(error?.detail, 'cluster A: topic t: one broker, three replicas')
  })

  // Regression: the text listed granted permissions, and not the missing one.
  test('names the operation of a missing permission', () => {
    const failure = { code: 29, detail: 'Authorization failed.' }
    const error = itemError('A', 'topic t', failure, 'DESCRIBE_CONFIGS')
    assert.equal(error?.detail,
      'cluster A: topic t, which needs DESCRIBE_CONFIGS: Authorization failed.')
    assert.equal(error?.action, 'Grant DESCRIBE_CONFIGS on topic t to the principal of cluster A')
    const ofPartition = itemError('A', 't-2-0', failure, 'READ')
    assert.equal(ofPartition?.action, 'Grant READ on topic t-2 to the principal of cluster A')
  })
})

test('only a code with a detail is a failure of the data plane', () => {
  assert.equal(isNativeFailure({ code: 3, detail: '' }), true)
  for (const other of [null, 'text', new Error('x'), { code: 'EACCES', detail: '' }, { code: 3 }]) {
    assert.equal(isNativeFailure(other), false)
  }
})
