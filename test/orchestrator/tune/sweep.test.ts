// Which settings a sweep measures and chooses, and the reasons that it prints.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseStep, sweep, type Choice } from '../../../src/orchestrator/tune/sweep.ts'
import type { Dimension } from '../../../src/orchestrator/tune/tune-table.ts'

const connections: Dimension = {
  setting: 'connections.per.broker.max', values: [1, 4, 16], gain: 'more windows', price: 'sockets'
}
const linger: Dimension =
  { setting: 'linger.ms', values: [0, 20], gain: 'larger requests', price: 'latency' }

/** A line of 40 MB/s, of which one connection passes 2.4. */
function line (choice: Choice): number {
  const windows = (choice['connections.per.broker.max'] ?? 0) * 2.4e6
  return Math.min(40e6, windows) * (choice['linger.ms'] === 20 ? 1.02 : 1)
}

describe('a sweep', () => {
  test('finds the values that fill the line, and names what bounds the others', async () => {
    const result = await sweep([connections, linger],
      { 'connections.per.broker.max': 4, 'linger.ms': 0 }, async choice => line(choice))
    assert.deepEqual(result?.chosen.choice, { 'connections.per.broker.max': 16, 'linger.ms': 0 })
    assert.match(result.reasons[0] ?? '',
      /^connections\.per\.broker\.max=16 mirrors 38\.4 MB\/s; 4 mirrors 9\.6 MB\/s: more windows$/)
    // 2 % are within the noise: no latency is paid for them.
    assert.match(result.reasons[1] ?? '',
      /^linger\.ms=0 mirrors 38\.4 MB\/s; 20 mirrors .*latency$/)
  })

  test('measures no choice twice, and the file\'s own values first', async () => {
    const measured: string[] = []
    await sweep([connections, linger], { 'connections.per.broker.max': 7, 'linger.ms': 0 },
      async choice => {
        measured.push(JSON.stringify(choice))
        return line(choice)
      })
    assert.equal(new Set(measured).size, measured.length)
    assert.equal(measured[0], '{"connections.per.broker.max":7,"linger.ms":0}')
    assert.equal(measured.length, 1 + 3 + 1)
  })

  test('has no result when it is stopped', async () => {
    let left = 2
    assert.equal(await sweep([connections], {}, async () => left-- > 0 ? 1 : undefined), undefined)
  })

  test('prefers the cheaper of two values that differ by less than the noise', () => {
    const steps = [16, 4, 1].map((value, i) => ({
      choice: { 'connections.per.broker.max': value }, bytesPerSecond: 100 - i * 4
    }))
    assert.equal(chooseStep(steps, connections).choice['connections.per.broker.max'], 4)
  })
})
