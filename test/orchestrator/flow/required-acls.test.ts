// The permissions that a file needs; docs/security.md lists the same rows.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  permissionRows, requiredAcls, type RequiredAcl
} from '../../../src/orchestrator/flow/required-acls.ts'
import { repoRoot } from '../../kafka/repo-root.ts'
import { createConfig } from '../config/create-config.ts'

const withHeartbeats = (...lines: string[]): readonly RequiredAcl[] =>
  requiredAcls(createConfig(lines).flows)
const aclsOf = (...lines: string[]): readonly RequiredAcl[] => withHeartbeats(
  'emit.heartbeats.enabled = false', 'heartbeats.replication.enabled = false',
  'emit.checkpoints.enabled = false', 'emit.offset-syncs.enabled = false', ...lines)
const topicsOf = (acls: readonly RequiredAcl[], cluster: string): string[] => acls
  .filter(acl => acl.cluster === cluster && acl.resource === 'topic')
  .map(({ name, type }) => `${type} ${name}`)

test('a topic becomes a name, an expression its fixed beginning, and all topics *', () => {
  const acls = aclsOf('A->B.topics = orders, pay\\\\.eu, shop\\\\..*, shop.a, carts?, x|y.z')
  assert.deepEqual(topicsOf(acls, 'A'), ['literal *'])
  const some = aclsOf('A->B.topics = orders, pay\\\\.eu, shop\\\\..*, shop.a, carts?, [ab]c')
  assert.deepEqual(topicsOf(some, 'A'), ['literal *'])
  const few = aclsOf('A->B.topics = orders, pay\\\\.eu, shop\\\\..*, shop.a, carts?')
  assert.deepEqual(topicsOf(few, 'A'),
    ['literal orders', 'literal pay.eu', 'prefixed shop.', 'prefixed cart'])
  assert.deepEqual(topicsOf(few, 'B'), ['literal A.orders', 'literal A.pay.eu',
    'prefixed A.shop.', 'prefixed A.cart', 'literal longhaul-progress.A.internal'])
})

test('all topics become the remote topics of the source, or *', () => {
  assert.deepEqual(topicsOf(aclsOf(), 'B'),
    ['prefixed A.', 'literal longhaul-progress.A.internal'])
  assert.deepEqual(topicsOf(aclsOf('replication.policy.class = IdentityReplicationPolicy'), 'B'),
    ['literal *', 'literal longhaul-progress.A.internal'])
})

// Progress topics look absent to a principal that may not describe them: records of an inbound flow
// would return.
test('under the same names the progress topics of inbound flows are read', () => {
  const acls = aclsOf('A->B.topics = orders',
    'replication.policy.class = IdentityReplicationPolicy', 'same.names.both.ways = true')
  for (const cluster of ['A', 'B']) {
    const [acl] = acls.filter(each => each.cluster === cluster &&
      each.name === 'longhaul-progress.')
    assert.deepEqual([acl?.type, acl?.operations], ['prefixed', ['Read']], cluster)
  }
  assert.ok(!aclsOf('A->B.topics = orders').some(({ name }) => name === 'longhaul-progress.'))
})

test('topics that topic.rename names become those names, or their fixed beginnings', () => {
  const acls = aclsOf('A->B.topics = orders, shop\\\\..*, logs',
    'topic.rename = orders@sales, shop\\\\.(.*)@web-$1')
  assert.deepEqual(topicsOf(acls, 'B'), ['literal sales', 'prefixed A.shop.', 'literal A.logs',
    'prefixed web-', 'literal longhaul-progress.A.internal'])
  assert.deepEqual(topicsOf(aclsOf('A->B.topics = orders', 'topic.rename = .*@$0-eu'), 'B'),
    ['literal *', 'literal longhaul-progress.A.internal'])
})

test('the principal is the user of the login, and the group that of the flow', () => {
  const acls = aclsOf('B.security.protocol = SASL_PLAINTEXT', 'B.sasl.mechanism = PLAIN',
    'B.sasl.username = me', 'B.sasl.password = secret')
  assert.deepEqual(new Set(acls.map(({ cluster, principal }) => `${cluster} ${principal}`)),
    new Set(['A User:PRINCIPAL', 'B User:me']))
  assert.deepEqual(acls.filter(({ resource }) => resource === 'group')
    .map(({ name, operations, type }) => [type, name, ...operations]),
  [['literal', 'longhaul.A->B', 'Read']])
})

test('the principal of Kerberos is shortened as by brokers', () => {
  const acls = aclsOf('B.security.protocol = SASL_PLAINTEXT', 'B.sasl.mechanism = GSSAPI',
    'B.sasl.jaas.config = com.sun.security.auth.module.Krb5LoginModule required ' +
      'keyTab="/k" principal="mirror/host.example@EXAMPLE";')
  assert.deepEqual(new Set(acls.map(({ cluster, principal }) => `${cluster} ${principal}`)),
    new Set(['A User:PRINCIPAL', 'B User:mirror']))
})

test('group offset sync needs Describe on the source and Read on the target', () => {
  const groupsOf = (...lines: string[]): readonly string[] => aclsOf(...lines)
    .filter(({ name, resource }) => resource === 'group' && !name.startsWith('longhaul.'))
    .map(({ cluster, name, operations, type }) => [cluster, type, name, ...operations].join(' '))
  assert.deepEqual(groupsOf(), [])
  assert.deepEqual(groupsOf('sync.group.offsets.enabled = true'),
    ['A literal * Describe', 'B literal * Read'])
  assert.deepEqual(groupsOf('A->B.emit.checkpoints.enabled = true'), ['A literal * Describe'])
  assert.deepEqual(groupsOf('sync.group.offsets.enabled = true', 'groups = billing, app-.*'), [
    'A literal billing Describe', 'A prefixed app- Describe', 'B literal billing Read',
    'B prefixed app- Read'
  ])
})

