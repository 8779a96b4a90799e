// The exit code of `longhaul status`, and what the commands say of a topic that no flow mirrors.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exitCodes } from '../../../src/orchestrator/cli/exit-codes.ts'
import { notMirroredText } from '../../../src/orchestrator/cli/named-topic.ts'
import {
  behindText, statusExit, type PartitionStatus
} from '../../../src/orchestrator/cli/status.ts'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'

type Flow = Parameters<typeof statusExit>[0][number]

const sound: PartitionStatus = {
  topic: 'orders', partition: 0, upstream: 1n, downstream: 1n, end: 1n,
  newStart: undefined, paused: undefined, problem: undefined
}
const stopped: PartitionStatus = { ...sound, problem: 'orders-0: TOPIC_RECREATED' }

function flowOf (
  partitions: readonly PartitionStatus[], more: Partial<Flow> = {}
): Flow {
  return { partitions, processes: 1, error: undefined, ...more }
}

describe('status ends', () => {
  test('with 0 if every flow has a process and no partition has a problem', () => {
    assert.equal(statusExit([flowOf([sound]), flowOf([sound])], true), exitCodes.ok)
  })

  // Regression: it ended with 0 below a table that showed a partition that cannot continue.
  test('with 10 if a partition cannot continue', () => {
    assert.equal(statusExit([flowOf([sound]), flowOf([sound, stopped])], true),
      exitCodes.unhealthy)
  })

  test('with 1 if no flow mirrors the topic of the command line', () => {
    assert.equal(statusExit([flowOf([])], false), exitCodes.failed)
  })

  test('with the code of the error if a flow cannot be read', () => {
    const error = new ReplicatorError('CLUSTER_UNREACHABLE', 'cluster west')
    assert.equal(statusExit([flowOf([stopped]), flowOf([], { error })], false),
      exitCodes.notStarted)
  })
})

// Regression: 0 stood beside a topic that could not be created, while its source had 600 records.
test('the records behind of a topic that has not begun are not known', () => {
  const notBegun: PartitionStatus = { ...sound, upstream: undefined, downstream: undefined }
  assert.equal(behindText([notBegun]), '-')
  assert.equal(behindText([notBegun, { ...sound, end: 8n }]), '7')
})

test('a topic that no flow mirrors is named with the reason, and its name on the source', () => {
  const flow = createFlow()
  assert.equal(notMirroredText('nosuch', flow), 'A->B does not mirror nosuch: not matched')
  assert.equal(notMirroredText('A.orders', flow),
    'A->B does not mirror A.orders: not matched (on the source it would be orders)')
  assert.equal(notMirroredText('orders', flow),
    'A->B does not mirror orders: no partition of it was found on A')
})

function createFlow (): FlowConfig {
  const parsed = parseConfig([
    'clusters = A, B', 'A.bootstrap.servers = 127.0.0.1:1', 'B.bootstrap.servers = 127.0.0.1:2',
    'A->B.enabled = true', 'A->B.topics = orders'
  ].join('\n'))
  assert.ok(parsed.ok)
  const [flow] = parsed.config.flows
  assert.ok(flow !== undefined)
  return flow
}
