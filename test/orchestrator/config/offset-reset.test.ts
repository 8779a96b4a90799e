// Where partitions begin, as a file sets it for a flow and for topics by name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offsetReset } from '../../../src/orchestrator/config/offset-reset.ts'
import { createFlow, problemsOf, twoClusters } from './create-config.ts'

test('where a partition begins: words of Java and librdkafka, or a duration of KIP-1106', () => {
  const row = offsetReset({ doc: '', importance: 'low', default: 'earliest' })
  const day = 86_400_000
  const parsed: Readonly<Record<string, unknown>> = {
    'Latest': 'latest',
    'smallest': 'earliest',
    'by_duration:P3D': { byDurationMs: 3 * day },
    'by_duration:P1DT2H3M4.5S': { byDurationMs: day + 2 * 3_600_000 + 3 * 60_000 + 4_500 },
    'by_duration:PT0S': { byDurationMs: 0 },
    'BY_DURATION:pt15m': { byDurationMs: 15 * 60_000 },
    'by_duration:': undefined,
    'by_duration': undefined,
    'by_duration:P': undefined,
    'by_duration:PT': undefined,
    'by_duration:P1DT': undefined,
    'by_duration:-P1D': undefined,
    'by_duration:3 days': undefined,
    'by_duration:P1W': undefined,
    'yesterday': undefined,
    '2026-11-27T08:30:00Z': { atMs: Date.UTC(2026, 10, 27, 8, 30) },
    '2026-11-27T08:30+01:00': { atMs: Date.UTC(2026, 10, 27, 7, 30) },
    // In which zone?
    '2026-11-27T08:30:00': undefined,
    '2026-11-27': undefined,
    '2026-13-27T08:30:00Z': undefined
  }
  for (const [text, value] of Object.entries(parsed)) assert.deepEqual(row.parse(text), value, text)
  for (const value of [{ byDurationMs: 4_500 }, { atMs: 1_764_232_200_123 }]) {
    assert.deepEqual(row.parse(row.show(value)), value)
  }
})

test('the first expression of start.positions that matches a topic decides', () => {
  const { starts, settings } = createFlow([
    'A.consumer.auto.offset.reset = none',
    'start.positions = clicks-old@earliest, clicks.*@latest, audit@2026-11-01T00:00:00Z, ' +
      'logs-.*@by_duration:P3D'
  ])
  const topics = ['clicks-old', 'clicks', 'audit', 'logs-a', 'orders', 'my-clicks']
  assert.deepEqual(topics.map(topic => starts.of(topic)), ['earliest', 'latest',
    { atMs: Date.UTC(2026, 10, 1) }, { byDurationMs: 3 * 86_400_000 }, 'none', 'none'])
  assert.equal(starts.isRelative, true)
  assert.equal(settings['start.positions'].length, 4)
  assert.equal(createFlow(['start.positions = audit@earliest']).starts.isRelative, false)
})

test('invalid start.positions are refused', () => {
  for (const wrong of ['clicks', 'clicks@yesterday', '@latest', 'a@latest, b']) {
    assert.match(problemsOf([...twoClusters, `start.positions = ${wrong}`]).join('\n'),
      /^start\.positions=.* \(line 5\): allowed is comma-separated REGEX@POSITION/)
  }
  assert.match(problemsOf([...twoClusters, 'A->B.start.positions = a(@latest']).join('\n'),
    /^A->B\.start\.positions \(line 5\): a\(: \( without \)$/)
})
