// Which offset syncs are due: those that MirrorMaker 2 would write, and the last one of an idle
// partition. A sync never leads a reader beyond a record.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  emptyMap, exactSpan, translate, withSpan, type OffsetMap, type OffsetSpan
} from '../../../src/orchestrator/offsets/offset-map.ts'
import {
  DueOffsetSyncs, lastRecord
} from '../../../src/orchestrator/offset-syncs/due-offset-syncs.ts'

const everything = () => true

function mapOf (...spans: ReadonlyArray<readonly [number, number, number]>): OffsetMap {
  return spans.reduce((map, [upstream, downstream, records]) =>
    withSpan(map, exactSpan(BigInt(upstream), BigInt(downstream), BigInt(records))),
  emptyMap({ upstream: 0n, downstream: 0n }, true))
}

/** One run of the duty; returns what it wrote. */
function round (syncs: DueOffsetSyncs, offsets: OffsetMap | undefined, partition = 0): string[] {
  syncs.note([{ topic: 'orders', partition, offsets }], everything)
  const due = syncs.take(1_000)
  syncs.written(due)
  return due.map(each =>
    `${each.topic}-${each.partition} ${each.upstream} ${each.downstream}`)
}

test('a sync is due at first, after offset.lag.max, after a gap and when idle', () => {
  const syncs = new DueOffsetSyncs(100)
  assert.deepEqual(round(syncs, undefined), [], 'nothing is known')
  assert.deepEqual(round(syncs, mapOf()), [], 'no record')
  assert.deepEqual(round(syncs, mapOf([0, 0, 11])), ['orders-0 10 10'], 'the first')
  assert.deepEqual(round(syncs, mapOf([0, 0, 111])), [], '100 records more')
  assert.deepEqual(round(syncs, mapOf([0, 0, 112])), ['orders-0 111 111'], '101 records more')
  assert.deepEqual(round(syncs, mapOf([0, 0, 112], [113, 112, 1])), ['orders-0 113 112'], 'a gap')
  assert.deepEqual(round(syncs, mapOf([0, 0, 112], [113, 112, 5])), [])
  assert.deepEqual(round(syncs, mapOf([0, 0, 112], [113, 112, 5])), ['orders-0 117 116'], 'rest')
  assert.deepEqual(round(syncs, mapOf([0, 0, 112], [113, 112, 5])), [], 'written already')
  assert.deepEqual(round(syncs, mapOf([0, 0, 50])), ['orders-0 49 49'], 'the target was truncated')
})

// Syncs that are not written yet must not be lost if a write fails or is bounded.
test('syncs that were not written are due again, oldest first', () => {
  const syncs = new DueOffsetSyncs(100)
  syncs.note([0, 1, 2].map(partition =>
    ({ topic: 'orders', partition, offsets: mapOf([0, 0, 11]) })), everything)
  assert.deepEqual(syncs.take(2).map(({ partition }) => partition), [0, 1])
  const [first] = syncs.take(1)
  assert.ok(first)
  syncs.written([first])
  syncs.note([{ topic: 'orders', partition: 0, offsets: mapOf([0, 0, 500]) }], everything)
  assert.deepEqual(syncs.take(1_000).map(({ partition, upstream }) => [partition, upstream]),
    [[1, 10n], [2, 10n], [0, 499n]])
})

test('partitions that are no longer mirrored are forgotten once many are known', () => {
  const syncs = new DueOffsetSyncs(100)
  const map = mapOf([0, 0, 11])
  for (let partition = 0; partition <= 1_000; partition++) round(syncs, map, partition)
  syncs.note([], ({ partition }) => partition !== 3)
  assert.deepEqual(round(syncs, map, 4), [], 'known')
  assert.deepEqual(round(syncs, map, 3), ['orders-3 10 10'], 'forgotten')
})

// A sync of the position after a marker, as progress has it, would lead MirrorMaker 2's reader of a
// later position one record too far: the reader adds one to the target offset of the sync.
test('a reader that translates like MirrorMaker 2 misses no record', () => {
  const step = fc.record({
    gap: fc.bigInt({ min: 0n, max: 3n }),
    others: fc.bigInt({ min: 0n, max: 3n }),
    records: fc.bigInt({ min: 1n, max: 5n })
  })
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), steps => {
    let map = emptyMap({ upstream: 0n, downstream: 0n }, true)
    const at = { upstream: 0n, downstream: 0n }
    const syncs: Array<{ readonly upstream: bigint, readonly downstream: bigint }> = []
    for (const { gap, others, records } of steps) {
      map = withSpan(map, exactSpan(at.upstream + gap, at.downstream + others, records))
      at.upstream += gap + records
      at.downstream += others + records
      const sync = lastRecord(map)
      assert.ok(sync)
      syncs.push(sync)
    }
    for (let offset = 0n; offset <= at.upstream; offset++) {
      const place = translate(map, offset, at).offset ?? 0n
      for (const sync of syncs.filter(({ upstream }) => upstream <= offset)) {
        const theirs = sync.upstream === offset ? sync.downstream : sync.downstream + 1n
        assert.ok(theirs <= place, `${offset}: ${theirs}, and the record is at ${place}`)
      }
    }
  }))
})

test('a span with gaps names no record', () => {
  const span: OffsetSpan =
    { upstream: 0n, downstream: 0n, upstreamLength: 9n, downstreamLength: 8n, records: 8n }
  assert.equal(lastRecord(withSpan(mapOf(), span)), undefined)
})
