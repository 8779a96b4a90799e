// How a tune run is judged, on invented points; and the grid of a full sweep.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areBoundsHeld, ratioOf } from '../../perf/report/tune-report.ts'
import { gridOf, type MeasuredPoint } from '../../perf/scenarios/tune.ts'

function createPoints (tune: number, automatic: number): { points: readonly MeasuredPoint[] } {
  return {
    points: [
      { kind: 'grid', choice: { 'linger.ms': 0 }, rates: [40, 39, 41] },
      { kind: 'grid', choice: { 'linger.ms': 5 }, rates: [38] },
      { kind: 'tune', choice: { 'linger.ms': 0 }, rates: [tune] },
      { kind: 'automatic', choice: {}, rates: [automatic] }
    ]
  }
}

test('both choices are compared with the best point of the grid', () => {
  assert.equal(ratioOf(createPoints(30, 20), 'tune'), 0.75)
  assert.ok(areBoundsHeld(createPoints(38, 36)))
  assert.ok(!areBoundsHeld(createPoints(37.9, 40)))
  assert.ok(!areBoundsHeld(createPoints(40, 35.9)))
})

test('the grid has each combination with an effect once', () => {
  const grid = gridOf(false)
  assert.equal(new Set(grid.map(point => JSON.stringify(point))).size, grid.length)
  // 4 numbers of connections x 3 combinations of Fetch sizes, and 11 of batches, of which one is
  // what a mirror does by default.
  assert.equal(grid.length, 4 * 3 + 10)
  assert.equal(gridOf(true).length, 2)
})
