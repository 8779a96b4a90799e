// Control records reach the partitions of every process, each as often as it should; and the
// processes know each other. Uses a list as the log, and partitions that only record the calls.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import {
  encodeControl, type ControlScope, type FlowMember, type PauseRecord, type SkipRecord
} from '../../../src/orchestrator/control/control-record.ts'
import {
  FlowControl, type ControlledPartitions, type ControlLog
} from '../../../src/orchestrator/control/flow-control.ts'
import { sharedSettings } from '../../../src/orchestrator/control/flow-members.ts'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { EncodedRecord } from '../../../src/orchestrator/progress/progress-record.ts'
import type { TopicPartition } from '../../../src/orchestrator/progress/progress.ts'
import { parseConfigOf } from '../config/create-config.ts'
import { silentLog } from '../observability/silent-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

const given = { by: 'ann', atMs: 5, reason: 'release' }
const orders = { topic: 'orders', partition: 0 }
const second = 1_000

/** A log that several processes read. */
class FakeLog {
  readonly records: EncodedRecord[] = []
  #recreations = 0

  say (...records: ReadonlyArray<Parameters<typeof encodeControl>[0]>): void {
    this.records.push(...records.map(record => encodeControl(record)))
  }

  /** Without records; every process reads from the start again. */
  recreate (): void {
    this.records.length = 0
    this.restart()
  }

