// Which of the differences from MirrorMaker 2 are reported to the user of a file.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  differences, type DifferenceName
} from '../../../src/orchestrator/config/differences.ts'
import { metDifferences } from '../../../src/orchestrator/config/met-differences.ts'
import { createConfig } from './create-config.ts'

const quiet = ['data.loss = skip', 'A.consumer.isolation.level = read_committed',
  'sync.topic.configs.enabled = false']

function metBy (lines: readonly string[], leftOut: readonly string[] = []): readonly string[] {
  const { flows } = createConfig([...quiet, ...lines])
  const [flow] = flows
  assert.ok(flow)
  const met = metDifferences(flow, flows, leftOut)
  return (Object.keys(differences) as DifferenceName[])
    .filter(name => met.includes(differences[name]))
}

const identity = 'replication.policy.class = IdentityReplicationPolicy'

test('for a file without differences none are reported', () => {
  assert.deepEqual(metBy([], ['B.orders', 'C.orders', 'x.internal']), [])
})

test('each difference follows from its settings or topics, and from no others', () => {
  assert.deepEqual(metBy(['data.loss = stop']), ['data loss'])
  assert.deepEqual(metBy(['start.positions = clicks@latest']), ['new partitions with latest'])
  assert.deepEqual(metBy(['sync.topic.configs.enabled = true']), ['settings of the target'])
  assert.deepEqual(metBy(['sync.topic.acls.prefixed.enabled = true']), ['ACLs of all topics'])
  assert.deepEqual(metBy(['sync.group.offsets.enabled = true']), ['group offsets'])
  assert.deepEqual(metBy(['sync.group.offsets.enabled = true',
    'sync.group.offsets.interval.seconds = 60']), [])
  assert.deepEqual(metBy([identity, 'same.names.both.ways = true']), ['loop of names'])
  assert.deepEqual(metBy(['emit.offset-syncs.enabled = false']), ['without offset syncs'])
  assert.deepEqual(metBy(['emit.checkpoints.enabled = false']), ['without offset syncs'])
  assert.deepEqual(metBy(['replication.policy.separator =']), ['empty separator'])
  assert.deepEqual(metBy(['replication.policy.separator =', identity]), [])
  assert.deepEqual(metBy([], ['A.orders']), ['alias of the source'])
  assert.deepEqual(metBy(['source.cluster.alias = east'], ['A.x', 'east.orders']),
    ['alias of the source'])
  const another = ['clusters = A, B, C', 'C.bootstrap.servers = c:1', 'C->B.enabled = true']
  assert.deepEqual(metBy([...another, identity]), ['several sources'])
  assert.deepEqual(metBy(another), [])
})

test('aborted transactions are a difference if the file does not set isolation.level', () => {
  const metIn = (lines: readonly string[]): boolean => {
    const { flows } = createConfig(lines)
    const [flow] = flows
    assert.ok(flow)
    return metDifferences(flow, flows, []).includes(differences['aborted transactions'])
  }
  assert.equal(metIn([]), true)
  assert.equal(metIn(['A.consumer.isolation.level = read_committed']), false)
  assert.equal(metIn(['A.consumer.isolation.level = read_uncommitted']), false)
})
