// What a log line shows, and what it must never show.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { createLog, type LogOptions } from '../../../src/orchestrator/observability/log.ts'
import { ManualClock } from '../time/manual-clock.ts'

function createLines (options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const log = createLog({
    level: 'debug',
    format: 'json',
    output: { write: (line) => { lines.push(line) } },
    clock: new ManualClock(),
    ...options
  })
  const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { lines, log, parsed }
}

test('a JSON line carries time, level, text and the fields of its parents', () => {
  const { log, parsed } = createLines()
  log.child({ flow: 'A->B' }).child({ lane: 2 }).info({ topics: 3 }, 'topics found')
  assert.deepEqual(parsed(), [{
    level: 'info',
    time: '2025-01-01T00:00:00.000Z',
    flow: 'A->B',
    lane: 2,
    topics: 3,
    text: 'topics found'
  }])
})

test('lines below the level are left out', () => {
  const { lines, log } = createLines({ level: 'warn' })
  log.info({}, 'no')
  log.debug({}, 'no')
  log.warn({}, 'yes')
  log.error({}, 'yes')
  assert.equal(lines.length, 2)
})

test('a level that is set later applies to the children, too', () => {
  const { lines, log } = createLines({ level: 'warn' })
  const child = log.child({ flow: 'A->B' })
  child.info({}, 'no')
  log.setLevel('debug')
  child.debug({}, 'yes')
  log.setLevel('error')
  child.warn({}, 'no')
  assert.deepEqual(lines.map(line => (JSON.parse(line) as { text: string }).text), ['yes'])
})

test('secrets are redacted by name, at any depth, with any prefix, in children too', () => {
  const { lines, log } = createLines()
  log.child({ 'A.sasl.password': 'hunter2' }).info({
    'SASL.Password': 'hunter2',
    nested: { list: [{ 'B.producer.sasl.jaas.config': 'hunter2' }] },
    'sasl.passwordless': 'shown'
  }, 'properties')
  assert.equal(lines.length, 1)
  assert.doesNotMatch(lines[0]!, /hunter2/)
  assert.equal(lines[0]!.match(/\[redacted\]/g)?.length, 3)
  assert.match(lines[0]!, /shown/)
})

test('offsets, maps and cycles are written without an error', () => {
  const { log, parsed } = createLines()
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  log.info({ offset: 12n, huge: 2n ** 63n, codes: new Map([[6, 2n]]), cycle }, 'odd values')
  const [line] = parsed()
  assert.equal(line?.['offset'], 12)
  assert.equal(line?.['huge'], '9223372036854775808')
  assert.deepEqual(line?.['codes'], [[6, 2]])
})

test('an operating error is logged with code and advice, any other error with its stack', () => {
  const { log, parsed } = createLines()
  log.error({ err: new ReplicatorError('LISTEN_FAILED', 'in use', { setting: 'metrics.port' }) },
    'no metrics')
  log.error({ err: new TypeError('undefined is not a lane') }, 'defect')
  const [ours, other] = parsed().map((line) => line['err'] as Record<string, unknown>)
  assert.deepEqual([ours?.['error'], ours?.['code'], ours?.['setting'], ours?.['stack']],
    ['LISTEN_FAILED', 2050, 'metrics.port', undefined])
  assert.match(String(other?.['stack']), /log\.test/)
})

// Regression: a JSON line had the same long sentence in its text, the message and the detail.
test('an error whose message the text contains is not repeated in the line', () => {
  const { log, parsed } = createLines()
  const err = new ReplicatorError('LISTEN_FAILED', 'port 9584 is taken')
  log.error({ err }, `no metrics: ${err.message}`)
  log.error({ err }, 'no metrics')
  const [once, apart] = parsed().map(line => JSON.stringify(line))
  assert.equal(once?.split('port 9584 is taken').length, 2, once)
  assert.match(once ?? '', /"error":"LISTEN_FAILED"/)
  assert.match(apart ?? '', /"message":"[^"]*port 9584 is taken/)
})

test('a pretty line is one line with quoted values', () => {
  const { lines, log } = createLines({ format: 'pretty' })
  log.warn({ flow: 'A->B', reason: 'no leader', count: 3, list: [1] }, 'partition waits')
  assert.deepEqual(lines, [
    '2025-01-01T00:00:00.000Z WARN  partition waits flow=A->B reason="no leader" count=3 list=[1]\n'
  ])
})

test('a pretty line shows the stack of a defect and not that of an operating error', () => {
  const { lines, log } = createLines({ format: 'pretty' })
  log.error({ err: new ReplicatorError('LISTEN_FAILED', 'in use') }, 'no metrics')
  log.error({ err: new TypeError('undefined is not a lane') }, 'defect')
  assert.equal(lines[0]!.split('\n').length, 2)
  assert.match(lines[1]!, /^.* ERROR defect err="undefined is not a lane"\n {4}at /)
})

// A broker's error text may contain escape sequences; C1 controls (9b is CSI) pass JSON unescaped.
test('no text moves the cursor or imitates a log line', () => {
  const { lines, log } = createLines({ format: 'pretty' })
  log.info({ 'a\u001bb': 'x\u009b2J', detail: 'two\nlines \u009b1A' }, 'message\r\nFAKE')
  assert.equal(lines.length, 1)
  assert.doesNotMatch(lines[0]!.slice(0, -1), /[\u0000-\u001f\u007f-\u009f]/)
})

test('levels are coloured only if colour is requested', () => {
  const { lines, log } = createLines({ format: 'pretty', color: true })
  log.error({}, 'red')
  assert.match(lines[0]!, /\u001b\[31mERROR\u001b\[0m/)
})
