// How a memory run is judged, on invented runs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInside, renderMemory, rssSlope } from '../../perf/report/memory-report.ts'
import type { MemoryOutcome } from '../../perf/scenarios/memory.ts'

function createOutcome (rssAt: (seconds: number) => number): MemoryOutcome {
  return {
    samples: Array.from({ length: 100 }, (_, seconds) =>
      ({ seconds, rssBytes: rssAt(seconds), inFlightBytes: 20_000_000 })),
    rssAtStart: 100_000_000,
    inFlightLimit: 40_000_000,
    stalls: 1,
    recordsWritten: 10,
    recordsMirrored: 10,
    catchUpSeconds: 1,
    exitCode: 0
  }
}

test('the slope is that of the second half, in bytes an hour', () => {
  const growing = createOutcome(seconds => seconds < 50 ? 1e9 : 1e8 + 1000 * seconds)
  assert.equal(Math.round(rssSlope(growing)), 3_600_000)
  assert.equal(rssSlope(createOutcome(() => 1e8)), 0)
  assert.equal(rssSlope({ samples: [] }), 0)
})

test('a run is inside its bound, or the report says that it is not', () => {
  assert.ok(isInside(createOutcome(() => 181_000_000)))
  const beyond = createOutcome(seconds => seconds === 70 ? 181_000_001 : 150_000_000)
  assert.ok(!isInside(beyond))
  const report = { outcome: beyond, command: 'npm run perf -- memory', startedAt: new Date(0) }
  assert.match(renderMemory(report), /NOT inside the bound/)
  assert.ok(!isInside({ ...createOutcome(() => 1e8), recordsMirrored: 11 }))
})

test('a long run that ends with memory rising is not inside its bound, a short one may be', () => {
  // A little less than 10 MB an hour, and a little more.
  for (const [bytesASecond, isSound] of [[2_700, true], [2_900, false]] as const) {
    const short = createOutcome(seconds => 1e8 + bytesASecond * seconds)
    const long = createOutcome(second => 1e8 + bytesASecond * 20 * second)
    const samples = long.samples.map(sample => ({ ...sample, seconds: 20 * sample.seconds }))
    assert.equal(isInside({ ...long, samples }), isSound)
    assert.ok(isInside(short))
  }
})