  /** Every process reads from the start again. */
  restart (): void { this.#recreations++ }

  /** Like a process that begins to read, or that has read before. */
  follow (): ControlLog {
    let next = 0
    let recreations = this.#recreations
    return {
      read: async () => {
        if (recreations !== this.#recreations) next = 0
        recreations = this.#recreations
        const more = this.records.slice(next)
        next = this.records.length
        return more
      },
      write: async records => { this.records.push(...records) }
    }
  }

  /** The values under a key, oldest first. */
  under (key: object): Array<string | null> {
    return this.records.filter(each => String(each.key) === JSON.stringify(key))
      .map(({ value }) => value === null ? null : String(value))
  }
}

class FakePartitions implements ControlledPartitions {
  pauseOf: (partition: TopicPartition) => PauseRecord | undefined = () => undefined
  readonly retried: ControlScope[] = []
  readonly skipped: string[] = []
  upstream: bigint | undefined
  canSkip = true

  setPauses (pauseOf: (partition: TopicPartition) => PauseRecord | undefined): void {
    this.pauseOf = pauseOf
  }

  async retry (isMeant: (partition: TopicPartition) => boolean): Promise<void> {
    if (isMeant(orders)) this.retried.push(orders)
  }

  skip (_partition: TopicPartition, { id }: SkipRecord): boolean {
    if (this.canSkip) this.skipped.push(id)
    return this.canSkip
  }

  upstreamOf (): bigint | undefined { return this.upstream }
}

interface Process {
  readonly partitions: FakePartitions
  /** Reloads, and log levels; `file`: that of the file. */
  readonly obeyed: string[]
  readonly control: FlowControl
  readonly errors: ReplicatorError[]
}

function createProcess (
  t: TestContext, log: FakeLog, clock: ManualClock,
  { isKeeper = false, name = 'longhaul-1', settings = {}, slots = () => [] }: {
    isKeeper?: boolean, name?: string, settings?: FlowMember['settings'],
    slots?: () => readonly number[]
  } = {},
  controlLog = log.follow()
): Process {
  const partitions = new FakePartitions()
  const errors: ReplicatorError[] = []
  const obeyed: string[] = []
  const control = new FlowControl({
    log: silentLog,
    controlLog,
    partitions,
    process: {
      reload: () => { obeyed.push('reload') },
      setLogLevel: level => { obeyed.push(level ?? 'file') }
    },
    slots,
    member: { name, build: '1.2.3', address: 'http://a:1', startedMs: 7, settings },
    isKeeper: () => isKeeper,
    onError: error => { errors.push(error) },
    clock
  })
  t.after(async () => { await control.stop() })
  control.start()
  return { partitions, control, errors, obeyed }
}

// Regression: a process that started after the progress topic was deleted and recreated mirrored
// what an operator had paused, because only progress was written again.
test('orders in force are written to a recreated log, after its own orders were read', async t => {
  const log = new FakeLog()
  const clock = new ManualClock()
  const { control, partitions } = createProcess(t, log, clock)
  const pause = (topic: string, isPaused: boolean): void => {
    log.say({ kind: 'pause', scope: { topic }, isPaused, ...given })
  }
  pause('orders', true)
  pause('payments', true)
  log.say({ kind: 'throttle', bytesPerSecond: 1000, ...given },
    { kind: 'logLevel', level: 'debug', ...given },
    { kind: 'share', scope: { topic: 'orders' }, percent: 30, ...given },
    { kind: 'skip', source: orders, to: 12n, id: 'a-skip', ...given })
  await clock.advance(second)
  log.recreate()
  control.sayAgain()
  // An operator whose order reached the new log first.
  pause('payments', false)
  await clock.advance(2 * second)
  const later = createProcess(t, log, clock, { name: 'longhaul-2' })
  await clock.advance(second)
  assert.deepEqual(later.control.state.pauses.map(({ scope }) => scope), [{ topic: 'orders' }])
  assert.equal(later.control.state.throttle?.bytesPerSecond, 1000)
  assert.equal(later.control.state.logLevel?.level, 'debug')
  assert.equal(later.control.state.shareOf('orders'), 30)
  assert.deepEqual(later.control.state.skips.map(({ id }) => id), ['a-skip'])
  assert.equal(partitions.pauseOf({ topic: 'payments', partition: 0 }), undefined)
  const written = log.records.length
  await clock.advance(5 * second)
  assert.deepEqual(log.records.slice(written).filter(({ key }) =>
    !String(key).includes('member')), [], 'the orders are written once')
})

describe('a pause', () => {
  test('reaches every process, also one that starts later, until it is ended', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock)
    await clock.advance(second)
    log.say({ kind: 'pause', scope: { topic: 'orders' }, isPaused: true, ...given })
    await clock.advance(second)
    const later = createProcess(t, log, clock, { name: 'longhaul-2' })
    await clock.advance(second)
    for (const { partitions } of [first, later]) {
      assert.equal(partitions.pauseOf(orders)?.by, 'ann')
      assert.equal(partitions.pauseOf({ topic: 'other', partition: 0 }), undefined)
    }
    log.say({ kind: 'pause', scope: { topic: 'orders' }, isPaused: false, ...given })
    await clock.advance(second)
    for (const { partitions } of [first, later]) {
      assert.equal(partitions.pauseOf(orders), undefined)
    }
  })

  test('of the flow, of a topic and of a partition are independent', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const { partitions } = createProcess(t, log, clock)
    const pause = (scope: ControlScope, isPaused: boolean, by: string): void => {
      log.say({ kind: 'pause', scope, isPaused, ...given, by })
    }
    pause({}, true, 'flow')
    pause(orders, true, 'partition')
    await clock.advance(second)
    assert.equal(partitions.pauseOf(orders)?.by, 'flow')
    pause({}, false, 'flow')
    await clock.advance(second)
    assert.equal(partitions.pauseOf(orders)?.by, 'partition')
    assert.equal(partitions.pauseOf({ topic: 'orders', partition: 1 }), undefined)
  })
})

// Regression: partitions began during the first reading: after a restart, hundreds of records of a
// paused topic were mirrored before the pause was read.
describe('recorded commands', () => {
  const paused = { kind: 'pause', scope: {}, isPaused: true, ...given } as const

  /** A log whose first reading ends at endReading(). */
  const createSlow = (t: TestContext) => {
    const log = new FakeLog()
    log.say(paused)
    let resolve = (): void => {}
    const isReadable = new Promise<void>(_resolve => { resolve = _resolve })
    const controlLog = log.follow()
    const clock = new ManualClock()
    const process = createProcess(t, log, clock, {}, {
      ...controlLog,
      read: async signal => {
        await isReadable
        return await controlLog.read(signal)
      }
    })
    let isKnown = false
    const known = process.control.known(new AbortController().signal)
      .then(() => { isKnown = true })
    return { ...process, clock, endReading: resolve, known, isKnown: () => isKnown }
  }

  test('are obeyed before a partition begins', async t => {
    const { clock, errors, isKnown, known, partitions, endReading } = createSlow(t)
    await clock.advance(5 * second)
    assert.equal(isKnown(), false)
    endReading()
    await known
    assert.equal(partitions.pauseOf(orders)?.by, 'ann')
    assert.deepEqual(errors, [])
  })

  test('delay a partition for ten seconds at most; then a warning says that they are not known',
    async t => {
      const { clock, errors, isKnown, known, endReading } = createSlow(t)
      await clock.advance(10 * second)
      await known
      assert.ok(isKnown())
      assert.deepEqual(errors.map(({ errorName }) => errorName), ['CONTROL_UNKNOWN'])
      endReading()
    })

  test('delay nothing once the process stops', async t => {
    const { control, errors, known, endReading } = createSlow(t)
    const stopped = control.stop()
    await known
    endReading()
    await stopped
    assert.deepEqual(errors, [])
  })
})

