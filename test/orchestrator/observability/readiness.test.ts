// When /readyz answers 503, and with which texts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowLedger } from '../../../src/orchestrator/observability/flow-ledger.ts'
import { ReadinessLog } from '../../../src/orchestrator/observability/readiness-log.ts'
import {
  notReady, readinessWarnings, type NotReady
} from '../../../src/orchestrator/observability/readiness.ts'
import type {
  FlowSnapshot, PartitionSnapshot, PartitionState
} from '../../../src/orchestrator/observability/snapshot.ts'
import { ManualClock } from '../time/manual-clock.ts'
import { recordingLog } from './recording-log.ts'
import { sampleFlow, samplePartition } from './sample-flow.ts'

const second = 1_000
const away = new ReplicatorError('CLUSTER_UNREACHABLE', 'west')

/** Observes a flow as the process does, and judges it. */
function createJudge (): {
  readonly clock: ManualClock
  readonly judge: (change: Partial<FlowSnapshot>) => readonly NotReady[]
} {
  const clock = new ManualClock()
  const ledger = new FlowLedger(clock)
  const judge = (change: Partial<FlowSnapshot>): readonly NotReady[] => {
    const [flow] = ledger.observe([sampleFlow(change)])
    assert.ok(flow !== undefined)
    return notReady(flow, clock.now())
  }
  return { clock, judge }
}

const reasonsOf = (judged: readonly NotReady[]): string[] => judged.map(({ reason }) => reason)

describe('a flow', () => {
  test('that runs is ready, with or without mirrored records', () => {
    const { clock, judge } = createJudge()
    const idle = samplePartition('orders', 0, { state: 'caught-up', lagRecords: 0 })
    for (let look = 0; look < 100; look++) {
      assert.deepEqual(judge({ partitions: [idle] }), [])
      clock.skip(second)
    }
  })

  test('that does not run is not ready, with its reason', () => {
    const { judge } = createJudge()
    assert.deepEqual(judge({ state: 'faulted', reason: 'no permission' }),
      [{ reason: 'state', text: 'A->B is faulted: no permission' }])
    assert.deepEqual(reasonsOf(judge({ state: 'starting' })), ['state'])
  })

  test('whose lanes may not log in is not ready, also with nothing to do', () => {
    const { judge } = createJudge()
    assert.deepEqual(judge({ loginRefusals: ['west: the login was refused: user mirror'] }),
      [{ reason: 'cluster', text: 'A->B: west: the login was refused: user mirror' }])
  })

  test('whose progress has not been written for a minute is not ready', () => {
    const { clock, judge } = createJudge()
    const progressUnwrittenMs = clock.now()
    clock.skip(59 * second)
    assert.deepEqual(judge({ progressUnwrittenMs }), [])
    clock.skip(second)
    const [first] = judge({ progressUnwrittenMs })
    assert.equal(first?.reason, 'progress')
    assert.match(first?.text ?? '', /^A->B: B has not acknowledged progress for 60 s; /)
  })

  test('beside a process with other settings is ready, with a warning that names them', () => {
    const differing = new ReplicatorError('MEMBERS_DIFFER', 'longhaul-2: topics=a here, b there')
    const [flow] = new FlowLedger(new ManualClock())
      .observe([sampleFlow({ differingMembers: [differing] })])
    assert.ok(flow !== undefined)
    assert.deepEqual(notReady(flow, 0), [])
    assert.deepEqual(readinessWarnings(flow), [`A->B: ${differing.message}`])
  })

  test('with a cluster that does not answer is not ready', () => {
    const { clock, judge } = createJudge()
    const answeredMs = clock.now() - 13 * second
    const clusters = {
      source: { answeredMs: clock.now(), error: undefined }, target: { answeredMs, error: away }
    }
    const [first] = judge({ clusters })
    assert.equal(first?.reason, 'cluster')
    assert.match(first?.text ?? '', /^A->B: B has not answered for 13 s: /)
  })
})

describe('faulted partitions', () => {
  const faulted = samplePartition('orders', 3, {
    state: 'faulted', reason: 'No permission on the topic'
  })
  const partitions = [faulted, samplePartition('orders', 0), samplePartition('orders', 1)]

  test('make the flow not ready, with their number and an example', () => {
    const { clock, judge } = createJudge()
    const [first] = judge({
      partitions: partitions.map(each =>
        each === faulted ? { ...each, sinceMs: clock.now() - 5 * second } : each)
    })
    assert.equal(first?.reason, 'faulted')
    assert.equal(first?.text, 'A->B: 1 of 3 partitions is faulted, for example orders-3 for ' +
      '5 s: No permission on the topic')
  })

  test('are allowed up to readiness.faulted.partitions.max, and any number with -1', () => {
    const { judge } = createJudge()
    assert.deepEqual(judge({ partitions, faultedPartitionsMax: 1 }), [])
    const two = [...partitions, { ...faulted, partition: 4 }]
    assert.deepEqual(reasonsOf(judge({ partitions: two, faultedPartitionsMax: 1 })), ['faulted'])
    assert.deepEqual(judge({ partitions: two, faultedPartitionsMax: -1 }), [])
  })

  test('count with topics of which no partition is known', () => {
    const { judge } = createJudge()
    const [first] = judge({ topicProblems: [{ topic: 'orders', reason: 'No permission' }] })
    assert.equal(first?.reason, 'faulted')
    assert.match(first?.text ?? '', /1 topic cannot be mirrored, for example orders: No/)
  })
})

