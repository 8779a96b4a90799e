// Which flow of a process may write a target topic, and when another flow may.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TargetClaims, type Claim } from '../../../src/orchestrator/flow/target-claims.ts'

const claim = (clusterId: string, topic: string, flow: string, mergedFrom?: string): Claim =>
  ({ clusterId, topic, flow, mergedFrom })

test('a target topic is written by the flow that claimed it first, until it releases it', () => {
  const claims = new TargetClaims()
  assert.equal(claims.claim(claim('west-id', 'orders', 'east->west')), undefined)
  assert.equal(claims.claim(claim('west-id', 'orders', 'north->west')), 'east->west')
  assert.equal(claims.claim(claim('other-id', 'orders', 'north->other')), undefined)
  claims.release('east->west')
  assert.equal(claims.claim(claim('west-id', 'orders', 'north->west')), undefined)
})

// Regression: claims of deleted topics were kept for ever: no other flow could mirror to that name.
test('a topic that the flow no longer mirrors may be claimed by another flow', () => {
  const claims = new TargetClaims()
  for (const topic of ['orders', 'audit']) claims.claim(claim('west-id', topic, 'east->west'))
  claims.claim(claim('other-id', 'orders', 'east->west'))
  claims.retain('west-id', new Set(['audit']), 'east->west')
  assert.equal(claims.claim(claim('west-id', 'orders', 'north->west')), undefined)
  assert.equal(claims.claim(claim('west-id', 'audit', 'north->west')), 'east->west')
  assert.equal(claims.claim(claim('other-id', 'orders', 'north->west')), 'east->west')
})

test('flows that keep names share a topic, if their sources are different clusters', () => {
  const claims = new TargetClaims()
  const ofEast = claim('west-id', 'orders', 'east->west', 'east-id')
  const ofNorth = claim('west-id', 'orders', 'north->west', 'north-id')
  assert.equal(claims.claim(ofEast), undefined)
  assert.equal(claims.claim(ofNorth), undefined)
  assert.equal(claims.claim(ofEast), undefined)
  // The same cluster under another alias would write each record twice.
  assert.equal(claims.claim(claim('west-id', 'orders', 'alias->west', 'east-id')), 'east->west')
  // A topic to which another flow renames a topic is another topic.
  assert.equal(claims.claim(claim('west-id', 'orders', 'other->west')), 'east->west')
  claims.release('east->west')
  assert.equal(claims.claim(claim('west-id', 'orders', 'alias->west', 'east-id')), undefined)
})

// Regression: one cluster under two aliases was mirrored twice, and nothing said so.
test('two flows between the same two clusters name each other', () => {
  const claims = new TargetClaims()
  const east = { flow: 'east->west', alias: 'east', sourceId: 'one', targetId: 'two' }
  const alias = { ...east, flow: 'alias->west', alias: 'alias' }
  assert.equal(claims.twinOf(east), undefined)
  assert.deepEqual(claims.twinOf(alias), east)
  assert.deepEqual(claims.twinOf(east), alias)
  assert.equal(claims.twinOf({ ...alias, flow: 'alias->north', targetId: 'three' }), undefined)
  const unknown = { ...east, flow: 'old->west', sourceId: null }
  assert.equal(claims.twinOf(unknown), undefined)
  assert.equal(claims.twinOf({ ...unknown, flow: 'older->west' }), undefined)
  // Another line says that such a flow copies within one cluster.
  const within = { ...east, flow: 'east->east2', targetId: 'one' }
  assert.equal(claims.twinOf(within), undefined)
  assert.equal(claims.twinOf({ ...within, flow: 'east2->east' }), undefined)
  claims.release('alias->west')
  assert.equal(claims.twinOf(east), undefined)
})

test('a remark about clusters is new once, however often its flow starts', () => {
  const claims = new TargetClaims()
  assert.deepEqual(['one', 'two', 'one'].map(text => claims.isNewRemark(text)), [true, true, false])
})
