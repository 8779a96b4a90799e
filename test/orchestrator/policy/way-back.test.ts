// Which topics circulate between two clusters, by the settings of the flows in both directions.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { announcedTopics } from '../../../src/orchestrator/config/announced-topics.ts'
import { sharedSettings } from '../../../src/orchestrator/control/flow-members.ts'
import { comesBack } from '../../../src/orchestrator/policy/way-back.ts'
import { createFlow, parseConfigOf } from '../config/create-config.ts'

const identity = 'replication.policy.class = IdentityReplicationPolicy'

/** The flow from B to A as the flow from A to B knows it. */
function back (lines: readonly string[]) {
  const { flows: [flow] } = parseConfigOf(['clusters = A, B', 'A.bootstrap.servers = a1:9092',
    'B.bootstrap.servers = b1:9092', 'B->A.enabled = true', ...lines])
  assert.ok(flow)
  const topics = announcedTopics(sharedSettings(flow), 'B')
  assert.ok(topics)
  return topics
}

describe('a topic of A returns from B', () => {
  const rows: ReadonlyArray<readonly [
    what: string, ours: readonly string[], theirs: readonly string[], topic: string, is: boolean
  ]> = [
    ['both keep names', [identity], [identity], 'orders', true],
    ['the way back has other topics', [identity], [identity, 'topics = carts'], 'orders', false],
    ['the way back excludes it', [identity],
      [identity, 'topics.exclude = ord.*, x\\\\.y'], 'orders', false],
    ['the way back adds its alias', [identity], [], 'orders', false],
    ['and with the alias', [identity], [], 'B.orders', false],
    ['the way back renames it', [identity], ['topic.rename = orders@sales'], 'orders', false],
    ['both rename it', ['topic.rename = lo@lx'], ['topics = lx', 'topic.rename = lx@lo'], 'lo',
      true],
    ['both rename others', ['topic.rename = lo@lx'], ['topics = lx', 'topic.rename = lx@lo'], 'la',
      false],
    ['the way back keeps the new name', [identity, 'topic.rename = lo@lx'], [identity], 'lo',
      false],
    ['and then its records go round', [identity, 'topic.rename = lo@lx'], [identity], 'lx', true],
    ['this flow does not mirror the new name', ['topics = lo', 'topic.rename = lo@lx'], [identity],
      'lo', false],
    ['the way back cuts off the alias', [], ['topic.rename = A\\\\.(.*)@$1'], 'orders', true],
    ['names grow at each round', ['topic.rename = o.*@$0-b'], ['topic.rename = o.*@$0-a'], 'o',
      true],
    ['heartbeats', [identity], [identity], 'heartbeats', false]
  ]
  for (const [what, ours, theirs, topic, is] of rows) {
    test(`${topic}: ${is ? 'yes' : 'no'}, ${what}`, () => {
      assert.equal(comesBack(topic, createFlow(ours).topics, back(theirs)), is)
    })
  }

  test('an announcement of a later build is no reason', () => {
    assert.equal(announcedTopics({ 'replication.policy.class': 'Later' }, 'B'), undefined)
  })
})