describe('task slots', () => {
  const noneOwned = { owned: 0, total: 32, waiting: 0, reason: undefined }

  test('that other processes own leave a process without slots ready', () => {
    const { clock, judge } = createJudge()
    const slots = { ...noneOwned, sinceMs: clock.now(), unownedByAnybody: false }
    clock.skip(100 * second)
    assert.deepEqual(judge({ slots }), [])
  })

  // Regression: all partitions of a group whose coordinator hung were stalled, and /readyz answered
  // 200.
  test('that no process owns make the flow not ready, after the time of a hand-over', () => {
    const { clock, judge } = createJudge()
    for (const unownedByAnybody of [true, undefined]) {
      const slots = { ...noneOwned, sinceMs: clock.now(), unownedByAnybody }
      assert.deepEqual(judge({ slots }), [])
      clock.skip(11 * second)
      const [first] = judge({ slots })
      assert.equal(first?.reason, 'slots')
      assert.match(first?.text ?? '', /owns 0 of 32 slots, and nobody is known to own the others/)
    }
  })

  test('that cannot be acquired make the flow not ready, with the reason', () => {
    const { clock, judge } = createJudge()
    const reason = new ReplicatorError('PROGRESS_UNREADABLE', 'slot 3 has no leader')
    const slots = {
      owned: 32, total: 32, waiting: 1, reason, sinceMs: clock.now(), unownedByAnybody: false
    }
    clock.skip(11 * second)
    const [first] = judge({ slots })
    assert.equal(first?.reason, 'slots')
    assert.match(first?.text ?? '', /1 slot of 32 cannot be acquired: .*slot 3 has no leader/)
  })
})

describe('a flow that is stalled', () => {
  const behind = (change: Partial<PartitionSnapshot> = {}): PartitionSnapshot =>
    samplePartition('orders', 0, { lagRecords: 500, upstreamOffset: 7n, ...change })

  /** The reasons after this many seconds in which the partition does not change. */
  const after = (seconds: number, partition: PartitionSnapshot): string[] => {
    const { clock, judge } = createJudge()
    let reasons: string[] = []
    for (let each = 0; each <= seconds; each++) {
      reasons = reasonsOf(judge({ partitions: [partition] }))
      clock.skip(second)
    }
    return reasons
  }

  test('is not ready after ten seconds in which the source had more records', () => {
    assert.deepEqual(after(9, behind()), [])
    assert.deepEqual(after(11, behind()), ['stalled'])
    assert.deepEqual(after(11, behind({ state: 'waiting' })), ['stalled'])
  })

  for (const state of ['paused', 'removed'] as const satisfies PartitionState[]) {
    test(`is ready if its partitions are ${state}`, () => {
      assert.deepEqual(after(100, behind({ state })), [])
    })
  }

  test('is ready if only records of an open transaction are left', () => {
    assert.deepEqual(after(100, behind({ lagOpenTransactionRecords: 500 })), [])
  })

  test('is ready as soon as a record is acknowledged', () => {
    const { clock, judge } = createJudge()
    for (let each = 0; each < 20; each++) {
      judge({ partitions: [behind()] })
      clock.skip(second)
    }
    assert.deepEqual(judge({ partitions: [behind({ upstreamOffset: 8n })] }), [])
  })

  // The snapshots of an idle flow are the same objects each second. The sums over them are computed
  // once, which must not stop the watch: otherwise an idle minute would count as a stall as soon as
  // the next record arrives, and a stalled flow without changes would stay ready.
  test('counts from the time when the source had more records, however long it was idle', () => {
    const { clock, judge } = createJudge()
    const idle = [behind({ lagRecords: 0 })]
    for (let each = 0; each < 60; each++) {
      assert.deepEqual(judge({ partitions: idle }), [])
      clock.skip(second)
    }
    const stalled = [behind()]
    for (let each = 0; each < 9; each++) {
      assert.deepEqual(judge({ partitions: stalled }), [])
      clock.skip(second)
    }
    clock.skip(2 * second)
    assert.deepEqual(reasonsOf(judge({ partitions: stalled })), ['stalled'])
  })

  // Regression: while lanes waited for the limit of the bandwidth, which a flow with a backlog does
  // all the time, no partition counted as stalled, whatever stopped it.
  test('is ready while it waits for the limit of the bandwidth, except for other reasons', () => {
    const { clock, judge } = createJudge()
    const throttle = { bytesPerSecond: 1_000, isWaiting: true }
    const away = { state: 'waiting', reason: 'broker 2 does not answer' } as const
    let judged: readonly NotReady[] = []
    for (let each = 0; each <= 61; each++) {
      assert.deepEqual(judge({ partitions: [behind()], throttle }), [])
      clock.skip(second)
    }
    for (let each = 0; each <= 61; each++) {
      judged = judge({ partitions: [behind(), behind({ partition: 1, ...away })], throttle })
      clock.skip(second)
    }
    assert.deepEqual(reasonsOf(judged), ['stalled'])
    assert.match(judged[0]?.text ?? '', /1 partition is stalled.*orders-1 .*broker 2 does not/)
    const free = { bytesPerSecond: 1_000, isWaiting: false }
    assert.deepEqual(reasonsOf(judge({ partitions: [behind()], throttle: free })), ['stalled'])
  })

  // Regression: only partitions that were behind at two looks counted as moving. Partitions that
  // catch up between looks did not, so beside one that waited, the text said that the target had
  // acknowledged nothing, and counted records that must not be fetched.
  test('is not stalled while partitions that catch up between looks receive records', () => {
    const { clock, judge } = createJudge()
    let judged: readonly NotReady[] = []
    const paused = behind({ partition: 2, state: 'paused', lagRecords: 70 })
    const waiting = behind({ state: 'waiting', lagOpenTransactionRecords: 100 })
    const look = (upstreamOffset: bigint): void => {
      const caughtUp = behind({ partition: 1, state: 'caught-up', lagRecords: 0, upstreamOffset })
      judged = judge({ partitions: [waiting, caughtUp, paused] })
      clock.skip(second)
    }
    for (let each = 0n; each < 50n; each++) {
      look(each)
      assert.deepEqual(judged, [])
    }
    for (let each = 0; each < 9; each++) look(50n)
    look(50n)
    look(50n)
    assert.match(judged[0]?.text ?? '', /acknowledged nothing for 10 s.* up to 400 records more$/)
  })

  test('in one partition only is not ready after a minute', () => {
    const { clock, judge } = createJudge()
    let judged: readonly NotReady[] = []
    for (let each = 0; each <= 60; each++) {
      assert.deepEqual(judged, [])
      const moving = behind({ partition: 1, upstreamOffset: BigInt(each) })
      judged = judge({ partitions: [behind(), moving] })
      clock.skip(second)
    }
    assert.deepEqual(reasonsOf(judged), ['stalled'])
    assert.match(judged[0]?.text ?? '', /1 partition is stalled.*orders-0 with 500 records/)
  })
})

