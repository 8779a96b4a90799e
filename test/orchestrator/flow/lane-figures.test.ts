// Lanes answer with the rows that have changed; the figures of all partitions must be as if lanes
// had answered with all rows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  laneCounters, partitionCounters, partitionStates
} from '../../../src/dataplane/contract/contract-table.ts'
import type { NativeStats } from '../../../src/dataplane/index.ts'
import { LaneFigures } from '../../../src/orchestrator/flow/lane-figures.ts'
import type { LanePool } from '../../../src/orchestrator/lanes/lane-pool.ts'

type Row = Partial<Record<keyof typeof partitionCounters, number>>

function statsOf (
  rows: readonly Row[], isWhole: boolean, quietAnswers: readonly number[]
): NativeStats {
  return {
    lane: BigInt64Array.from(Object.keys(laneCounters), () => 0n),
    brokers: new BigInt64Array(),
    isWhole,
    quietAnswers: BigInt64Array.from(quietAnswers.map(BigInt)),
    partitions: BigInt64Array.from(rows.flatMap(row => Object.keys(partitionCounters).map(
      column => BigInt(row[column as keyof Row] ?? 0)))),
    latency: new BigInt64Array(),
    latencySumMs: 0n,
    errors: new BigInt64Array()
  }
}

interface FakeLane {
  rows: readonly Row[] | undefined
  quietAnswers: readonly number[]
  incarnation: number
}

/** One lane, which answers with `rows`, or does not answer if these are undefined. */
function createFigures (): {
  readonly figures: LaneFigures
  readonly lane: FakeLane
  readonly asked: boolean[]
  readonly records: () => ReadonlyArray<readonly [number, bigint]>
} {
  const lane: FakeLane = { rows: [], quietAnswers: [], incarnation: 1 }
  const asked: boolean[] = []
  const figures = new LaneFigures({
    size: 1,
    stats: async (_: number, isWhole: boolean) => {
      asked.push(isWhole)
      return lane.rows === undefined ? undefined : statsOf(lane.rows, isWhole, lane.quietAnswers)
    },
    stateOf: () => ({ state: 'running', incarnation: lane.incarnation })
  } as unknown as LanePool)
  const records = (): ReadonlyArray<readonly [number, bigint]> => figures.values()
    .flatMap(({ rows }) => [...rows].map(([id, row]) => [id, row.records] as const))
  return { figures, lane, asked, records }
}

test('a partition without a new row keeps its last one', async () => {
  const { asked, figures, lane, records } = createFigures()
  lane.rows = [{ id: 1, records: 10 }, { id: 2, records: 20 }]
  await figures.collect()
  lane.rows = [{ id: 2, records: 25 }]
  assert.deepEqual((await figures.collect()).map(({ row }) => row.id), [2n])
  assert.deepEqual(records(), [[1, 10n], [2, 25n]])
  assert.deepEqual(asked, [true, false], 'only the first question is for all')
})

// An answer that came too late is lost, with rows that the lane will not report again.
test('after a missing answer the lane is asked for all rows', async () => {
  const { asked, figures, lane, records } = createFigures()
  lane.rows = [{ id: 1, records: 10 }, { id: 2, records: 20 }]
  await figures.collect()
  lane.rows = undefined
  await figures.collect()
  assert.deepEqual(records(), [[1, 10n], [2, 20n]])
  lane.rows = [{ id: 1, records: 11 }]
  await figures.collect()
  assert.deepEqual(asked, [true, false, true])
  assert.deepEqual(records(), [[1, 11n]])
})

test('a released partition is in one more answer, and then removed', async () => {
  const { figures, lane, records } = createFigures()
  lane.rows = [{ id: 1, records: 10 }]
  await figures.collect()
  lane.rows = [{ id: 1, records: 12, state: partitionStates.indexOf('stopped') }]
  await figures.collect()
  assert.deepEqual(records(), [[1, 12n]])
  lane.rows = []
  await figures.collect()
  assert.deepEqual(records(), [])
})

// Regression: a partition left a lane and returned: its new row was deleted with the final one.
test('a partition that returned to its lane has its new row', async () => {
  const { figures, lane, records } = createFigures()
  lane.rows = [{ id: 1, records: 10 }]
  await figures.collect()
  lane.rows = [{ id: 1, records: 12, state: partitionStates.indexOf('stopped') },
    { id: 1, records: 1 }]
  await figures.collect()
  lane.rows = []
  await figures.collect()
  assert.deepEqual(records(), [[1, 13n]])
})

// Regression: after a retry the lane counted from 0 again. Where the new counts had overtaken the
// old ones before the next look, the difference alone was added: 3 records with 5 on the target.
test('the counts of a partition that its lane is assigned again continue', async () => {
  const { figures, lane, records } = createFigures()
  const stopped = partitionStates.indexOf('stopped')
  lane.rows = [{ id: 1, records: 2 }]
  await figures.collect()
  lane.rows = [{ id: 1, records: 2, state: stopped }, { id: 1, records: 3 }]
  await figures.collect()
  assert.deepEqual(records(), [[1, 5n]])
  lane.rows = [{ id: 1, records: 4, state: stopped }]
  await figures.collect()
  assert.deepEqual(records(), [[1, 6n]])
  lane.rows = [{ id: 1, records: 7 }]
  await figures.collect()
  assert.deepEqual(records(), [[1, 13n]], 'assigned again after its last counts were reported')
  lane.rows = undefined
  await figures.collect()
  lane.rows = [{ id: 1, records: 8 }]
  await figures.collect()
  assert.deepEqual(records(), [[1, 14n]], 'all rows, after a missing answer')
  lane.rows = [{ id: 1, records: 8, state: stopped }]
  await figures.collect()
  lane.rows = []
  await figures.collect()
  assert.deepEqual(records(), [])
  lane.rows = [{ id: 1, records: 1 }]
  await figures.collect()
  assert.deepEqual(records(), [[1, 1n]], 'the lane had released the partition')
})

test('a restarted lane begins without figures', async () => {
  const { figures, lane, records } = createFigures()
  lane.rows = [{ id: 1, records: 10 }, { id: 2, records: 20 }]
  await figures.collect()
  lane.incarnation = 2
  lane.rows = [{ id: 2, records: 1 }]
  await figures.collect()
  assert.deepEqual(records(), [[2, 1n]])
})

// Otherwise a request for stale ends would ask for the ends of all quiet partitions, every ten
// seconds.
test('the answer of a source broker counts for all partitions that are quiet there', async () => {
  const { figures, lane } = createFigures()
  lane.rows = [{ id: 1, quietNode: 7 }, { id: 2, quietNode: 8 }, { id: 3, quietNode: -1 }]
  lane.quietAnswers = [7, 1_000]
  await figures.collect()
  assert.deepEqual([1, 2, 3].map(id => figures.quietMs(0, id)), [1_000, undefined, undefined])
  lane.rows = []
  lane.quietAnswers = [7, 2_000, 8, 1_500]
  await figures.collect()
  assert.deepEqual([1, 2, 3].map(id => figures.quietMs(0, id)), [2_000, 1_500, undefined])
  lane.rows = [{ id: 1, quietNode: -1 }]
  await figures.collect()
  assert.equal(figures.quietMs(0, 1), undefined)
})
