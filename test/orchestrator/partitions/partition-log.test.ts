// What the log says of a partition that is faulted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import { PartitionLog } from '../../../src/orchestrator/partitions/partition-log.ts'
import type { AppliedMove } from '../../../src/orchestrator/partitions/partition-moves.ts'
import type { PartitionEvent } from '../../../src/orchestrator/partitions/partition-state.ts'
import { recordingLog } from '../observability/recording-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

// The answer to a refused timestamp names the bounds as of now: each retry was a new line.
test('a fault whose text differs in numbers alone is said once, until it is gone', () => {
  const lines: string[] = []
  const log = recordingLog(lines)
  const problems = new FlowProblems(
    { log, clock: new ManualClock(), source: 'east', target: 'west' })
  const partitionLog = new PartitionLog(log, problems)
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
