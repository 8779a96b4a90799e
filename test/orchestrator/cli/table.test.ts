// Tables that fit the width of a terminal.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { renderTable, shareRoom } from '../../../src/orchestrator/cli/table.ts'

const name = fc.string({ unit: fc.constantFrom(...'abcxyz.-_'), minLength: 1, maxLength: 249 })

test('no line is wider than the terminal, and no character of a cell is lost', () => {
  fc.assert(fc.property(fc.array(name, { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 40, max: 200 }), (topics, width) => {
      const text = renderTable(['topic', 'remote topic', 'partitions'],
        topics.map(topic => [topic, `east.${topic}`, '12']), width)
      const lines = text.split('\n')
      assert.ok(Math.max(...lines.map(line => line.length)) <= width, text)
      const cells = (column: number): string => lines.map(line =>
        line.split('│')[column] ?? '').join('').replaceAll(' ', '')
      assert.equal(cells(1), `topic${topics.join('')}`)
      assert.equal(cells(2), `remotetopic${topics.map(topic => `east.${topic}`).join('')}`)
    }))
})

test('a table in a wide terminal is no wider than its cells', () => {
  assert.equal(renderTable(['topic'], [['orders']], 80).split('\n')[0], '┌────────┐')
})

test('in a pipe a row is one line', () => {
  const sentence = 'not mirrored: '.repeat(30).trim()
  const lines = renderTable(['topic', 'why'], [['t'.repeat(249), sentence]], Infinity).split('\n')
  assert.equal(lines.length, 5)
  assert.ok(lines[3]?.includes(sentence))
})

test('narrow columns keep their width, wide ones share the rest', () => {
  assert.deepEqual(shareRoom([100, 5, 200], 105), [50, 5, 50])
  assert.deepEqual(shareRoom([10, 5], 100), [10, 5])
  assert.deepEqual(shareRoom([10, 10, 10], 2), [1, 1, 1])
})