describe('the log', () => {
  test('reports when a flow is no longer ready, and when it is ready again', () => {
    const clock = new ManualClock()
    const ledger = new FlowLedger(clock)
    const lines: string[] = []
    const log = new ReadinessLog(recordingLog(lines))
    const observe = (change: Partial<FlowSnapshot>): void => {
      log.observe(ledger.observe([sampleFlow(change)]), clock.now())
      clock.skip(second)
    }
    observe({ state: 'starting' })
    observe({})
    assert.deepEqual(lines, [])
    const clusters = {
      source: { answeredMs: clock.now(), error: undefined },
      target: { answeredMs: clock.now(), error: away }
    }
    for (let each = 0; each < 5; each++) observe({ clusters })
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^warn: not ready: A->B: B has not answered/)
    observe({})
    assert.equal(lines[1], 'info: A->B is ready again after 5 s')
    // Lines of changes that soon follow another one wait.
    clock.skip(20 * second)
    observe({})
    for (const state of ['draining', 'stopped'] as const) observe({ state })
    clock.skip(20 * second)
    observe({ state: 'stopped' })
    assert.equal(lines.length, 2)
  })

  // A cluster that several flows share was a line for each of them when it went, and when it came.
  test('names flows together that change together', () => {
    const clock = new ManualClock()
    const ledger = new FlowLedger(clock)
    const lines: string[] = []
    const log = new ReadinessLog(recordingLog(lines))
    const sources = ['A', 'C', 'D', 'E']
    const pass = (seconds: number, ...stopped: readonly string[]): void => {
      for (let each = 0; each < seconds; each++) {
        const health = { answeredMs: 0, error: away }
        const well = { answeredMs: clock.now(), error: undefined }
        log.observe(ledger.observe(sources.map(source => sampleFlow({
          source,
          target: 'B',
          clusters: { source: well, target: stopped.includes(source) ? health : well }
        }))), clock.now())
        clock.skip(second)
      }
    }
    pass(1)
    pass(3, 'A')
    pass(3, 'A', 'C', 'E')
    pass(3, 'A', 'C') // E was not ready for a moment
    pass(20, ...sources)
    assert.equal(lines.length, 2, lines.join('\n'))
    assert.match(lines[0] ?? '', /^warn: not ready: A->B: B has not answered/)
    assert.match(lines[1] ?? '', /^warn: 3 flows more are not ready: C->B, \w->B, \w->B; for ex/)
    pass(20)
    assert.match(lines[2] ?? '', /^info: A->B is ready again after/)
    assert.match(lines[3] ?? '', /^info: 3 flows more are ready again: /)
    assert.equal(lines.length, 4)
  })
})