// A reader of the source has the group of the flow, which it never joins: with `groups` that do not
// match that name, a broker refused it.
test('what reads the source once more may find the coordinator of its group', () => {
  const ofFlow = (...lines: string[]): readonly string[] => aclsOf(...lines)
    .filter(({ cluster, name }) => cluster === 'A' && name === 'longhaul.A->B')
    .map(({ operations, type }) => [type, ...operations].join(' '))
  assert.deepEqual(ofFlow(), [])
  for (const setting of ['sync.group.offsets.enabled', 'emit.checkpoints.enabled']) {
    assert.deepEqual(ofFlow(`A->B.${setting} = true`), ['literal Describe'], setting)
  }
  assert.deepEqual(ofFlow('replication.policy.class = IdentityReplicationPolicy',
    'same.names.both.ways = true'), ['literal Describe'])
})

test('offset syncs are written to the cluster that has their topic', () => {
  const syncsOf = (...lines: string[]): readonly string[] =>
    aclsOf('A->B.emit.offset-syncs.enabled = true', ...lines)
      .filter(({ name }) => name.includes('offset-syncs'))
      .map(({ cluster, name, operations }) => [cluster, name, ...operations].join(' '))
  assert.deepEqual(syncsOf(), ['A mm2-offset-syncs.B.internal Create Write'])
  assert.deepEqual(syncsOf('offset-syncs.topic.location = target'),
    ['B mm2-offset-syncs.A.internal Create Write'])
})

test('a permission that two flows need on one cluster is printed once', () => {
  const acls = aclsOf('B->A.enabled = true', 'topics = orders')
  const onA = acls.filter(({ cluster, name }) => cluster === 'A' && name === 'orders')
  assert.deepEqual(onA.map(({ operations }) => operations), [['Read', 'DescribeConfigs']])
})

test('heartbeats are written to both clusters, and mirrored regardless of topics', () => {
  const acls = withHeartbeats('A->B.topics = orders')
  assert.deepEqual(topicsOf(acls, 'A'),
    ['literal orders', 'literal heartbeats', 'literal mm2-offset-syncs.B.internal'])
  assert.deepEqual(topicsOf(acls, 'B'), ['literal A.orders', 'literal A.heartbeats',
    'literal longhaul-progress.A.internal', 'literal heartbeats',
    'literal A.checkpoints.internal'])
  const operationsOf = (cluster: string): unknown => acls.find(acl =>
    acl.cluster === cluster && acl.name === 'heartbeats')?.operations
  assert.deepEqual(operationsOf('A'), ['Read', 'DescribeConfigs', 'Create', 'Write'])
  assert.deepEqual(operationsOf('B'), ['Create', 'Write'])
  const quiet = withHeartbeats('A->B.topics = orders', 'B->A.emit.heartbeats.enabled = false')
  assert.deepEqual(quiet.find(({ name }) => name === 'heartbeats')?.operations,
    ['Read', 'DescribeConfigs'])
})

test('a canary is written and read on the source, and read on the target', () => {
  const acls = aclsOf('A->B.topics = orders', 'canary.enabled = true')
  const ofCanary = acls.filter(({ name }) => name.includes('canary'))
    .map(({ cluster, name, operations }) => [cluster, name, operations.includes('Read')])
  assert.deepEqual(ofCanary, [
    ['A', 'longhaul-canary.B.internal', true], ['B', 'A.longhaul-canary.B.internal', true]
  ])
  const [onSource] = acls.filter(({ name }) => name === 'longhaul-canary.B.internal')
  assert.deepEqual([...onSource?.operations ?? []].sort(),
    ['Create', 'DescribeConfigs', 'Read', 'Write'])
  assert.ok(acls.some(({ cluster, resource }) => cluster === 'A' && resource === 'group'))
  assert.ok(!aclsOf('A->B.topics = orders').some(({ name }) => name.includes('canary')))
})

test('docs/security.md lists the permissions of the table', () => {
  const page = readFileSync(join(repoRoot(), 'docs/security.md'), 'utf8')
  const listed = [...page.matchAll(/^\| (source|target) \| (.+?) \| ([\w, *]+) \|/gm)]
    .flatMap(([, side, resource = '', operations = '']) =>
      operations.replaceAll('*', '').split(', ').map(operation =>
        `${side} ${kindOf(resource)} ${operation}`))
  const rows = permissionRows.map(({ operation, resource, side }) =>
    `${side} ${resource} ${operation}`)
  assert.deepEqual(listed.toSorted(), rows.toSorted())
})

function kindOf (resource: string): string {
  if (resource.includes('checkpoints')) return 'checkpoints topic'
  if (resource === 'the consumer groups') return 'consumer groups'
  if (resource.startsWith('group')) return 'group'
  if (resource.includes('mm2-offset-syncs')) return 'offset syncs topic'
  if (resource.includes('longhaul-canary')) return 'canary topic'
  if (resource.includes('heartbeats')) return 'heartbeats topic'
  if (resource.startsWith('the cluster')) return 'cluster'
  if (resource.startsWith('topics `longhaul-progress')) return 'inbound progress topics'
  if (resource.includes('longhaul-progress')) return 'progress topic'
  return resource.startsWith('the remote') ? 'remote topics' : 'source topics'
}
