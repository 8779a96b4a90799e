// Positions are written slot by slot: a progress partition that does not answer delays no other,
// and no change is forgotten.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { PartitionTable } from '../../../src/orchestrator/partitions/partition-table.ts'
import {
  ProgressWrites, type KeptPosition
} from '../../../src/orchestrator/partitions/progress-writes.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

const leaderless = new ReplicatorError('PROGRESS_UNWRITABLE', 'slot 1 has no leader')

function createWrites (): {
  readonly writes: ProgressWrites
  readonly clock: ManualClock
  readonly kept: string[]
  readonly errors: ReplicatorError[]
  /** Resolves the write of slot 1, whose progress partition does not answer. */
  readonly pending: Array<{ succeed: () => void, fail: (error: Error) => void }>
  readonly change: (slot: number, upstream: bigint) => void
} {
  const clock = new ManualClock()
  const table = new PartitionTable()
  const kept: string[] = []
  const errors: ReplicatorError[] = []
  const pending: Array<{ succeed: () => void, fail: (error: Error) => void }> = []
  const rows = [0, 1].map(slot => table.add(
    { topic: 'orders', remoteTopic: 'east.orders', partition: slot, slot }))
  for (const row of rows) {
    const progress = { upstream: 0n, downstream: 0n, sequence: 0 }
    table.apply(row, { kind: 'position', progress, lane: 0 }, 0)
  }
  const keep = async (positions: readonly KeptPosition[]): Promise<void> => {
    for (const { partition, progress } of positions) {
      if (partition.slot === 1) {
        await new Promise<void>((resolve, reject) => {
          pending.push({ succeed: resolve, fail: reject })
        })
      }
      kept.push(`${partition.slot}:${progress.upstream}`)
    }
  }
  const change = (slot: number, upstream: bigint): void => {
    const row = rows[slot]
    assert.ok(row)
    // As its lane reports it: id, upstream and downstream offset, sequence, leader epoch.
    table.advance(BigInt64Array.of(BigInt(row.id), upstream, upstream, 0n, -1n))
  }
  const onError = (error: ReplicatorError): void => { errors.push(error) }
  const writes = new ProgressWrites({ table, keep, onError, clock })
  return { writes, clock, kept, errors, pending, change }
}

describe('progress of a slot that does not answer', () => {
  // Regression: the write of all slots waited a minute for the slowest, and was then repeated
  // completely.
  test('delays no other, and is in the next write of the slot', async () => {
    const { change, clock, kept, pending, writes } = createWrites()
    change(0, 1n)
    change(1, 1n)
    const first = writes.write()
    await clock.advance(1_000)
    await first
    assert.deepEqual(kept, ['0:1'])
    const sinceMs = writes.unwrittenMs
    assert.notEqual(sinceMs, undefined)
    change(0, 2n)
    change(1, 2n)
    await clock.advance(60_000)
    await writes.write()
    assert.deepEqual(kept, ['0:1', '0:2'])
    // The write of slot 0 does not make the progress of slot 1 younger.
    assert.equal(writes.unwrittenMs, sinceMs)
    pending[0]?.succeed()
    await settle()
    const last = writes.write()
    await settle()
    pending[1]?.succeed()
    await last
    assert.deepEqual(kept, ['0:1', '0:2', '1:1', '1:2'])
    assert.equal(writes.unwrittenMs, undefined)
  })

  // Regression: /readyz reported the write of an idle flow for ever.
  test('is no longer unwritten once its write has ended, also if nothing follows', async () => {
    const { change, clock, kept, pending, writes } = createWrites()
    change(1, 1n)
    const round = writes.write()
    await clock.advance(1_000)
    await round
    await writes.write()
    assert.notEqual(writes.unwrittenMs, undefined)
    pending[0]?.succeed()
    await settle()
    await writes.write()
    assert.deepEqual(kept, ['1:1'])
    assert.equal(writes.unwrittenMs, undefined)
  })

  test('is written again after a failure, which is reported', async () => {
    const { change, clock, errors, kept, pending, writes } = createWrites()
    change(1, 1n)
    const late = writes.write()
    await clock.advance(1_000)
    await late
    pending[0]?.fail(leaderless)
    await settle()
    assert.deepEqual(errors, [leaderless])
    const atOnce = writes.write()
    pending[1]?.fail(leaderless)
    await assert.rejects(atOnce, leaderless)
    const again = writes.write()
    pending[2]?.succeed()
    await again
    assert.deepEqual(kept, ['1:1'])
  })

  test('is waited for at the end, until the deadline', async () => {
    const { change, clock, errors, kept, pending, writes } = createWrites()
    change(1, 1n)
    const round = writes.write()
    await clock.advance(1_000)
    await round
    change(1, 2n)
    const mend = async (): Promise<void> => {}
    const last = writes.writeLast([1], mend)
    pending[0]?.succeed()
    await settle()
    pending[1]?.succeed()
    await last
    assert.deepEqual(kept, ['1:1', '1:2'])
    change(1, 3n)
    const given = writes.writeLast([1], mend)
    await clock.advance(5_000)
    await given
    assert.equal(kept.length, 2)
    // Regression: nothing reported it before the end, and a line followed the one of the stop.
    assert.deepEqual(errors.map(({ errorName }) => errorName), ['PROGRESS_UNWRITABLE'])
    assert.match(errors[0]?.message ?? '', /last progress of 1 slot is not acknowledged after 5 s/)
  })
})
