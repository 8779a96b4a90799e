// Which flow of a process may write a target topic, and when another one may.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TargetClaims } from '../../../src/orchestrator/flow/target-claims.ts'

test('a target topic is written by the flow that claimed it first, until it releases it', () => {
  const claims = new TargetClaims()
  assert.equal(claims.claim('west-id', 'orders', 'east->west'), undefined)
  assert.equal(claims.claim('west-id', 'orders', 'north->west'), 'east->west')
  assert.equal(claims.claim('other-id', 'orders', 'north->other'), undefined)
  claims.release('east->west')
  assert.equal(claims.claim('west-id', 'orders', 'north->west'), undefined)
})

// Claims of deleted topics were kept for ever: another flow could never mirror to that name.
test('a topic that the flow mirrors no longer may be claimed by another flow', () => {
  const claims = new TargetClaims()
  for (const topic of ['orders', 'audit']) claims.claim('west-id', topic, 'east->west')
  claims.claim('other-id', 'orders', 'east->west')
  claims.retain('west-id', new Set(['audit']), 'east->west')
  assert.equal(claims.claim('west-id', 'orders', 'north->west'), undefined)
  assert.equal(claims.claim('west-id', 'audit', 'north->west'), 'east->west')
  assert.equal(claims.claim('other-id', 'orders', 'north->west'), 'east->west')
})
