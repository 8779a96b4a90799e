// `top`: what one screen shows, rates from two readings, and how it ends.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  unknownOnRecord, type FlowState, type PartitionState, type TopicState
} from '../../../src/orchestrator/cli/flow-state.ts'
import { runProgram } from '../../../src/orchestrator/cli/program.ts'
import { renderTop } from '../../../src/orchestrator/cli/top.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { createMovingMirror } from '../../page/moving-mirror.ts'
import { runCaptured } from './run-program.ts'

const partition = (
  topic: string, upstreamOffset: string, change: Partial<PartitionState> = {}
): PartitionState => ({
  topic, partition: 0, state: 'running', reason: null, sinceMs: null, upstreamOffset,
  sourceEnd: null, lagRecords: 0, lagSeconds: null, batching: 'pass-through', batches: null,
  batchesMerged: null, ...change
})

const flow = (...partitions: PartitionState[]): FlowState => ({
  flow: 'A->B', isHealthy: true, problems: [], isUnread: false, unknown: [], members: [], partitions
})

test('the busiest topic is first, by the source offsets passed between two readings', () => {
  const before = { atMs: 0, flows: [flow(partition('slow', '100'), partition('fast', '100'))] }
  const now = {
    atMs: 2000,
    flows: [flow(partition('slow', '120', { lagRecords: 7 }), partition('fast', '5100'))]
  }
  const lines = renderTop(now, before, 200).split('\n').filter(line => /fast|slow|A->B/.test(line))
  assert.match(lines[0] ?? '', /A->B .* healthy .* 2\.51k .* 7 .* 2 running/)
  assert.match(lines[1] ?? '', /fast .* 2\.50k /)
  assert.match(lines[2] ?? '', /slow .* 10 .* 7 /)
})

test('without an earlier reading there is no rate, and a recreated topic has none below 0', () => {
  const one = { atMs: 0, flows: [flow(partition('orders', '900'))] }
  assert.match(renderTop(one, undefined, 200), /orders +│ A->B +│ 1 +│ - /)
  const two = { atMs: 1000, flows: [flow(partition('orders', '5'))] }
  assert.match(renderTop(two, one, 200), /orders +│ A->B +│ 1 +│ 0 /)
})

test('what the clusters alone do not show is named, once for all flows', () => {
  const onRecord = { ...flow(partition('orders', '5')), unknown: unknownOnRecord }
  const shown = renderTop({ atMs: 0, flows: [onRecord, onRecord] }, undefined, 200)
  assert.equal(shown.split('\n').filter(line =>
    line.startsWith('unknown without a process (--url asks one): time behind, ')).length, 1)
  const byProcess = renderTop({ atMs: 0, flows: [flow()] }, undefined, 200)
  assert.doesNotMatch(byProcess, /unknown/)
})

test('off a terminal top prints once; the exit code tells whether flows are healthy', async t => {
  const mirror = await createMovingMirror(t, [
    { source: 'A', target: 'B', topics: [{ topic: 'orders', partitions: 3, recordsPerSecond: 9 }] }
  ])
  const healthy = await runCaptured(['top', '--url', mirror.http.url])
  assert.equal(healthy.exitCode, 0, healthy.written)
  assert.match(healthy.written, /A->B .* healthy .* 3 running/)
  assert.doesNotMatch(healthy.written, /\u001b|q: quit/)
  await mirror.http.close()
  const unread = await runCaptured(['top', '--url', mirror.http.url])
  assert.equal(unread.exitCode, 1)
  assert.match(unread.written, /all flows .* unknown/)
})

// Regression: -o json printed tables. A reading of some flows had more than ten requests at a time,
// each of which listens to the end: Node.js wrote a warning of a leak between the tables.
test('for programs top prints one reading as JSON or YAML, and no warning', async t => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error): void => { warnings.push(name) }
  process.on('warning', onWarning)
  t.after(() => { process.off('warning', onWarning) })
  const { http } = await createMovingMirror(t, Array.from({ length: 6 }, (_, i) => (
    { source: `A${i}`, target: 'B', topics: [
      { topic: 'orders', partitions: 3, recordsPerSecond: 9 }
    ] })))
  const json = await runCaptured(['top', '--url', http.url, '-o', 'json'], { isTTY: true })
  const [first] = JSON.parse(json.written) as ReadonlyArray<
    Pick<FlowState, 'flow' | 'isHealthy'> & { readonly topics: readonly TopicState[] }>
  assert.deepEqual([first?.flow, first?.isHealthy], ['A0->B', true])
  assert.deepEqual(first?.topics.map(each => [each.topic, each.partitions]), [['orders', 3]])
  assert.equal(json.exitCode, 0)
  assert.deepEqual(warnings, [])
  const yaml = await runCaptured(['top', '--url', http.url, '-o', 'yaml'])
  assert.match(yaml.written, /^- flow: A0->B\n {2}isHealthy: true\n/)
})

test('on a terminal top draws over itself until q, and stops to read keys', async t => {
  const mirror = await createMovingMirror(t, [
    { source: 'A', target: 'B', topics: [{ topic: 'orders', partitions: 3, recordsPerSecond: 9 }] }
  ])
  let written = ''
  let press = (_key: string): void => {}
  let isReading = false
  const exitCode = await runProgram(['node', 'longhaul', 'top', '--url', mirror.http.url], {
    stdout: {
      isTTY: true,
      columns: 120,
      write: text => {
        written += text
        press('x')
        press('q')
      }
    },
    stderr: { write: text => { written += text } },
    environment: {},
    clock: systemClock,
    stopped: new AbortController().signal,
    onHangUp: () => {},
    onKey: listener => {
      press = listener
      isReading = true
      return () => { isReading = false }
    }
  })
  assert.equal(exitCode, 0, written)
  assert.ok(written.startsWith('\u001b[H\u001b[2J'))
  assert.match(written, /q: quit/)
  assert.equal(isReading, false)
})

test('top needs a file or a URL', async () => {
  const { exitCode, written } = await runCaptured(['top'])
  assert.equal(exitCode, 2)
  assert.match(written, /--url/)
})
