// The map compared with a model: an array of the target offset of each source record, built by a
// mirror with transaction markers, compaction gaps, other producers and crashes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  cut, emptyMap, exactSpan, isExact, spansMax, translate, translateBack, withSpan,
  type OffsetAnswer
} from '../../../src/orchestrator/offsets/offset-map.ts'
import { lossless, lossy, SimulatedMirror, start, type Step } from './simulated-mirror.ts'

/** Calls back with the answer and the true offset of each position, in both directions. */
function compare (
  { map, point, truth }: SimulatedMirror, check: (answer: OffsetAnswer, right: bigint) => void
): void {
  for (let o = 0n; o <= point.upstream; o++) {
    const next = truth.find(({ upstream }) => upstream >= o)
    check(translate(map, o, point), next?.downstream ?? point.downstream)
  }
  for (let o = 0n; o <= point.downstream; o++) {
    const next = truth.find(({ downstream }) => downstream >= o)
    check(translateBack(map, o, point), next?.upstream ?? point.upstream)
  }
}

test('a map that is not full is exact for each position in both directions', () => {
  fc.assert(fc.property(fc.array(lossless, { maxLength: 40 }), steps => {
    const mirror = new SimulatedMirror(spansMax)
    for (const step of steps) mirror.run(step)
    compare(mirror, (answer, right) => {
      assert.equal(answer.offset, right)
      assert.notEqual(answer.kind, 'thinned')
      assert.equal(answer.early, 0n)
    })
  }))
})

test('a map that was thinned, or lost spans in a crash, is early and within its bound', () => {
  fc.assert(fc.property(fc.array(lossy, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }),
    (steps, max) => {
      const mirror = new SimulatedMirror(max)
      for (const step of steps) mirror.run(step)
      assert.ok(mirror.map.spans.length <= max + 1)
      compare(mirror, ({ early, kind, offset = -1n }, right) => {
        assert.ok(offset <= right, 'a reader would miss records')
        assert.ok(right <= offset + early, 'earlier than the bound says')
        assert.ok(kind === 'thinned' || early === 0n)
      })
    }))
})

test('spans ascend on both sides and count no more records than they have offsets', () => {
  fc.assert(fc.property(fc.array(lossy, { maxLength: 60 }), fc.integer({ min: 2, max: 6 }),
    (steps, max) => {
      const mirror = new SimulatedMirror(max)
      for (const step of steps) {
        mirror.run(step)
        let [upstream, downstream] = [0n, 0n]
        for (const span of mirror.map.spans) {
          assert.ok(span.upstream >= upstream && span.downstream >= downstream)
          assert.ok(span.records <= span.upstreamLength && span.records <= span.downstreamLength)
          upstream = span.upstream + span.upstreamLength
          downstream = span.downstream + span.downstreamLength
        }
      }
    }))
})

// The last record of a span with gaps may be before the position: then the next one is after the
// span, and after records of other producers there.
test('the bound of an answer covers a record after the span', () => {
  const mirror = new SimulatedMirror(2)
  const steps: readonly Step[] = [
    { kind: 'gap', offsets: 1 }, { kind: 'mirror', records: 9 }, { kind: 'lose' },
    { kind: 'others', offsets: 1 }, { kind: 'again', records: 9 }
  ]
  for (const step of steps) mirror.run(step)
  const { early, offset = -1n } = translate(mirror.map, 0n, mirror.point)
  assert.ok(offset <= 10n && offset + early >= 10n)
})

test('a plain topic has one span, whatever its batches', () => {
  let map = emptyMap({ upstream: 5n, downstream: 0n }, true)
  for (let i = 0n; i < 1_000n; i++) map = withSpan(map, exactSpan(5n + i * 3n, i * 3n, 3n))
  assert.deepEqual(map.spans, [exactSpan(5n, 0n, 3_000n)])
})

test('of a transactional topic the newest positions stay exact, and old ones are early in ' +
  'proportion to their distance', () => {
  // 100 records and a marker, 10,000 times.
  let map = emptyMap(start, true)
  for (let i = 0n; i < 10_000n; i++) map = withSpan(map, exactSpan(i * 101n, i * 100n, 100n))
  const end = { upstream: 1_010_000n, downstream: 1_000_000n }
  assert.equal(map.spans.length, spansMax)
  for (let i = 9_990n; i < 10_000n; i++) {
    assert.equal(translate(map, i * 101n + 50n, end).kind, 'exact')
  }
  for (let i = 0n; i < 9_990n; i += 7n) {
    const { early } = translate(map, i * 101n + 50n, end)
    const transactionsBehind = 10_000n - i
    assert.ok(early * 5n <= transactionsBehind, `${early} early ${transactionsBehind} behind`)
  }
})

test('a position before the map has no answer, unless the flow began there', () => {
  const begin = { upstream: 100n, downstream: 40n }
  const end = { upstream: 110n, downstream: 50n }
  const span = exactSpan(100n, 40n, 10n)
  assert.deepEqual(translate(withSpan(emptyMap(begin, false), span), 99n, end),
    { kind: 'before', early: 0n })
  assert.deepEqual(translate(withSpan(emptyMap(begin, true), span), 99n, end),
    { kind: 'gap', offset: 40n, early: 0n })
})

test('a recreated source restarts the map', () => {
  const map = withSpan(emptyMap({ upstream: 100n, downstream: 0n }, true), exactSpan(100n, 0n, 50n))
  const anew = withSpan(map, exactSpan(0n, 50n, 10n))
  assert.deepEqual(anew.spans, [exactSpan(0n, 50n, 10n)])
  assert.equal(anew.isWhole, false)
})

test('a map that is cut inside a span with gaps is early, never late', () => {
  const thin = {
    upstream: 0n, downstream: 0n, upstreamLength: 12n, downstreamLength: 10n, records: 10n
  }
  const map = cut({ ...emptyMap(start, true), spans: [thin] }, { upstream: 6n, downstream: 20n })
  const [left] = map.spans
  assert.ok(left !== undefined && !isExact(left))
  assert.deepEqual([left.upstreamLength, left.records], [6n, 4n])
})
