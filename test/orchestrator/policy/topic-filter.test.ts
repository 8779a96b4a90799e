// Which topics a flow includes: the filter, and the verdict on a topic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createReplicationPolicy } from '../../../src/orchestrator/policy/replication-policy.ts'
import {
  createTopicFilter, judgeTopic, type TopicFilter
} from '../../../src/orchestrator/policy/topic-filter.ts'

function filter (topics: readonly string[], exclude: readonly string[] = []): TopicFilter {
  const parsed = createTopicFilter(topics, exclude)
  assert.ok(parsed.ok)
  return parsed.filter
}

const topicName = fc.string({ unit: fc.constantFrom(...'abc.-_012'), minLength: 1, maxLength: 20 })

test('an expression matches the whole name', () => {
  assert.equal(filter(['orders']).matches('orders'), true)
  assert.equal(filter(['orders']).matches('orders-eu'), false)
  assert.equal(filter(['a|b']).matches('ab'), false)
})

test('the canary of the flow is mirrored whatever the lists say, and no other canary', () => {
  for (const policy of ['DefaultReplicationPolicy', 'IdentityReplicationPolicy'] as const) {
    const selection = {
      filter: filter(['.*'], ['longhaul.*']),
      policy: createReplicationPolicy({ policy, sourceAlias: 'A', renamed: () => 'other' }),
      isCycle: () => false,
      heartbeats: true,
      canary: 'longhaul-canary.B.internal'
    }
    assert.equal(judgeTopic(selection, 'longhaul-canary.B.internal'), 'mirrored')
    for (const topic of ['longhaul-canary.C.internal', 'Z.longhaul-canary.B.internal']) {
      assert.equal(judgeTopic({ ...selection, filter: filter(['.*']) }, topic), 'internal')
    }
    assert.match(selection.policy.remoteTopic('longhaul-canary.B.internal'),
      /^(A\.)?longhaul-canary\.B\.internal$/)
  }
})

test('an empty list matches nothing', () => {
  fc.assert(fc.property(topicName, name => {
    assert.equal(filter([]).matches(name), false)
  }))
})

test('exclude wins', () => {
  fc.assert(fc.property(topicName, topicName, (name, other) => {
    const quoted = `\\Q${name}\\E`
    assert.equal(filter(['.*'], [quoted]).matches(name), false)
    assert.equal(filter([quoted], ['.*']).matches(name), false)
    assert.equal(filter(['.*'], [quoted]).matches(other), other !== name)
  }))
})

test('a list is the union of its expressions', () => {
  fc.assert(fc.property(fc.array(topicName), topicName, (names, name) => {
    const quoted = names.map(each => `\\Q${each}\\E`)
    assert.equal(filter(quoted).matches(name), names.includes(name))
  }))
})

test('each expression that cannot be used is named with its list', () => {
  const parsed = createTopicFilter(['ok', 'a('], ['[b&&c]'])
  assert.equal(parsed.ok, false)
  assert.deepEqual(parsed.ok ? [] : parsed.problems.map(({ list, expression }) =>
    [list, expression]), [['topics', 'a('], ['exclude', '[b&&c]']])
})

test('expressions that match only one topic are names', () => {
  assert.deepEqual(filter(['orders', 'eu.orders', 'a\\.b\\-c', 'x.*', 'a|b', '(?i)z']).names,
    ['orders', 'eu.orders', 'a.b-c'])
})

test("a topic's verdict: internal before filter before cycle", () => {
  const selection = {
    filter: filter(['.*'], ['secret.*']),
    policy: createReplicationPolicy({ policy: 'DefaultReplicationPolicy', sourceAlias: 'A' }),
    isCycle: (topic: string) => topic.includes('B.'),
    heartbeats: true
  }
  const verdicts = {
    'orders': 'mirrored',
    'C.orders': 'mirrored',
    'secret.orders': 'excluded',
    'B.orders': 'cycle',
    'C.B.orders': 'cycle',
    '__consumer_offsets': 'internal',
    'mm2-offset-syncs.B.internal': 'internal',
    'longhaul-progress.C.internal': 'internal',
    'heartbeats': 'mirrored',
    'B.heartbeats': 'cycle'
  }
  for (const [topic, verdict] of Object.entries(verdicts)) {
    assert.equal(judgeTopic(selection, topic), verdict, topic)
  }
  const none = { ...selection, filter: filter([]) }
  assert.equal(judgeTopic(none, 'heartbeats'), 'mirrored')
  assert.equal(judgeTopic(none, 'C.heartbeats'), 'mirrored')
  assert.equal(judgeTopic({ ...none, heartbeats: false }, 'heartbeats'), 'not matched')
  const kept = createReplicationPolicy({ policy: 'IdentityReplicationPolicy', sourceAlias: 'A' })
  assert.equal(judgeTopic({ ...selection, policy: kept }, 'B.orders'), 'mirrored')
  assert.equal(judgeTopic({ ...selection, policy: kept }, 'B.heartbeats'), 'cycle')
})

// MirrorMaker 2 splits the list at commas and joins it by |: a single part may be incomplete.
test('expressions that are complete only when joined are read as by MirrorMaker 2', () => {
  const joined = createTopicFilter(['(orders', 'bills).*'], [])
  assert.ok(joined.ok)
  assert.deepEqual(['orders.eu', 'bills', 'carts'].map(joined.filter.matches), [true, true, false])
  // The error is the flag, not the first half of the list.
  const refused = createTopicFilter(['(orders', '(?i)bills)'], [])
  assert.ok(!refused.ok)
  assert.match(refused.problems[0]?.reason ?? '', /\(\?i\) is not possible here/)
  const flags = createTopicFilter(['(?i)orders', 'bills'], [])
  assert.ok(flags.ok)
  assert.deepEqual(['ORDERS', 'BILLS', 'carts'].map(flags.filter.matches), [true, true, false])
})
