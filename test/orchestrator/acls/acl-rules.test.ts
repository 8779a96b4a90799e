// Which ACLs remote topics have, and which of them are created and deleted.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  aclChanges, aclKey, remoteAcls
} from '../../../src/orchestrator/acls/acl-rules.ts'
import type { TopicAcl } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { createFlow } from '../config/create-config.ts'
import { createAcl } from './create-acl.ts'

const identity = 'replication.policy.class = IdentityReplicationPolicy'

function remoteOf (
  acl: Partial<TopicAcl>, copiesPrefixed = false, lines: readonly string[] = []
): readonly TopicAcl[] {
  const { topics: selection } = createFlow(lines)
  return remoteAcls([createAcl(acl)], { selection, topics: ['orders', 'shop.a'], copiesPrefixed })
}

const onOrders = (changes: Partial<TopicAcl>): readonly TopicAcl[] =>
  [createAcl({ name: 'A.orders', ...changes })]

describe('an ACL of a mirrored topic', () => {
  for (const [what, source, remote] of [
    ['READ is copied', { operation: 'READ' }, onOrders({ operation: 'READ' })],
    ['WRITE is not copied', { operation: 'WRITE' }, []],
    ['ALL becomes READ', { operation: 'ALL' }, onOrders({ operation: 'READ' })],
    ['a denied operation stays denied', { operation: 'ALL', permission: 'DENY' },
      onOrders({ operation: 'ALL', permission: 'DENY' })],
    ['a denied WRITE is copied', { operation: 'WRITE', permission: 'DENY' },
      onOrders({ operation: 'WRITE', permission: 'DENY' })],
    ['host and principal are kept', { host: '10.0.0.1', principal: 'User:CN=b' },
      onOrders({ host: '10.0.0.1', principal: 'User:CN=b' })],
    ['an ACL of a topic that does not exist yet is copied, too', { name: 'later' },
      onOrders({ name: 'A.later' })]
  ] as ReadonlyArray<[string, Partial<TopicAcl>, readonly TopicAcl[]]>) {
    test(what, () => { assert.deepEqual(remoteOf(source), remote) })
  }

  test('is equal for two ACLs of the source that become one', () => {
    const { topics: selection } = createFlow()
    const wanted = remoteAcls([createAcl(), createAcl({ operation: 'ALL' })],
      { selection, topics: [], copiesPrefixed: false })
    assert.deepEqual(wanted, onOrders({}))
  })

  test('has the name that the policy forms', () => {
    assert.deepEqual(remoteOf({}, false, [identity]), [createAcl()])
    assert.deepEqual(remoteOf({}, false, ['replication.policy.separator = _']),
      [createAcl({ name: 'A_orders' })])
  })
})

describe('no ACL is copied', () => {
  for (const [what, acl, lines] of [
    ['of an excluded topic', {}, ['topics.exclude = orders']],
    ['of a topic that is not matched', {}, ['topics = bills']],
    ['of an internal topic', { name: '__consumer_offsets' }, []],
    ['of a topic that came from the target', { name: 'B.orders' }, []],
    ['of a topic whose remote name would be too long', { name: 'x'.repeat(249) }, []],
    ['of a prefix, by default', { name: 'ord', pattern: 'PREFIXED' }, []],
    ['of all topics, by default', { name: '*' }, []],
    ['of a kind of pattern that is not known', { pattern: 'UNKNOWN' }, []]
  ] as ReadonlyArray<[string, Partial<TopicAcl>, readonly string[]]>) {
    test(what, () => { assert.deepEqual(remoteOf(acl, false, lines), []) })
  }
})

describe('with prefixed patterns', () => {
  test('a prefix of a mirrored topic becomes one of the remote topic', () => {
    assert.deepEqual(remoteOf({ name: 'shop.', pattern: 'PREFIXED', operation: 'ALL' }, true),
      [createAcl({ name: 'A.shop.', pattern: 'PREFIXED' })])
    assert.deepEqual(remoteOf({ name: 'stock.', pattern: 'PREFIXED' }, true), [])
  })

  // `*` on the target would match all topics of the target.
  test('* becomes the prefix of all remote topics, and nothing where they have none', () => {
    assert.deepEqual(remoteOf({ name: '*' }, true),
      [createAcl({ name: 'A.', pattern: 'PREFIXED' })])
    assert.deepEqual(remoteOf({ name: '*' }, true, [identity]), [])
  })
})

describe('for all ACLs of the source, the target and earlier runs', () => {
  const acl = fc.record({
    name: fc.constantFrom('a', 'b'),
    pattern: fc.constantFrom('LITERAL' as const, 'PREFIXED' as const),
    principal: fc.constantFrom('User:alice', 'User:bob'),
    host: fc.constant('*'),
    operation: fc.constantFrom('READ', 'WRITE', 'DESCRIBE', 'ALL'),
    permission: fc.constantFrom('ALLOW' as const, 'DENY' as const)
  })
  const acls = fc.uniqueArray(acl, { selector: aclKey, maxLength: 12 })
  const keysOf = (list: readonly TopicAcl[]): Set<string> => new Set(list.map(aclKey))

  test('the target has the wanted ACLs, and keeps its own ones', () => {
    fc.assert(fc.property(acls, acls, acls, (wanted, onTarget, previous) => {
      const changes = aclChanges(wanted, onTarget, previous)
      const deleted = keysOf(changes.delete)
      const end = [...onTarget.filter(each => !deleted.has(aclKey(each))), ...changes.create]
      assert.equal(keysOf(end).size, end.length, 'nothing is created that exists')
      const ends = keysOf(end)
      for (const each of wanted) assert.ok(ends.has(aclKey(each)))
      const known = new Set([...keysOf(wanted), ...keysOf(previous)])
      for (const each of onTarget) {
        if (!known.has(aclKey(each))) assert.ok(ends.has(aclKey(each)))
      }
      assert.deepEqual(aclChanges(wanted, end, wanted), { create: [], delete: [] })
    }))
  })

  test('no principal is allowed WRITE or ALL', () => {
    const { topics: selection } = createFlow()
    fc.assert(fc.property(acls, fc.boolean(), (source, copiesPrefixed) => {
      const remote = remoteAcls(source, { selection, topics: ['a', 'b'], copiesPrefixed })
      assert.ok(remote.every(({ operation, permission }) =>
        permission === 'DENY' || !['WRITE', 'ALL'].includes(operation)))
    }))
  })
})
