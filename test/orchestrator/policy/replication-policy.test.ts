// The results of MirrorMaker 2's two policies, from its tests and sources.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createReplicationPolicy } from '../../../src/orchestrator/policy/replication-policy.ts'

const byAlias = createReplicationPolicy({ policy: 'DefaultReplicationPolicy', sourceAlias: 'A' })
const identity = createReplicationPolicy({ policy: 'IdentityReplicationPolicy', sourceAlias: 'A' })
const underscored = createReplicationPolicy({
  policy: 'DefaultReplicationPolicy', sourceAlias: 'A', separator: '__'
})

const topicName = fc.string({ unit: fc.constantFrom(...'abAB._-'), minLength: 1, maxLength: 12 })

test('the default policy puts alias and separator before the name', () => {
  assert.equal(byAlias.remoteTopic('orders'), 'A.orders')
  assert.equal(underscored.remoteTopic('orders'), 'A__orders')
})

test('a remote name leads back to its source and its upstream name', () => {
  fc.assert(fc.property(topicName.filter(name => /[^.]/.test(name)), name => {
    const remote = byAlias.remoteTopic(name)
    assert.equal(byAlias.topicSource(remote), 'A')
    assert.equal(byAlias.upstreamTopic(remote), name)
  }))
})

test("a name's source is the text before the first separator", () => {
  assert.equal(byAlias.topicSource('orders'), undefined)
  assert.equal(byAlias.topicSource('B.A.orders'), 'B')
  // Like Java's split: trailing empty parts are ignored, a leading one counts.
  assert.equal(byAlias.topicSource('orders.'), undefined)
  assert.equal(byAlias.topicSource('.orders'), '')
  assert.equal(byAlias.upstreamTopic('orders'), undefined)
  assert.equal(byAlias.originalTopic('C.B.orders'), 'orders')
})

test('the identity policy keeps names, except for heartbeats', () => {
  assert.equal(identity.remoteTopic('orders'), 'orders')
  assert.equal(identity.remoteTopic('heartbeats'), 'A.heartbeats')
  assert.equal(identity.topicSource('orders'), 'A')
  assert.equal(identity.topicSource('heartbeats'), undefined)
  assert.equal(identity.upstreamTopic('orders'), 'orders')
  assert.equal(identity.upstreamTopic('B.heartbeats'), 'heartbeats')
})

test('heartbeats topics are recognized after any number of aliases', () => {
  for (const policy of [byAlias, identity]) {
    assert.equal(policy.isHeartbeatsTopic('heartbeats'), true)
    assert.equal(policy.isHeartbeatsTopic('C.B.heartbeats'), true)
    assert.equal(policy.isHeartbeatsTopic('my-heartbeats'), false)
  }
})

test('internal topics are never mirrored', () => {
  const internal = [
    '__consumer_offsets', '.hidden',
    'mm2-offset-syncs.B.internal', 'B.checkpoints.internal',
    'longhaul-progress.A.internal'
  ]
  for (const topic of internal) assert.equal(byAlias.isInternalTopic(topic), true, topic)
  for (const topic of ['orders', '_schemas', 'internal', 'connect.internal', 'connect-internal']) {
    assert.equal(byAlias.isInternalTopic(topic), false, topic)
  }
})

// Regression: the suffix lacked the separator before it, and an ordinary topic was never mirrored.
test('a topic whose name ends like that of a checkpoints topic is mirrored', () => {
  const parted = createReplicationPolicy({
    policy: 'DefaultReplicationPolicy', sourceAlias: 'A', separator: '_'
  })
  assert.equal(parted.isInternalTopic('B_checkpoints_internal'), true)
  assert.equal(parted.isInternalTopic('mycheckpoints_internal'), false)
})

test('the separator also ends the names of internal topics, unless a setting forbids it', () => {
  assert.equal(underscored.isInternalTopic('mm2-offset-syncs__B__internal'), true)
  assert.equal(underscored.isInternalTopic('B__checkpoints__internal'), true)
  assert.equal(underscored.checkpointsTopic, 'A__checkpoints__internal')
  assert.equal(underscored.offsetSyncsTopic('B'), 'mm2-offset-syncs__B__internal')
  const dotted = createReplicationPolicy({
    policy: 'DefaultReplicationPolicy', sourceAlias: 'A', separator: '__',
    internalTopicSeparator: false
  })
  assert.equal(dotted.isInternalTopic('mm2-offset-syncs__B__internal'), false)
  assert.equal(dotted.isInternalTopic('mm2-offset-syncs.B.internal'), true)
  assert.equal(dotted.checkpointsTopic, 'A.checkpoints.internal')
  assert.equal(dotted.offsetSyncsTopic('B'), 'mm2-offset-syncs.B.internal')
})

test('an empty separator, as in files for MirrorMaker 2 before 3.0, leads to no source', () => {
  const bare = createReplicationPolicy({
    policy: 'IdentityReplicationPolicy', sourceAlias: 'A', separator: ''
  })
  assert.equal(bare.remoteTopic('orders'), 'orders')
  assert.equal(bare.remoteTopic('heartbeats'), 'Aheartbeats')
  assert.equal(bare.topicSource('heartbeats'), undefined)
  assert.equal(bare.isHeartbeatsTopic('heartbeats'), true)
})

test('every search over a name ends', () => {
  fc.assert(fc.property(topicName, name => {
    for (const policy of [byAlias, identity, underscored]) {
      policy.originalTopic(name)
    }
  }))
})
