// Which flow writes the heartbeats of which pair of clusters.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ParseOptions } from '../../../src/orchestrator/config/parse-config.ts'
import { createConfig, parseConfigOf, problemsOf, twoClusters } from './create-config.ts'

/** `flow: pair @cluster`, in the order of the flows. */
function heartbeatsOf (lines: readonly string[], options: ParseOptions = {}): readonly string[] {
  return parseConfigOf(lines, options).flows.flatMap(({ name, heartbeats, ...ends }) => heartbeats
    .map(({ side, source, target }) => `${name}: ${source}->${target} @${ends[side].alias}`))
}

const three = [
  'clusters = A, B, C',
  ...['A', 'B', 'C'].map(alias => `${alias}.bootstrap.servers = ${alias}:9092`)
]

// MirrorMaker 2 writes the heartbeats of B->A to A, although that pair is not enabled: without them
// A would have no topic `heartbeats` for A->B to mirror, and B would not know A as an upstream
// cluster.
test('one flow writes for both directions, to either cluster', () => {
  assert.deepEqual(heartbeatsOf(twoClusters), ['A->B: A->B @B', 'A->B: B->A @A'])
})

test('each flow writes for its own pair', () => {
  assert.deepEqual(heartbeatsOf([...twoClusters, 'B->A.enabled = true']),
    ['A->B: A->B @B', 'B->A: B->A @A'])
})

test('a pair without a flow belongs to the first flow into its target, or else out of it', () => {
  assert.deepEqual(heartbeatsOf([...three, 'A->B.enabled = true', 'C->B.enabled = true']), [
    'A->B: A->B @B', 'A->B: B->A @A', 'A->B: C->A @A', 'C->B: A->C @C', 'C->B: B->C @C',
    'C->B: C->B @B'])
})

test('a cluster without a flow receives no heartbeats', () => {
  assert.deepEqual(heartbeatsOf([...three, 'A->B.enabled = true']),
    ['A->B: A->B @B', 'A->B: B->A @A', 'A->B: C->A @A', 'A->B: C->B @B'])
})

// MirrorClient compares them with the prefixes of topics, which are those aliases, too.
test('heartbeats have the aliases that the file sets for the clusters of the pair', () => {
  const pairs = createConfig(['A->B.source.cluster.alias = prod']).flows[0]?.heartbeats
  assert.deepEqual(pairs?.map(({ aliases, source, target }) => [source, target, aliases]), [
    ['A', 'B', { source: 'prod', target: 'B' }], ['B', 'A', { source: 'B', target: 'A' }]])
})

// Like MirrorMaker 2 with --clusters: it runs the pairs into these clusters, and no others.
test('a process for some clusters writes only to these', () => {
  assert.deepEqual(heartbeatsOf(twoClusters, { clusters: ['B'] }), ['A->B: A->B @B'])
})

test('heartbeats are switched off for all pairs, or for one', () => {
  assert.deepEqual(heartbeatsOf([...twoClusters, 'emit.heartbeats.enabled = false']), [])
  assert.deepEqual(heartbeatsOf([...twoClusters, 'B->A.emit.heartbeats.enabled = false']),
    ['A->B: A->B @B'])
  assert.deepEqual(heartbeatsOf(
    [...twoClusters, 'emit.heartbeats.enabled = false', 'B->A.emit.heartbeats.enabled = true']),
  ['A->B: B->A @A'])
})

// MirrorMaker 2 runs no task then. With 0 it writes without a pause.
test('a negative interval switches heartbeats off, and 0 is a second', () => {
  assert.deepEqual(heartbeatsOf([...twoClusters, 'emit.heartbeats.interval.seconds = -1']), [])
  assert.deepEqual(createConfig(['emit.heartbeats.interval.seconds = 0']).flows[0]?.heartbeats
    .map(({ intervalMs }) => intervalMs), [1_000, 1_000])
})

test('a pair has its own interval and replication factor, enabled or not', () => {
  const [flow] = createConfig([
    'emit.heartbeats.interval.seconds = 5', 'B->A.emit.heartbeats.interval.seconds = 7',
    'B->A.heartbeats.topic.replication.factor = 1'
  ]).flows
  assert.deepEqual(flow?.heartbeats.map(({ intervalMs, replicationFactor, side, source }) =>
    [source, side, intervalMs, replicationFactor]),
  [['A', 'target', 5_000, 3], ['B', 'source', 7_000, 1]])
})

test('a wrong value of a pair that is not enabled is refused by its name', () => {
  assert.deepEqual(
    problemsOf([...twoClusters, 'B->A.emit.heartbeats.interval.seconds = soon']).length, 1)
})