describe('a retry', () => {
  test('is carried out once, by the processes that run when it is written', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock)
    await clock.advance(second)
    log.say({ kind: 'retry', scope: { topic: 'orders' }, id: 'a', ...given })
    await clock.advance(3 * second)
    // After a restart the process begins all partitions again: the retry has had its effect.
    const again = createProcess(t, log, clock)
    await clock.advance(3 * second)
    assert.deepEqual([first.partitions.retried, again.partitions.retried], [[orders], []])
  })

  // Regression: the progress topic was recreated, and the reading that found that also read a retry
  // in the new topic. The next reading began at its start, and the retry was carried out again.
  test('that is read twice is carried out once', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const { obeyed, partitions } = createProcess(t, log, clock)
    await clock.advance(second)
    log.say({ kind: 'retry', scope: { topic: 'orders' }, id: 'a', ...given },
      { kind: 'reload', id: 'b', ...given })
    await clock.advance(second)
    log.restart()
    await clock.advance(second)
    assert.deepEqual([partitions.retried, obeyed], [[orders], ['reload']])
    log.say({ kind: 'retry', scope: { topic: 'orders' }, id: 'c', ...given })
    await clock.advance(second)
    assert.deepEqual(partitions.retried, [orders, orders])
  })

  // Regression: a stop waited for the clusters that the retry had asked about the topics, for as
  // long as one of them hung, and only then began to drain.
  test('that waits for a cluster does not delay a stop', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const { control, partitions } = createProcess(t, log, clock)
    let isAsked = false
    partitions.retry = async () => {
      isAsked = true
      await new Promise<never>(() => {})
    }
    await clock.advance(second)
    log.say({ kind: 'retry', scope: {}, id: 'a', ...given })
    await clock.advance(second)
    assert.ok(isAsked)
    await control.stop()
  })

  test('of another topic has no effect', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const { partitions } = createProcess(t, log, clock)
    await clock.advance(second)
    log.say({ kind: 'retry', scope: { topic: 'other' }, id: 'a', ...given })
    await clock.advance(second)
    assert.deepEqual(partitions.retried, [])
  })
})

describe('a skip', () => {
  const skip = { kind: 'skip', source: orders, id: 'a', to: 100n, ...given } as const
  const key = { control: 'skip', ...orders }

  test('waits for the owner of the partition, is carried out once, and is then removed',
    async t => {
      const log = new FakeLog()
      const clock = new ManualClock()
      log.say(skip)
      const { partitions } = createProcess(t, log, clock)
      await clock.advance(2 * second)
      assert.deepEqual(partitions.skipped, [])
      partitions.upstream = 40n
      partitions.canSkip = false
      await clock.advance(second)
      partitions.canSkip = true
      await clock.advance(3 * second)
      assert.deepEqual(partitions.skipped, ['a'])
      assert.equal(log.under(key).at(-1) === null, false)
      partitions.upstream = 100n
      await clock.advance(second)
      assert.equal(log.under(key).at(-1), null)
    })

  // The process died between the skip and the removal of its record: the next owner finds the
  // partition after the skip, and must not skip again.
  test('that was carried out is not repeated by the next owner', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    log.say(skip)
    const { partitions } = createProcess(t, log, clock)
    partitions.upstream = 120n
    await clock.advance(2 * second)
    assert.deepEqual(partitions.skipped, [])
    assert.equal(log.under(key).at(-1), null)
  })

  test('is replaced by a later one of the same partition', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    log.say(skip, { ...skip, id: 'b', to: 200n })
    const { partitions } = createProcess(t, log, clock)
    partitions.upstream = 40n
    await clock.advance(2 * second)
    assert.deepEqual(partitions.skipped, ['b'])
  })
})

