// The recorded offset map: what is written and when, and what a reader derives from it and from a
// later position.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  emptyMap, exactSpan, withSpan, type OffsetMap
} from '../../../src/orchestrator/offsets/offset-map.ts'
import {
  toOffsetMap, WrittenOffsetMaps, withOffsetMap
} from '../../../src/orchestrator/progress/offset-map-record.ts'
import { withoutHistory } from '../../../src/orchestrator/progress/progress-history.ts'
import {
  decodeProgress, encodeOffsetMap
} from '../../../src/orchestrator/progress/progress-record.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'

const source = { topic: 'orders', partition: 3 }

function mapOf (...spans: ReadonlyArray<readonly [bigint, bigint, bigint]>): OffsetMap {
  return spans.reduce((map, [upstream, downstream, records]) =>
    withSpan(map, exactSpan(upstream, downstream, records)),
  emptyMap({ upstream: 0n, downstream: 0n }, true))
}

function at (upstream: bigint, downstream: bigint, sequence: number, offsets: OffsetMap): Progress {
  return { upstream, downstream, sequence, offsets }
}

function read (progress: Progress): OffsetMap | undefined {
  const { key, value } = encodeOffsetMap(source, progress)
  const entry = decodeProgress(key, value)
  assert.ok(entry?.kind === 'offsets')
  const { offsets: _, ...position } = progress
  return withOffsetMap(position, entry.offsets).offsets
}

test('a map reads back the same', () => {
  const thin = {
    upstream: 200n, downstream: 190n, upstreamLength: 50n, downstreamLength: 40n, records: 30n
  }
  const offsets = withSpan(mapOf([0n, 0n, 100n], [101n, 100n, 20n], [121n, 130n, 5n]), thin)
  assert.deepEqual(read(at(250n, 230n, 155, offsets)), offsets)
})

test('the last span grows with the position, without another write', () => {
  const written = at(100n, 100n, 100, mapOf([0n, 0n, 100n]))
  const grown = at(150n, 150n, 150, mapOf([0n, 0n, 150n]))
  const maps = new WrittenOffsetMaps()
  assert.equal(maps.isDue(source, written), true)
  maps.written(source, written)
  assert.equal(maps.isDue(source, grown), false)
  const { key, value } = encodeOffsetMap(source, written)
  const entry = decodeProgress(key, value)
  assert.ok(entry?.kind === 'offsets')
  const { offsets, ...position } = grown
  assert.deepEqual(withOffsetMap(position, entry.offsets).offsets, offsets)
})

test('a map is written again when a span begins, and in another era', () => {
  const first = at(100n, 100n, 100, mapOf([0n, 0n, 100n]))
  const maps = new WrittenOffsetMaps()
  maps.written(source, first)
  const second = at(121n, 120n, 120, mapOf([0n, 0n, 100n], [101n, 100n, 20n]))
  assert.equal(maps.isDue(source, second), true)
  maps.written(source, second)
  assert.equal(maps.isDue(source, { ...second, era: 1 }), true)
  maps.forget(source)
  assert.equal(maps.isDue(source, second), true)
})

test('a map without spans is written if it does not begin with the first record', () => {
  const imported = emptyMap({ upstream: 21n, downstream: 33n }, false)
  const maps = new WrittenOffsetMaps()
  const progress = at(22n, 33n, 0, imported)
  assert.equal(maps.isDue(source, at(22n, 0n, 0, mapOf())), false)
  assert.equal(maps.isDue(source, progress), true)
  assert.deepEqual(read(progress), imported)
  maps.written(source, progress)
  assert.equal(maps.isDue(source, at(23n, 33n, 0, imported)), false)
})

test('a position of another era has no map, and one that goes back has the map before it', () => {
  const progress = at(121n, 120n, 120, mapOf([0n, 0n, 100n], [101n, 100n, 20n]))
  const { offsets: _, ...position } = progress
  const record = { era: 1, map: mapOf([0n, 0n, 100n]), at: progress }
  assert.equal(withOffsetMap(position, record).offsets, undefined)
  // A source that was truncated to offset 60: later records are mirrored again.
  const back = withoutHistory({ ...progress, upstream: 60n })
  assert.deepEqual(back.offsets?.spans, [exactSpan(0n, 0n, 60n)])
})

test('fields that are no map are not read as one', () => {
  const good = { era: 0, start: ['0', '0'], whole: true, spans: '0,0,5' }
  const point = { upstream: 5n, downstream: 5n, sequence: 5 }
  assert.ok(toOffsetMap(good, point) !== undefined)
  for (const bad of [
    { ...good, spans: '0,x,5' }, { ...good, spans: 7 }, { ...good, start: ['0'] },
    { ...good, whole: 'yes' }, { ...good, era: '0' }, { ...good, spans: '0,5' }
  ]) assert.equal(toOffsetMap(bad, point), undefined)
  assert.equal(toOffsetMap(good, undefined), undefined)
})
