// topic.rename: exact names, prefixes, suffixes and maps, instead of the policy's names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createReplicationPolicy } from '../../../src/orchestrator/policy/replication-policy.ts'
import {
  compileRenames, fixedPartOf, type Renamed
} from '../../../src/orchestrator/policy/topic-rename.ts'

function renamedBy (...rules: ReadonlyArray<readonly [expression: string, name: string]>): Renamed {
  const compiled = compileRenames(rules.map(([expression, name]) => ({ expression, name })))
  assert.ok(compiled.ok)
  return compiled.renamed
}

function problemOf (expression: string, name: string): string {
  const compiled = compileRenames([{ expression, name }])
  assert.ok(!compiled.ok)
  return compiled.problems.map(({ reason }) => reason).join()
}

test('the first rule that matches the whole name names the remote topic', () => {
  const renamed = renamedBy(['orders', 'sales.orders'], ['clicks-(\\w+)-(\\d)', 'web.$2.$1'],
    ['log.*', '$0-eu'], ['logs', 'never'])
  assert.equal(renamed('orders'), 'sales.orders')
  assert.equal(renamed('clicks-shop-7'), 'web.7.shop')
  assert.equal(renamed('logs'), 'logs-eu')
  for (const other of ['orders2', 'my-orders', 'clicks-shop']) {
    assert.equal(renamed(other), undefined)
  }
})

test('a group that did not match is replaced by nothing', () => {
  assert.equal(renamedBy(['a(b)?c', '$1x'])('ac'), 'x')
})

test('with only $0 every topic keeps its name', () => {
  const renamed = renamedBy(['.*', '$0'])
  fc.assert(fc.property(fc.stringMatching(/^[\w.-]{1,40}$/), topic => {
    assert.equal(renamed(topic), topic)
  }))
})

test('an invalid expression, and a group that it lacks, are problems', () => {
  assert.match(problemOf('orders(', 'x'), /./)
  assert.equal(problemOf('(a)|b', '$2'), '$2 stands for a group, and the expression has 1')
  assert.match(problemOf('(?:a)b', '$1'), /the expression has 0/)
})

test('the fixed part of a name ends at its first $', () => {
  const fixed = (name: string): unknown => fixedPartOf({ expression: '.*', name })
  assert.deepEqual(fixed('sales'), { text: 'sales', isWhole: true })
  assert.deepEqual(fixed('web.$1.x'), { text: 'web.', isWhole: false })
  assert.deepEqual(fixed('$0-eu'), { text: '', isWhole: false })
})

// Kafka's MirrorClient finds heartbeats only under the name of the policy.
test('heartbeats and prefixes have the names of the policy', () => {
  const policy = createReplicationPolicy({
    policy: 'DefaultReplicationPolicy', sourceAlias: 'A', renamed: renamedBy(['.*', 'x.$0'])
  })
  assert.equal(policy.remoteTopic('orders'), 'x.orders')
  assert.equal(policy.remoteTopic('heartbeats'), 'A.heartbeats')
  assert.equal(policy.remoteTopic('B.heartbeats'), 'A.B.heartbeats')
  assert.equal(policy.remotePrefix('ord'), 'A.ord')
})
