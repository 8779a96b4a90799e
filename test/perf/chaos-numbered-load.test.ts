// What the check of a chaos run reads from the keys of its records.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestRecreation } from '../../perf/chaos/numbered-load.ts'
import type { ConsumedRecord } from '../kafka/kafka-consumer.ts'

function record (key: string): ConsumedRecord {
  return {
    partition: 0, offset: 0, key: Buffer.from(key), value: null, headers: [], timestamp: 0
  }
}

// Regression: after twenty minutes of load a call with an argument for each record ended the check
// with "Maximum call stack size exceeded", and the run was lost.
test('the newest creation of a topic is found among any number of records', () => {
  const many = Array.from({ length: 500_000 }, () => record('0-1-7'))
  assert.equal(newestRecreation([...many, record('0-3-1')]), 3)
  assert.equal(newestRecreation([]), 0)
})
