// Which settings a sweep measures and chooses, and the reasons that it prints.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseStep, sweep } from '../../../src/orchestrator/tune/sweep.ts'
import {
  dimensions, type Choice, type Dimension
} from '../../../src/orchestrator/tune/tune-table.ts'

const connections: Dimension = {
  setting: 'connections.per.broker.max', values: [1, 4, 16], gain: 'more windows', price: 'sockets'
}
const linger: Dimension =
  { setting: 'linger.ms', values: [0, 20], gain: 'larger requests', price: 'latency' }

/** A line of 40 MB/s, of which one connection passes 2.4. */
function line (choice: Choice): number {
  const windows = Number(choice['connections.per.broker.max']) * 2.4e6
  return Math.min(40e6, windows) * (choice['linger.ms'] === 20 ? 1.02 : 1)
}

function stepsOf (rates: Readonly<Record<number, number>>) {
  return Object.entries(rates).map(([value, bytesPerSecond]) =>
    ({ choice: { 'connections.per.broker.max': Number(value) }, bytesPerSecond }))
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
    assert.equal(await sweep([connections], {}, async () => left-- > 0 ? 1 : undefined),
      undefined)
  })

  test('prefers the cheaper of two values that differ by less than the noise', () => {
    const chosen = chooseStep(stepsOf({ 16: 100, 4: 98, 1: 90 }), connections, 100)
    assert.equal(chosen.choice['connections.per.broker.max'], 4)
  })

  // Regression: each setting was allowed to lose 5 % of the best of its own values, so that five
  // settings together might lose a quarter.
  test('lets the settings together lose no more than the noise', async () => {
    const loses = (choice: Choice): number =>
      100 - (choice['connections.per.broker.max'] === 16 ? 0 : 2) -
        (choice['linger.ms'] === 20 ? 0 : 2)
    const start = { 'connections.per.broker.max': 16, 'linger.ms': 20 }
    const result = await sweep([connections, linger], start, async choice => loses(choice))
    assert.deepEqual(result?.chosen.choice, { 'connections.per.broker.max': 1, 'linger.ms': 20 })
  })
})

describe('the settings that tune varies', () => {
  const start: Choice = {
    'connections.per.broker.max': 32,
    'fetch.max.bytes': 6 * 2 ** 20, 'max.partition.fetch.bytes': 4 * 2 ** 20,
    'batching': 'pass-through', 'linger.ms': 0, 'batch.size': 128 * 1024
  }
  const measureAll = async (): Promise<{
    readonly measured: readonly Choice[], readonly reasons: readonly string[]
  }> => {
    const measured: Choice[] = []
    const result = await sweep(dimensions, start, async choice => {
      measured.push(choice)
      return 100e6
    })
    return { measured, reasons: result?.reasons ?? [] }
  }
  const valuesOf = (measured: readonly Choice[], setting: keyof Choice) =>
    [...new Set(measured.map(choice => choice[setting]))]

  test('leave out values without an effect, and say why', async () => {
    const { measured, reasons } = await measureAll()
    assert.deepEqual(valuesOf(measured, 'batching'), ['pass-through', 'rebatch'])
    assert.deepEqual(valuesOf(measured, 'batch.size'), [128 * 1024])
    assert.ok(reasons.some(reason => reason.startsWith('batch.size has no effect')))
  })
})
