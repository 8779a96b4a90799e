// The live line of the terminal: its figures, and how it shares the terminal with log lines.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { FlowLedger } from '../../../src/orchestrator/observability/flow-ledger.ts'
import {
  formatBytes, formatCount, formatSeconds
} from '../../../src/orchestrator/observability/format.ts'
import {
  StatusLine, renderStatusLine, sampleStatus, type StatusSample
} from '../../../src/orchestrator/observability/status-line.ts'
import type { FlowSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { ManualClock } from '../time/manual-clock.ts'
import { countLatencies, sampleFlow, sampleLane, samplePartition } from './sample-flow.ts'

function sampleAt (atMs: number, ...flows: FlowSnapshot[]): StatusSample {
  return sampleStatus(new FlowLedger(new ManualClock()).observe(flows), atMs)
}

function flowOf (records: number, faulted = false): FlowSnapshot {
  return sampleFlow({
    lanes: [sampleLane({ inFlightBytes: 5_000_000, latency: countLatencies([3, 3, 3]) })],
    partitions: [
      samplePartition('orders', 0, {
        records, bytes: records * 100, lagRecords: 7, lagSeconds: 1.5
      }),
      samplePartition('orders', 1, { state: faulted ? 'faulted' : 'running' })
    ]
  })
}

test('rates are computed from two samples', () => {
  const line = renderStatusLine(sampleAt(3000, flowOf(25_000)), sampleAt(1000, flowOf(1000)), 200)
  assert.equal(line, '12.0k records/s  1.20 MB/s  lag 7 1.50s  2/2 partitions  p99 -  ' +
    'in flight 5.00 MB')
})

test('the first line has no rates, and unknown figures are not 0', () => {
  const line = renderStatusLine(sampleAt(1000, sampleFlow()), undefined, 200)
  assert.match(line, /^0 records\/s {2}0 B\/s {2}lag - {2}0\/0 partitions {2}p99 - /)
  assert.match(renderStatusLine(sampleAt(1000, flowOf(1)), undefined, 200), /p99 4ms/)
})

test('faulted partitions are shown, and a narrow terminal drops other figures first', () => {
  const sample = sampleAt(1000, flowOf(1, true))
  assert.match(renderStatusLine(sample, undefined, 200), /1 FAULTED {2}1\/2 partitions/)
  for (let width = 0; width < 120; width++) {
    assert.ok(renderStatusLine(sample, undefined, width).length <= width)
  }
  assert.match(renderStatusLine(sample, undefined, 55), /FAULTED$/)
})

test('figures are short and of one width', () => {
  assert.deepEqual([0, 950, 999.6, 12_345, 99_960, 4_560_000].map(formatCount),
    ['0', '950', '1.00k', '12.3k', '100k', '4.56M'])
  assert.deepEqual([0, 1500, 64_000_000].map(formatBytes), ['0 B', '1.50 kB', '64.0 MB'])
  assert.deepEqual([0.0034, 1.5, 59, 245, 11_220].map(formatSeconds),
    ['3ms', '1.50s', '59.0s', '4m05s', '3h07m'])
})

function createLine (t: TestContext, isTTY: boolean, color = false) {
  const clock = new ManualClock()
  const ledger = new FlowLedger(new ManualClock())
  const written: string[] = []
  const errors: unknown[] = []
  const output = {
    isTTY, columns: 100, write: (text: string) => { written.push(text) }
  }
  const line = new StatusLine({
    output,
    flows: () => ledger.latest,
    clock,
    color,
    onError: (error) => { errors.push(error) }
  })
  t.after(() => line.stop())
  return { clock, errors, ledger, line, output, written }
}

const erase = '\r\u001b[2K'

test('the line is redrawn at most four times a second, and only when it changed', async (t) => {
  const { clock, ledger, line, written } = createLine(t, true)
  line.start()
  for (let step = 1; step <= 100; step++) {
    ledger.observe([flowOf(step * step)])
    await clock.advance(10)
  }
  const drawn = written.filter((text) => text !== erase).length
  assert.ok(drawn >= 3 && drawn <= 5, `${drawn} in a second`)
  await clock.advance(5000)
  const before = written.length
  await clock.advance(5000)
  assert.equal(written.length, before)
})

test('a log line is printed above the line, which is then redrawn', async (t) => {
  const { clock, ledger, line, output, written } = createLine(t, true)
  ledger.observe([flowOf(1)])
  line.start()
  await clock.advance(10)
  const shown = written.at(-1)
  written.length = 0
  line.above(output).write('a log line\n')
  assert.deepEqual(written, [erase, 'a log line\n', shown])
  written.length = 0
  await line.stop()
  assert.deepEqual(written, [erase])
  line.above(output).write('after\n')
  assert.deepEqual(written, [erase, 'after\n'])
})

test('nothing is drawn when the output is not a terminal', async (t) => {
  const { clock, line, output, written } = createLine(t, false)
  line.start()
  await clock.advance(5000)
  line.above(output).write('a log line\n')
  await line.stop()
  assert.deepEqual(written, ['a log line\n'])
  assert.equal(clock.sleeping, 0)
})

test('colour marks faults, unless colour is off', async (t) => {
  for (const color of [true, false]) {
    const { clock, ledger, line, written } = createLine(t, true, color)
    ledger.observe([flowOf(1, true)])
    line.start()
    await clock.advance(10)
    assert.equal(written.some((text) => text.includes('\u001b[31m1 FAULTED')), color)
  }
})

test('a line that cannot be drawn reports it once and ends', async (t) => {
  const { clock, errors, line, output } = createLine(t, true)
  output.write = () => { throw new Error('EIO') }
  line.start()
  await clock.advance(5000)
  assert.equal(errors.length, 1)
})
