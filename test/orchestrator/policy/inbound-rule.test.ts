// Which records of inbound flows a flow leaves out, and which flows close a ring.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isLeftOut, carriedBy, ringIn, type Inbound, type InboundOf
} from '../../../src/orchestrator/policy/inbound-rule.ts'

const from = (source: string, ...carried: readonly string[]): Inbound =>
  ({ source, carried: new Set([source, ...carried]) })

const flow = (inbound: readonly Inbound[], writers: readonly string[] = ['X']): InboundOf =>
  ({ source: 'X', target: 'Y', inbound, writers: new Set(writers) })

test('records that came from the target are left out, and are no ring', () => {
  const both = flow([from('Y')])
  assert.ok(isLeftOut(from('Y'), both))
  assert.deepEqual([...carriedBy(both)], ['X'])
  assert.equal(ringIn(both), undefined)
})

test('flows that the target also receives directly are left out, whatever they carry', () => {
  const mesh = flow([from('Z', 'Y')], ['X', 'Z'])
  assert.ok(isLeftOut(from('Z'), mesh))
  assert.deepEqual([...carriedBy(mesh)], ['X'])
  assert.equal(ringIn(mesh), undefined)
})

test('all other flows are forwarded, with the clusters that they carry', () => {
  const chain = flow([from('Z', 'W')])
  assert.ok(!isLeftOut(from('Z'), chain))
  assert.deepEqual([...carriedBy(chain)].sort(), ['W', 'X', 'Z'])
  assert.equal(ringIn(chain), undefined)
})

test('a flow that carries records of the target over more than one hop closes a ring', () => {
  assert.equal(ringIn(flow([from('Y'), from('Z', 'Y')]))?.source, 'Z')
})
