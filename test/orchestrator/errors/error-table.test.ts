// The error table agrees with two lists: the native contract and librdkafka's header.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nativeErrors } from '../../../src/dataplane/contract/contract-table.ts'
import {
  errorByCode, errorByName, errorTable, type ErrorName
} from '../../../src/orchestrator/errors/error-table.ts'

const rows = Object.entries(errorTable)
const header = new URL(
  '../../../../node_modules/node-rdkafka/deps/librdkafka/src/rdkafka.h', import.meta.url)

test('each code is in one row', () => {
  const codes = rows.map(([, row]) => row.code)
  assert.deepEqual(codes.filter((code, at) => codes.indexOf(code) !== at), [])
})

test('the codes from 1000 to 1999 are those of the data plane', () => {
  const own = rows.filter(([, row]) => row.code >= 1000 && row.code < 2000)
  assert.deepEqual(Object.fromEntries(own.map(([name, { code }]) => [name, code])), nativeErrors)
})

test("names and codes are librdkafka's", { skip: !existsSync(header) }, () => {
  const text = readFileSync(header, 'utf8')
  const codes = new Map<string, number>()
  for (const [, name, code] of text.matchAll(/RD_KAFKA_RESP_ERR_(\w+)\s*=\s*(-?\d+),/g)) {
    codes.set(name as string, Number(code))
  }
  // Kafka's newer names, and errors that only raw requests receive.
  const protocolCodes = new Set([...codes.values(), 103, 106, 109])
  for (const [name, row] of rows) {
    if (row.code >= 1000) continue
    if (name.startsWith('_')) assert.equal(row.code, codes.get(name), name)
    else assert.ok(protocolCodes.has(row.code), name)
  }
})

test('an error of a moved leader refreshes metadata and is retried', () => {
  const moved: ErrorName[] = [
    'NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION',
    'REPLICA_NOT_AVAILABLE', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'KAFKA_STORAGE_ERROR',
    'NETWORK_EXCEPTION', 'LISTENER_NOT_FOUND', 'UNKNOWN_TOPIC_ID', '_TRANSPORT', '_TIMED_OUT'
  ]
  for (const name of moved) {
    const row = errorByName(name)
    assert.deepEqual([row.retriable, row.refreshesMetadata], [true, true], name)
  }
})

test('an error that the same bytes would cause again is not retried', () => {
  const lasting: ErrorName[] = [
    'CORRUPT_MESSAGE', 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD',
    'INVALID_TIMESTAMP', 'POLICY_VIOLATION', 'UNSUPPORTED_COMPRESSION_TYPE', 'OFFSET_OUT_OF_RANGE',
    'OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH',
    'TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', '_AUTHENTICATION', '_SSL'
  ]
  for (const name of lasting) assert.equal(errorByName(name).retriable, false, name)
})

test('a temporary error is retried at the same leader', () => {
  const passing: ErrorName[] = [
    'NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT',
    'THROTTLING_QUOTA_EXCEEDED', 'COORDINATOR_LOAD_IN_PROGRESS', 'FETCH_SESSION_ID_NOT_FOUND'
  ]
  for (const name of passing) {
    const row = errorByName(name)
    assert.deepEqual([row.retriable, row.refreshesMetadata], [true, false], name)
  }
})

test('an unknown code stops the partition and is named by its number', () => {
  const row = errorByCode(4711)
  assert.equal(row.name, 'ERROR_4711')
  assert.match(row.text, /4711/)
  assert.deepEqual([row.retriable, row.scope], [false, 'partition'])
})

test('each row names the problem and the way out, as parts of one sentence', () => {
  for (const [name, row] of rows) {
    assert.doesNotMatch(row.text, /^[A-Z][a-z]|\.$/, `${name}: text`)
    assert.match(row.action, /^[A-Z].*[^.]$/, `${name}: action`)
  }
})