describe('an order to the process', () => {
  test('to reload is carried out once, by the processes that run when it is written', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock)
    await clock.advance(second)
    log.say({ kind: 'reload', id: '1', ...given })
    await clock.advance(3 * second)
    const later = createProcess(t, log, clock, { name: 'longhaul-2' })
    await clock.advance(3 * second)
    assert.deepEqual([first.obeyed, later.obeyed], [['reload'], []])
  })

  test('about the log level reaches later processes, too, until it is withdrawn', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock)
    await clock.advance(second)
    log.say({ kind: 'logLevel', level: 'debug', ...given })
    await clock.advance(second)
    const later = createProcess(t, log, clock, { name: 'longhaul-2' })
    await clock.advance(second)
    assert.equal(later.control.state.logLevel?.by, 'ann')
    log.say({ kind: 'logLevel', level: undefined, ...given })
    await clock.advance(second)
    assert.deepEqual([first.obeyed, later.obeyed], [['debug', 'file'], ['debug', 'file']])
    assert.equal(later.control.state.logLevel, undefined)
  })

  test('to throttle holds for processes that start later, until the next one', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock)
    await clock.advance(second)
    log.say({ kind: 'throttle', bytesPerSecond: 5_000, ...given })
    await clock.advance(second)
    const later = createProcess(t, log, clock, { name: 'longhaul-2' })
    await clock.advance(second)
    for (const { control } of [first, later]) {
      assert.equal(control.state.throttle?.bytesPerSecond, 5_000)
    }
    log.say({ kind: 'throttle', bytesPerSecond: undefined, ...given })
    await clock.advance(second)
    for (const { control } of [first, later]) assert.equal(control.state.throttle, undefined)
  })

  test('about the share of a topic holds for later processes, until it ends', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock)
    await clock.advance(second)
    const share = (topic: string, percent: number | undefined): void => {
      log.say({ kind: 'share', scope: { topic }, percent, ...given })
    }
    share('orders', 50)
    share('orders', 30)
    share('payments', 10)
    await clock.advance(second)
    const later = createProcess(t, log, clock, { name: 'longhaul-2' })
    await clock.advance(second)
    const sharesOf = ({ control: { state } }: typeof first): unknown =>
      ['orders', 'payments', 'other'].map(topic => state.shareOf(topic))
    for (const each of [first, later]) assert.deepEqual(sharesOf(each), [30, 10, undefined])
    assert.deepEqual(later.control.state.shares.map(({ by }) => by), ['ann', 'ann'])
    assert.deepEqual(later.control.state.counts,
      { 'pause': 0, 'skip': 0, 'throttle': 0, 'share': 2, 'log-level': 0 })
    share('orders', undefined)
    await clock.advance(second)
    for (const each of [first, later]) {
      assert.deepEqual(sharesOf(each), [undefined, 10, undefined])
    }
    const key = Buffer.from(JSON.stringify({ control: 'share', topic: 'payments' }))
    log.records.push({ key, value: null })
    await clock.advance(second)
    for (const each of [first, later]) assert.deepEqual(each.control.state.shares, [])
  })

  test('of this process is carried out at once, not at the next interval', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const { control, obeyed } = createProcess(t, log, clock)
    await clock.advance(second)
    await control.say({ kind: 'reload', id: '1', ...given })
    await clock.advance(1)
    assert.deepEqual(obeyed, ['reload'])
  })
})

test('slots are announced within a second of a change, and not again without one', async t => {
  const log = new FakeLog()
  const clock = new ManualClock()
  let slots: readonly number[] = []
  createProcess(t, log, clock, { slots: () => slots })
  await clock.advance(second)
  slots = [1, 3]
  await clock.advance(2 * second)
  const announced = log.under({ member: 'longhaul-1' }).map(value =>
    (JSON.parse(value ?? '{}') as { readonly slots?: unknown }).slots)
  assert.deepEqual(announced, [[], [1, 3]])
  await clock.advance(10 * second)
  assert.equal(log.under({ member: 'longhaul-1' }).length, 2)
})

