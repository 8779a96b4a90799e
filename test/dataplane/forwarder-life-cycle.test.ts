// Every method of the native forwarder in every state, its arguments, and the end of a thread or of
// the process at every stage: nothing hangs, nothing crashes, and a closed forwarder reports that
// it is closed.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { partitionStates } from '../../src/dataplane/contract/contract-table.ts'
import { decodeLane, openForwarder, type Forwarder } from '../../src/dataplane/index.ts'
import { errorTable } from '../../src/orchestrator/errors/error-table.ts'
import { eventually, withTimeout } from '../kafka/eventually.ts'
import { produce } from '../kafka/kafka-producer.ts'
import {
  assignments, createForwarder, forwarderConfig, partitions, topic
} from './create-forwarder.ts'
import { exitStages, exitWays } from './forwarder-exit-program.ts'

const closed = { code: errorTable.CLOSED.code }
const refused = { code: errorTable.INVALID_ARGUMENT.code }

const methods: Readonly<Record<string, (forwarder: Forwarder) => unknown>> = {
  assign: forwarder => { forwarder.assign(assignments()) },
  revoke: forwarder => { forwarder.revoke([0, 1]) },
  knowProducers: forwarder => {
    forwarder.knowProducers({ question: 0n, inbound: [{ producerId: 7n, isLeftOut: true }] })
  },
  takeEvents: forwarder => forwarder.takeEvents(),
  stats: forwarder => forwarder.stats(true)
}

const stages: Readonly<Record<string, (forwarder: Forwarder) => void>> = {
  fresh: () => {},
  assigned: forwarder => { forwarder.assign(assignments()) },
  revoked: forwarder => {
    forwarder.assign(assignments())
    forwarder.revoke([0, 1])
  }
}

for (const [stage, reach] of Object.entries(stages)) {
  describe(`a forwarder that is ${stage}`, () => {
    for (const [name, call] of Object.entries(methods)) {
      test(`takes ${name}`, t => {
        const { forwarder } = createForwarder(t)
        reach(forwarder)
        call(forwarder)
        assert.equal(decodeLane(forwarder.stats(true)).requestErrors, 0n)
      })
    }
  })
}

describe('a closed forwarder', () => {
  for (const [name, call] of Object.entries(methods)) {
    test(`is an error for ${name}`, async t => {
      const { forwarder } = createForwarder(t)
      await forwarder.close()
      assert.throws(() => { call(forwarder) }, closed)
    })
  }

  test('may be closed again, also while it is closing', async t => {
    const { forwarder } = createForwarder(t)
    await Promise.all([forwarder.close(), forwarder.close()])
    await forwarder.close()
  })
})

describe('arguments', () => {
  test('a partition that lacks a field is refused by the name of the field', t => {
    const { forwarder } = createForwarder(t)
    const [first] = assignments()
    const broken = { ...first, upstream: 5 }
    assert.throws(() => { forwarder.assign([broken as never]) },
      { ...refused, detail: /upstream/ } as never)
  })

  test('an inbound producer that lacks a field is refused by the name of the field', t => {
    const { forwarder } = createForwarder(t)
    const broken = { question: 0n, inbound: [{ producerId: 7 }] }
    assert.throws(() => { forwarder.knowProducers(broken as never) },
      { ...refused, detail: /producerId/ } as never)
    assert.throws(() => { forwarder.knowProducers({ question: 0n } as never) },
      { ...refused, detail: /inbound/ } as never)
  })

  test('negative offsets are refused', t => {
    const { forwarder } = createForwarder(t)
    const broken = assignments().map(assignment => ({ ...assignment, downstream: -1n }))
    assert.throws(() => { forwarder.assign(broken) }, refused)
  })

  test('ids that are no integers are refused', t => {
    const { forwarder } = createForwarder(t)
    assert.throws(() => { forwarder.revoke([0.5]) }, refused)
    assert.throws(() => { forwarder.revoke(['0' as never]) }, refused)
  })

  // The largest response was their sum, which librdkafka refuses from 2^31 on.
  test('the largest legal settings open a lane', async t => {
    const { source, target } = createForwarder(t)
    const config = forwarderConfig(source.bootstrapServers(), target.bootstrapServers())
    const largest = 2 ** 31 - 1
    const forwarder = openForwarder({
      ...config, settings: { ...config.settings, fetchBytesMax: largest, decodedBytesMax: largest }
    }, () => {})
    await forwarder.close()
  })

  test('an unknown librdkafka property is refused by name', () => {
    const config = forwarderConfig('127.0.0.1:1', '127.0.0.1:1')
    assert.throws(() => openForwarder({ ...config, source: { 'no.such': '1' } }, () => {}),
      (thrown: { detail: string }) => thrown.detail.includes('no.such'))
  })

  test('methods called on something else throw instead of crashing', t => {
    const { forwarder } = createForwarder(t)
    const { stats } = forwarder
    assert.throws(() => stats.call({} as Forwarder, true), TypeError)
  })
})

describe('partitions', () => {
  test('start, resume and run, and are released with final progress', async t => {
    const { forwarder, events, counters } = createForwarder(t)
    const running = BigInt(partitionStates.indexOf('running'))
    forwarder.assign(assignments())
    await eventually('both partitions run', () =>
      counters().length === partitions && counters().every(({ state }) => state === running))
    forwarder.revoke([0, 1, 99])
    await eventually('all are released, unknown ones too', () =>
      events.flatMap(({ states }) => states).filter(({ released }) => released).length === 3)
    const stopped = BigInt(partitionStates.indexOf('stopped'))
    assert.ok(counters().every(({ state }) => state === stopped), 'their last figures are known')
    assert.deepEqual(counters(), [], 'once')
  })
})

describe('the end of its thread or process', () => {
  for (const way of exitWays) {
    for (const stage of exitStages) {
      test(`${way}, ${stage}`, async () => {
        const program = fileURLToPath(new URL('./forwarder-exit-program.js', import.meta.url))
        const { code, output } = await new Promise<{ code: unknown, output: string }>(resolve => {
          execFile(process.execPath, [program, way, stage], { timeout: 180_000 },
            (error, stdout, stderr) => {
              resolve({ code: error?.code ?? error?.signal ?? 0, output: stdout + stderr })
            })
        })
        assert.deepEqual({ code, output }, { code: 0, output: 'ended\n' })
      })
    }
  }
})

// A response holds on to its broker, whose thread ends only when nobody does: a client that was
// closed before its batches were released waited for itself, for ever.
test('a forwarder closes with batches in flight', { timeout: 600_000 }, async t => {
  const { counters, forwarder, source, target } = createForwarder(t)
  const write = async (): Promise<void> => {
    await produce(source.bootstrapServers(), topic, Array.from({ length: 10 * partitions },
      (_, index) => ({ value: `record ${index}`, partition: index % partitions })))
  }
  await write()
  forwarder.assign(assignments())
  await eventually('all is acked', () => counters().length === partitions &&
    counters().every(({ upstreamOffset }) => upstreamOffset === 10n))
  for (const broker of [1, 2]) target.setBrokerRoundTrip({ broker, milliseconds: 60_000 })
  await write()
  await eventually('bytes in flight', () => decodeLane(forwarder.stats(true)).heldBytes > 0n)
  await withTimeout('the close', 50_000, forwarder.close())
})
