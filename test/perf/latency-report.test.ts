// The report of a latency run: a row for each line, load and contender, with the spread of its
// rounds.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderLatency } from '../../perf/report/latency-report.ts'
import { median, medianOf, spread } from '../../perf/measure/rounds.ts'

describe('the report of a latency run', () => {
  test('shows the median of the rounds, and the lowest and highest', () => {
    const rounds = [3, 1, 2].map(p50 =>
      ({ records: 100, p50, p99: p50 * 10, p999: p50 * 20, max: p50 * 100, samples: [] }))
    const text = renderLatency({
      command: 'npm run perf -- latency',
      startedAt: new Date('2026-01-02T03:04:05Z'),
      results: [
        { row: { roundTripMs: 100, recordsPerSecond: 5_000 }, contender: 'longhaul', rounds },
        { row: { roundTripMs: 0, recordsPerSecond: 5 }, contender: 'no mirror',
          rounds: rounds.slice(1, 2) }
      ]
    })
    const rows = text.split('\n').filter(line => line.includes(' ms, '))
    assert.deepEqual(rows, [
      '| 100 ms, 5,000 records/s | longhaul | 2.0 (1.0-3.0) | 20.0 (10.0-30.0) | ' +
        '40.0 (20.0-60.0) | 200.0 (100.0-300.0) |',
      '| 0 ms, 5 records/s | no mirror | 1.0 | 10.0 | 20.0 | 100.0 |'
    ])
  })

  test('uses the mean of the two middle values of an even number of rounds', () => {
    assert.equal(median([4, 1, 3, 2]), 2.5)
    assert.equal(median([]), 0)
    const members = [1, 3, 2].map(a => ({ name: 'x', a, in: { b: 10 * a } }))
    assert.deepEqual(medianOf(members), { name: 'x', a: 2, in: { b: 20 } })
    assert.equal(spread([1, 4, 3, 2], 2), '2.50 (1.00-4.00)')
  })
})
