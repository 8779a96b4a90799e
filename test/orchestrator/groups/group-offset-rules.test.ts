// Which offsets of a group are committed on the target: a table of cases, and a property over all
// histories of a partition.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { GroupOffset } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import {
  answerFor, forwards, mayMove, translatedBy, withinLog, type TranslatedOffset
} from '../../../src/orchestrator/groups/group-offset-rules.ts'
import {
  emptyMap, exactSpan, withSpan, type OffsetMap
} from '../../../src/orchestrator/offsets/offset-map.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'

const origin = { upstream: 0n, downstream: 0n }

function committed (offset: bigint): GroupOffset {
  return { topic: 'orders', partition: 0, offset, metadata: '' }
}

/** Ten records, a marker, ten records: after the marker the offsets of both sides differ. */
function createProgress (map: Partial<OffsetMap> = {}): Progress {
  const spans = withSpan(withSpan(emptyMap(origin, true), exactSpan(0n, 0n, 10n)),
    exactSpan(11n, 10n, 10n))
  return { upstream: 21n, downstream: 20n, sequence: 20, offsets: { ...spans, ...map } }
}

const translateOffset = (
  committed: GroupOffset, topic: string, progress: Progress
): TranslatedOffset | undefined => translatedBy(committed, topic, answerFor(committed, progress))

const downstreamOf = (offset: bigint, progress = createProgress()): bigint | undefined =>
  translateOffset(committed(offset), 'east.orders', progress)?.downstream

describe('a committed offset is translated', () => {
  const cases: ReadonlyArray<readonly [what: string, offset: bigint, downstream: bigint]> = [
    ['to the first record', 0n, 0n],
    ['to the same record', 9n, 9n],
    ['from a marker to the record after it', 10n, 10n],
    ['after the marker', 11n, 10n],
    ['to the end, for a group that has read all records', 21n, 20n],
    ['to the end, for a group that is ahead of the mirror', 500n, 20n]
  ]
  for (const [what, offset, downstream] of cases) {
    test(what, () => { assert.equal(downstreamOf(offset), downstream) })
  }

  test('with the metadata of the consumer, under the name of the remote topic', () => {
    assert.deepEqual(
      translateOffset({ ...committed(12n), metadata: 'm' }, 'east.orders', createProgress()),
      { topic: 'east.orders', partition: 0, upstream: 12n, downstream: 11n, metadata: 'm' })
  })

  // Regression: an imported position has no map before the next record of its partition. A group
  // that had read all of an idle partition did not move.
  test('to the end of what another program has mirrored', () => {
    const imported = { upstream: 21n, downstream: 33n, sequence: 0 }
    assert.equal(downstreamOf(21n, imported), 33n)
    assert.equal(downstreamOf(25n, imported), 33n)
    assert.equal(downstreamOf(20n, imported), undefined)
  })

  test('except without a mirrored record, before the start of the map, or without an offset',
    () => {
      assert.equal(downstreamOf(5n, { upstream: 7n, downstream: 3n, sequence: 0 }), undefined)
      assert.equal(downstreamOf(9n, { upstream: 7n, downstream: 0n, sequence: 0 }), undefined)
      assert.equal(downstreamOf(0n, createProgress({ spans: [] })), undefined)
      assert.equal(downstreamOf(4n, createProgress({
        isWhole: false, start: { upstream: 5n, downstream: 5n }
      })), undefined)
      assert.equal(downstreamOf(-1n), undefined)
    })
})

test('a group moves only while it has no members on the target', () => {
  const states = [undefined, 'Empty', 'Dead', 'Stable', 'PreparingRebalance',
    'CompletingRebalance', 'Assigning', 'Reconciling', 'Unknown', '']
  assert.deepEqual(states.filter(mayMove), [undefined, 'Empty', 'Dead'])
})

function wanted (downstream: bigint, partition = 0): TranslatedOffset {
  return { topic: 'east.orders', partition, upstream: downstream, downstream, metadata: '' }
}

test('a group moves forwards only', () => {
  const onTarget = [{ topic: 'east.orders', partition: 0, offset: 5n, metadata: '' }]
  assert.deepEqual(forwards([wanted(4n)], onTarget), [])
  assert.deepEqual(forwards([wanted(5n)], onTarget), [])
  assert.deepEqual(forwards([wanted(6n), wanted(0n, 1)], onTarget), [wanted(6n), wanted(0n, 1)])
})

test('a group moves to offsets that the log of the target has reached', () => {
  const ends = new Map([['east.orders/0', 5n]])
  assert.deepEqual(withinLog([wanted(5n)], ends), [wanted(5n)])
  assert.deepEqual(withinLog([wanted(6n), wanted(0n, 1)], ends), [])
})

// For all histories: a group that continues at the translated offset misses no mirrored record, and
// reads no record before its offset again.
test('the translated offset is that of the first mirrored record from the offset on', () => {
  const piece = fc.record({
    records: fc.bigInt(1n, 5n), gap: fc.bigInt(0n, 3n), others: fc.bigInt(0n, 3n)
  })
  const log = fc.array(piece, { minLength: 1, maxLength: 20 })
  fc.assert(fc.property(log, fc.nat(), (pieces, at) => {
    let map = emptyMap(origin, true)
    let [upstream, downstream] = [0n, 0n]
    const places: Array<readonly [bigint, bigint]> = []
    for (const { gap, others, records } of pieces) {
      upstream += gap
      downstream += others
      map = withSpan(map, exactSpan(upstream, downstream, records))
      for (let i = 0n; i < records; i++) places.push([upstream + i, downstream + i])
      upstream += records
      downstream += records
    }
    const offset = BigInt(at) % (upstream + 5n)
    const progress = { upstream, downstream, sequence: places.length, offsets: map }
    const expected = places.find(([record]) => record >= offset)?.[1] ?? downstream
    assert.equal(downstreamOf(offset, progress), expected)
  }))
})
