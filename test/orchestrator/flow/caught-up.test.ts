// A wait for caught-up compares the ends of one moment with positions of later moments.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilCaughtUp, type CaughtUpOptions } from '../../../src/orchestrator/flow/caught-up.ts'
import { partitionKey, type Progress, type TopicPartition } from
  '../../../src/orchestrator/progress/progress.ts'
import { createFlow } from '../config/create-config.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

const ends: Record<string, bigint> = { 'orders-0': 10n, 'orders-1': 0n, 'payments-0': 4n }

interface Waiting {
  readonly options: CaughtUpOptions
  readonly clock: ManualClock
  readonly upstream: Map<string, bigint>
  readonly isolations: string[]
  asked: number
}

function createWait (change: Partial<CaughtUpOptions> = {}): Waiting {
  const clock = new ManualClock()
  const upstream = new Map<string, bigint>()
  const nameOf = ({ partition, topic }: TopicPartition): string => `${topic}-${partition}`
  const isolations: string[] = []
  const waiting: Waiting = { options: undefined as never, clock, upstream, isolations, asked: 0 }
  const options: CaughtUpOptions = {
    source: {
      cluster: 'A',
      listTopics: async () => [
        { name: 'orders', partitionCount: 2 }, { name: 'payments', partitionCount: 1 },
        { name: 'other', partitionCount: 1 }
      ] as never,
      listOffsets: async (wanted, isolation) => {
        isolations.push(isolation)
        return wanted.map(each => ({ ...each, offset: ends[nameOf(each)] ?? -1n })) as never
      }
    },
    selection: createFlow(['A->B.topics = orders, payments']).topics,
    isolation: 'read_committed',
    topic: undefined,
    timeoutMs: 10_000,
    positionsOf: async wanted => {
      waiting.asked++
      return new Map(wanted.flatMap(each => {
        const position = upstream.get(nameOf(each))
        return position === undefined
          ? []
          : [[partitionKey(each), { upstream: position } as Progress] as const]
      }))
    },
    clock,
    signal: new AbortController().signal,
    ...change
  }
  return Object.assign(waiting, { options })
}

test('resolves once every partition has reached the end of the first moment', async () => {
  const { clock, isolations, options, upstream } = createWait()
  for (const [name, offset] of [['orders-0', 9n], ['orders-1', 0n], ['payments-0', 4n]] as const) {
    upstream.set(name, offset)
  }
  let isDone = false
  const done = untilCaughtUp(options).finally(() => { isDone = true })
  await settle()
  await clock.advance(2_000)
  assert.equal(isDone, false)
  // The source continues: records after the first moment are not awaited.
  ends['orders-0'] = 1_000n
  upstream.set('orders-0', 10n)
  await clock.advance(500)
  const { behind, isCaughtUp, partitions } = await done
  ends['orders-0'] = 10n
  assert.deepEqual([isCaughtUp, partitions, behind], [true, 3, []])
  assert.deepEqual(isolations, ['read_committed'])
})

test('at the timeout names the partitions that are behind, also those without a position',
  async () => {
    const { clock, options, upstream } = createWait({ timeoutMs: 1_200 })
    upstream.set('orders-0', 3n)
    upstream.set('orders-1', 0n)
    const waiting = untilCaughtUp(options)
    for (let i = 0; i < 4; i++) {
      await settle()
      await clock.advance(400)
    }
    const { behind, isCaughtUp, waitedMs } = await waiting
    assert.equal(isCaughtUp, false)
    assert.ok(waitedMs >= 1_200 && waitedMs <= 1_600, String(waitedMs))
    assert.deepEqual(behind, [
      { topic: 'orders', partition: 0, end: 10n, upstream: 3n },
      { topic: 'payments', partition: 0, end: 4n, upstream: undefined }
    ])
  })

test('a timeout of 0 answers at once, and a topic limits the question', async () => {
  const { options, upstream } = createWait({ timeoutMs: 0, topic: 'payments' })
  assert.equal((await untilCaughtUp(options)).isCaughtUp, false)
  upstream.set('payments-0', 4n)
  const found = await untilCaughtUp(options)
  assert.deepEqual([found.isCaughtUp, found.partitions], [true, 1])
})

// Regression: a wait of ten minutes for a cut-over ended with the first reading that failed, while
// a broker of the target restarted.
test('outlives an outage that ends in time, and reports one that does not', async () => {
  const outage = { isOn: false }
  const { clock, options, upstream } = createWait({ topic: 'payments', timeoutMs: 5_000 })
  const failing: CaughtUpOptions = {
    ...options,
    positionsOf: async (...args) => {
      if (outage.isOn) throw new Error('the target does not answer')
      return await options.positionsOf(...args)
    }
  }
  const step = async (): Promise<void> => {
    await settle()
    await clock.advance(500)
  }
  const wait = untilCaughtUp(failing)
  await step()
  outage.isOn = true
  await step()
  await step()
  outage.isOn = false
  upstream.set('payments-0', 4n)
  await step()
  assert.equal((await wait).isCaughtUp, true)

  upstream.delete('payments-0')
  const lost = untilCaughtUp(failing)
  lost.catch(() => {})
  await step()
  outage.isOn = true
  for (let i = 0; i < 10; i++) await step()
  await assert.rejects(lost, /the target does not answer/)
  await assert.rejects(untilCaughtUp(failing), /does not answer/, 'at once: it has never looked')
})

test('an abort ends the wait', async () => {
  const stop = new AbortController()
  const { options } = createWait({ signal: stop.signal })
  const waiting = untilCaughtUp(options)
  await settle()
  stop.abort(new Error('stopped'))
  await assert.rejects(waiting, /stopped/)
})
