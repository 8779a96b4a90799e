// Answers of thinned maps that are refined by reading the logs: over logs whose truth is known.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LogReader, LogRecord } from '../../../src/orchestrator/cluster/log-reader.ts'
import {
  translate, translateBack, type OffsetAnswer
} from '../../../src/orchestrator/offsets/offset-map.ts'
import {
  refineAnswer, windowMax, type RefinementReaders
} from '../../../src/orchestrator/offsets/offset-refinement.ts'
import { placeOf } from '../../../src/orchestrator/offsets/record-places.ts'
import { lossless, lossy, SimulatedMirror, type Step } from './simulated-mirror.ts'

type Logs = Pick<RefinementReaders, 'ofSource' | 'ofTarget'>

function readerOf (records: readonly LogRecord[]): Pick<LogReader, 'read'> {
  return {
    read: async ({ end, from }, take) => {
      for (const record of records) {
        if (record.offset >= from && record.offset < end && !take(record)) return
      }
    }
  }
}

/** The logs after the steps; `values` is how many different records there are. */
function logsOf (steps: readonly Step[], values: number): Logs {
  const source = new Map<bigint, string>()
  const target: LogRecord[] = []
  let [upstream, downstream, written] = [0n, 0n, 0]
  const append = (digest: string): void => {
    target.push({ offset: downstream++, timestampMs: 0, digest })
  }
  const mirrored: bigint[] = []
  for (const step of steps) {
    switch (step.kind) {
      case 'mirror':
        for (let i = 0; i < step.records; i++) {
          source.set(upstream, `own ${written++ % values}`)
          append(source.get(upstream) ?? '')
          mirrored.push(upstream++)
        }
        break
      case 'gap': upstream += BigInt(step.offsets); break
      case 'others':
        for (let i = 0; i < step.offsets; i++) append(`other ${downstream}`)
        break
      case 'keep':
      case 'lose': break // of the map, not of the logs
      case 'again': {
        const first = mirrored.at(-step.records)
        if (first === undefined) break
        // As the simulated mirror: as many records again, without gaps.
        for (const offset of mirrored.splice(-step.records)) source.delete(offset)
        upstream = first
        for (let i = 0; i < step.records; i++) {
          source.set(upstream, `own ${written++ % values}`)
          append(source.get(upstream) ?? '')
          mirrored.push(upstream++)
        }
      }
    }
  }
  const records = [...source].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([offset, digest]) => ({ offset, timestampMs: 0, digest }))
  return { ofSource: readerOf(records), ofTarget: readerOf(target) }
}

async function compare (
  steps: readonly Step[], values: number, max: number,
  check: (answer: OffsetAnswer, right: bigint, before: OffsetAnswer) => void
): Promise<void> {
  const mirror = new SimulatedMirror(max)
  for (const step of steps) mirror.run(step)
  const readers = { ...logsOf(steps, values), remoteTopic: (topic: string) => topic }
  const source = { topic: 'orders', partition: 0 }
  const { map, point, truth } = mirror
  for (const isBack of [false, true]) {
    for (let position = 0n; position < (isBack ? point.downstream : point.upstream); position++) {
      const next = truth.find(({ downstream, upstream }) =>
        (isBack ? downstream : upstream) >= position)
      const before = (isBack ? translateBack : translate)(map, position, point)
      const answer = await refineAnswer(
        before, { source, position, isBack, progress: point }, readers)
      const end = isBack ? point.upstream : point.downstream
      check(answer, (isBack ? next?.upstream : next?.downstream) ?? end, before)
    }
  }
}

describe('an answer of a thinned map', () => {
  test('is exact once the logs are read, where records differ', async () => {
    const steps = fc.array(lossless.filter(({ kind }) => kind !== 'again'), { maxLength: 40 })
    let refined = 0
    await fc.assert(fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (steps, max) => {
      await compare(steps, Infinity, max, (answer, right, before) => {
        // Behind the last record nothing tells where the next one will be.
        if (answer.kind === 'thinned') {
          const { early, offset = -1n } = answer
          assert.ok(offset <= right && right <= offset + early)
          return
        }
        if (before.kind === 'thinned') refined++
        assert.equal(answer.offset, right)
        assert.equal(answer.early, 0n)
      })
    }))
    assert.ok(refined > 100, `${refined} answers were refined`)
  })

  test('is never late, where records are equal, mirrored twice, or lost to the map', async () => {
    await fc.assert(fc.asyncProperty(fc.array(lossy, { maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }),
      async (steps, max, values) => {
        await compare(steps, values, max, ({ early, offset = -1n }, right) => {
          assert.ok(offset <= right, 'a reader would miss records')
          // Of equal records that were mirrored twice, each copy may be the one of the position.
          const isBounded = steps.every(({ kind }) => kind !== 'again')
          if (isBounded) assert.ok(right <= offset + early, 'earlier than the bound says')
        })
      }))
  })

  test('stays as it is where the window is too wide to be read', async () => {
    const answer: OffsetAnswer = { kind: 'thinned', offset: 5n, early: windowMax }
    const never = { read: async () => { assert.fail('nothing is read') } }
    assert.equal(await refineAnswer(answer, {
      source: { topic: 'orders', partition: 0 }, position: 9n, isBack: false,
      progress: { upstream: 10n ** 6n, downstream: 10n ** 6n }
    }, { ofSource: never, ofTarget: never, remoteTopic: topic => topic }), answer)
  })
})

describe('the place of a record', () => {
  const log = (from: bigint, ...digests: string[]) =>
    digests.map((digest, i) => ({ offset: from + BigInt(i), digest }))

  test('is found among others, and by the next record where its own was removed', () => {
    const window = log(10n, 'x', 'b', 'y', 'c')
    assert.deepEqual(placeOf(log(3n, 'b', 'c'), window), { from: 3n, to: 11n })
    assert.deepEqual(placeOf(log(2n, 'a', 'c'), window), { from: 3n, to: 13n })
    assert.equal(placeOf(log(2n, 'a', 'd'), window), undefined)
  })

  test('of equal records is known by what follows, or not at all', () => {
    assert.deepEqual(placeOf(log(1n, 'a', 'a', 'b'), log(5n, 'a', 'a', 'a', 'b')),
      { from: 1n, to: 6n })
    assert.equal(placeOf(log(1n, 'a'), log(5n, 'a', 'a')), undefined)
  })

  // The place of the equal record is behind b, which a reader that began there would miss.
  test('whose equal is there, and who was removed himself, is not that of the equal one', () => {
    assert.equal(placeOf(log(1n, 'a', 'b', 'a', 'c'), log(5n, 'b', 'a', 'c')), undefined)
  })

  // Another writer between equal records: the longest equal run is not the place.
  test('is not where only what follows others is equal', () => {
    assert.equal(placeOf(log(1n, 'a', 'b', 'a', 'b', 'c'), log(5n, 'a', 'x', 'b', 'a', 'b', 'c')),
      undefined)
  })
})
