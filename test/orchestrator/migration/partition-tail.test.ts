// Where a partition continues whose source has an open transaction: MirrorMaker 2 reads uncommitted
// records by default, the flow does not.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClusterAdmin } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import type { LogReader, LogRecord } from '../../../src/orchestrator/cluster/log-reader.ts'
import {
  findTail, type MigratedPartition, type TailResult
} from '../../../src/orchestrator/migration/partition-tail.ts'
import { ManualClock } from '../time/manual-clock.ts'

type Reader = Pick<LogReader, 'read'>

function logOf (values: readonly string[]): readonly LogRecord[] {
  return values.map((digest, i) => ({ offset: BigInt(i), timestampMs: i, digest }))
}

/** As a broker returns them: no record from `visibleEnd` on. */
function readerOf (log: readonly LogRecord[], visibleEnd: bigint): Reader {
  return {
    read: async ({ end, from }, take) => {
      assert.ok(end <= visibleEnd, `reading to ${end} would wait for records from ${visibleEnd} on`)
      for (const record of log) {
        if (record.offset >= from && record.offset < end && !take(record)) return
      }
    }
  }
}

const source = Array.from({ length: 40 }, (_, i) => `record ${i}`)
/** The first record of the open transaction. */
const stable = 20n

async function tailOf (
  { committed, mirrored }: { readonly committed: bigint, readonly mirrored: readonly string[] }
): Promise<TailResult> {
  const end = BigInt(source.length)
  const partition: MigratedPartition = {
    topic: 'orders',
    remoteTopic: 'east.orders',
    partition: 0,
    committed,
    sourceStart: 0n,
    sourceEnd: stable,
    sourceHighWatermark: end,
    targetStart: 0n,
    targetEnd: BigInt(mirrored.length),
    hasAppendTimes: false
  }
  const target = {
    listOffsets: async () => [{ topic: 'east.orders', partition: 0, offset: 0n, timestamp: 0n }]
  } as unknown as ClusterAdmin
  return await findTail(partition, {
    target,
    ofSource: readerOf(logOf(source), stable),
    ofUncommitted: readerOf(logOf(source), end),
    ofTarget: readerOf(logOf(mirrored), BigInt(mirrored.length)),
    clock: new ManualClock()
  }, new AbortController().signal)
}

describe('on a source with an open transaction, a partition continues', () => {
  // Regression: nothing behind the begin of the transaction was compared, and no doubt was said.
  test('after the last record on the target, wherever MirrorMaker 2 has committed', async () => {
    const mirrored = source.slice(0, 36)
    for (const [committed, found] of [[0n, 36n], [15n, 21n], [20n, 16n], [25n, 11n]] as const) {
      assert.deepEqual(await tailOf({ committed, mirrored }),
        { upstream: 36n, found, doubt: undefined }, `committed ${committed}`)
    }
    assert.deepEqual(await tailOf({ committed: 36n, mirrored }),
      { upstream: 36n, found: 0n, doubt: undefined })
  })

  test('at its begin, if MirrorMaker 2 has read committed records only', async () => {
    assert.deepEqual(await tailOf({ committed: 15n, mirrored: source.slice(0, 20) }),
      { upstream: 20n, found: 5n, doubt: undefined })
  })

  test('at the committed position, if the target lacks a record before it', async () => {
    const mirrored = source.slice(0, 36).filter(value => value !== 'record 22')
    const { doubt, ...place } = await tailOf({ committed: 25n, mirrored })
    assert.deepEqual(place, { upstream: 25n, found: 0n })
    assert.match(doubt ?? '', /does not hold the source record at offset 22/)
  })
})
