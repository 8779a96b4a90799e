// What the log reports of partitions: starts, faults and skips.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import type { Begun } from '../../../src/orchestrator/partitions/partition-beginnings.ts'
import { PartitionLog } from '../../../src/orchestrator/partitions/partition-log.ts'
import type { AppliedMove } from '../../../src/orchestrator/partitions/partition-moves.ts'
import type { PartitionEvent } from '../../../src/orchestrator/partitions/partition-state.ts'
import { recordingLog } from '../observability/recording-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

function createLog (): { readonly partitionLog: PartitionLog, readonly lines: string[] } {
  const lines: string[] = []
  const log = recordingLog(lines)
  const problems = new FlowProblems(
    { log, clock: new ManualClock(), source: 'east', target: 'west' })
  return { partitionLog: new PartitionLog(log, problems), lines }
}

// Regression: slots begin one by one: a flow of 25 slots logged 25 times which records it leaves
// out.
test('partitions that begin one after another after the start of their logs are one line', () => {
  const { lines, partitionLog } = createLog()
  for (let id = 0; id < 5; id++) {
    const partition = { id, topic: 'orders', partition: id }
    const begun = [{ partition, passedOver: 2n, isBornLater: false }]
    partitionLog.onBegun(begun as unknown as readonly Begun[])
    partitionLog.logBegun()
  }
  assert.deepEqual(lines, [], 'more may come')
  partitionLog.logBegun()
  assert.deepEqual(lines, ['info: the start position leaves out 10 records of the source: ' +
    'orders-0, orders-1, orders-2 and 2 more'])
  partitionLog.logBegun(true)
  assert.equal(lines.length, 1)
})

test('a skip of an unknown number of records is not a skip of 0 records', () => {
  const { lines, partitionLog } = createLog()
  const progress = { upstream: 7n, downstream: 9n, sequence: 9 }
  const partition = { id: 1, topic: 'orders', partition: 0, state: 'assigned', progress }
  const skip = { reason: 'topic_recreated', records: 0n, why: 'source topic orders was recreated' }
  const event = { kind: 'resume', progress, skip }
  const before = { state: 'deciding', progress }
  partitionLog.onMoved({ partition, before, event, atMs: 0 } as unknown as AppliedMove)
  assert.deepEqual(lines, ['warn: orders-0: continues at source offset 7: source topic orders ' +
    'was recreated'])
})

// Regression: the answer to a refused timestamp contains the present bounds: each retry was a new
// line.
test('a fault whose text differs only in numbers is reported once, until it ends', () => {
  const { lines, partitionLog } = createLog()
  const moved = (event: PartitionEvent): void => {
    const partition = { id: 1, topic: 'orders', partition: 0, state: 'faulted' }
    const before = { state: 'deciding' }
    partitionLog.onMoved({ partition, before, event, atMs: 0 } as unknown as AppliedMove)
  }
  const refuse = (now: number): void => {
    moved({
      kind: 'keepFaulted',
      error: new ReplicatorError('RECORD_REFUSED', `within [${now}, ${now + 3600}]`)
    })
  }
  const faults = (): number => lines.filter(line => line.includes('is faulted:')).length
  refuse(1000)
  refuse(2000)
  assert.equal(faults(), 1)
  moved({ kind: 'sound' })
  refuse(3000)
  assert.equal(faults(), 2)
})