test('an unreadable control record is reported, and the others are obeyed', async t => {
  const log = new FakeLog()
  const clock = new ManualClock()
  const { errors, partitions } = createProcess(t, log, clock)
  log.records.push({ key: Buffer.from('{"control":"pause"}'), value: Buffer.from('{"version":2}') })
  log.say({ kind: 'pause', scope: orders, isPaused: true, ...given })
  await clock.advance(second)
  assert.deepEqual(errors.map(({ errorName }) => errorName), ['CONTROL_UNREADABLE'])
  assert.equal(partitions.pauseOf(orders)?.by, 'ann')
})

describe('the processes of a flow', () => {
  test('know each other while they run', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock)
    const other = createProcess(t, log, clock, { name: 'longhaul-2' })
    await clock.advance(2 * second)
    const names = (): string[] => first.control.members.map(({ name }) => name).sort()
    assert.deepEqual(names(), ['longhaul-1', 'longhaul-2'])
    await other.control.stop()
    await clock.advance(2 * second)
    assert.deepEqual(names(), ['longhaul-1'])
  })

  test('forget one that is silent for long, whose record the owner of slot 0 removes', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    log.say({
      kind: 'member',
      member: { name: 'dead', build: '', address: '', startedMs: 1, settings: {} }
    })
    const keeper = createProcess(t, log, clock, { isKeeper: true })
    await clock.advance(60 * second)
    assert.equal(keeper.control.members.length, 2)
    await clock.advance(60 * second)
    assert.deepEqual(keeper.control.members.map(({ name }) => name), ['longhaul-1'])
    assert.equal(log.under({ member: 'dead' }).at(-1), null)
  })

  // Regression: each process mirrored the topics of its own filter in its own slots, so no process
  // mirrored the rest.
  test('log once which settings differ', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const { control, errors } = createProcess(t, log, clock,
      { settings: { 'topics': 'a', 'data.loss': 'stop' } })
    createProcess(t, log, clock,
      { name: 'longhaul-2', settings: { 'topics': 'a, b', 'data.loss': 'stop' } })
    await clock.advance(100 * second)
    assert.deepEqual(errors.map(({ errorName }) => errorName), ['MEMBERS_DIFFER'])
    assert.match(errors[0]?.message ?? '', /longhaul-2 at http:\/\/a:1: topics=a here, a, b there/)
    assert.deepEqual(control.differingMembers.map(({ message }) => message),
      errors.map(({ message }) => message))
  })

  // Regression: the process that started last learned of the others only half a minute later, when
  // they next announced themselves: an operator who read its log found nothing.
  test('both log the difference within seconds, whichever started first', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    const first = createProcess(t, log, clock, { settings: { topics: 'a' } })
    await clock.advance(5 * second)
    const other = createProcess(t, log, clock,
      { name: 'longhaul-2', settings: { topics: 'a, b' } })
    await clock.advance(5 * second)
    for (const { errors } of [first, other]) {
      assert.deepEqual(errors.map(({ errorName }) => errorName), ['MEMBERS_DIFFER'])
    }
  })

  // Regression: the record of a killed process stays for a while: an operator who killed a process,
  // changed the file and restarted it read of another process with other settings.
  test('do not differ from a process that was killed earlier', async t => {
    const log = new FakeLog()
    const clock = new ManualClock()
    log.say({
      kind: 'member',
      member: { name: 'killed', build: '', address: '', startedMs: 1, settings: { topics: 'b' } }
    })
    const { errors } = createProcess(t, log, clock, { settings: { topics: 'a' } })
    await clock.advance(100 * second)
    assert.deepEqual(errors, [])
  })
})

test('settings that may differ between hosts are not compared', () => {
  const config = (...more: readonly string[]) => {
    const [flow] = parseConfigOf([
      'clusters = A, B', 'A.bootstrap.servers = a:1', 'B.bootstrap.servers = b:1',
      'A->B.enabled = true', 'A->B.topics = orders', ...more]).flows
    assert.ok(flow)
    return sharedSettings(flow)
  }
  assert.deepEqual(config(), config('A->B.lanes = 4', 'A->B.linger.ms = 9'))
  assert.notDeepEqual(config(), config('A->B.topics.exclude = x'))
  assert.equal(config('A->B.topic.orders.data.loss = skip')['topic.orders.data.loss'], 'skip')
})
