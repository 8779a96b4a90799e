// A flow is started until it runs, restarted after a later failure, restarted with another
// configuration, and stopped in every state. Uses flows that only record the calls.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowStatistics } from '../../../src/orchestrator/flow/flow-statistics.ts'
import {
  FlowSupervisor, type SupervisedFlow
} from '../../../src/orchestrator/flow/flow-supervisor.ts'
import { SharedProblems } from '../../../src/orchestrator/observability/shared-problems.ts'
import { TargetClaims } from '../../../src/orchestrator/flow/target-claims.ts'
import type { FlowSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { Deadline } from '../../../src/orchestrator/time/deadline.ts'
import { createFlow } from '../config/create-config.ts'
import { recordingLog } from '../observability/recording-log.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

const longestBackoffMs = 30_000

class FakeFlow implements SupervisedFlow {
  config: FlowConfig
  readonly failed: Promise<ReplicatorError>
  fail: (error: ReplicatorError) => void = () => {}
  succeed: () => void = () => {}
  refuse: (error: ReplicatorError) => void = () => {}
  signal: AbortSignal | undefined
  stops = 0

  constructor (config: FlowConfig) {
    this.config = config
    this.failed = new Promise(resolve => { this.fail = resolve })
  }

  async start (signal: AbortSignal): Promise<void> {
    this.signal = signal
    await new Promise<void>((resolve, reject) => {
      this.succeed = resolve
      this.refuse = reject
      signal.addEventListener('abort', () => { reject(signal.reason as Error) })
    })
  }

  async stop (): Promise<boolean> {
    this.stops++
    return true
  }

  adopt (config: FlowConfig): void { this.config = config }

  snapshot (): FlowSnapshot { return FlowStatistics.empty(this.config, 'running') }

  operations (): undefined { return undefined }
}

function createSupervisor (): {
  readonly supervisor: FlowSupervisor
  readonly lines: readonly string[]
  readonly flows: FakeFlow[]
  readonly clock: ManualClock
  readonly config: FlowConfig
  /** As the mirror does each second. */
  readonly tick: () => void
} {
  const config = createFlow()
  const clock = new ManualClock()
  const flows: FakeFlow[] = []
  const lines: string[] = []
  const log = recordingLog(lines)
  const shared = new SharedProblems(log, clock)
  const supervisor = new FlowSupervisor({
    config,
    claims: new TargetClaims(),
    log,
    clock,
    shared,
    create: ({ config }) => {
      const flow = new FakeFlow(config)
      flows.push(flow)
      return flow
    }
  })
  const tick = (): void => {
    supervisor.tick()
    shared.tick()
  }
  return { supervisor, flows, clock, config, lines, tick }
}

function last (flows: readonly FakeFlow[]): FakeFlow {
  const flow = flows.at(-1)
  assert.ok(flow !== undefined)
  return flow
}

const unreachable = new ReplicatorError('CLUSTER_UNREACHABLE', 'B')
const wrongPassword = new ReplicatorError('CLUSTER_LOGIN_REFUSED', 'B', { cluster: 'B' })
const replaced = new ReplicatorError('PRODUCER_ID_REPLACED', 'progress')

describe('a supervised flow', () => {
  test('that cannot start is reported, and retried until it runs', async () => {
    const { clock, flows, supervisor } = createSupervisor()
    const started = supervisor.start()
    last(flows).refuse(unreachable)
    assert.equal(await started, unreachable)
    assert.equal(supervisor.error, unreachable)
    assert.equal(supervisor.snapshot().state, 'faulted')
    await clock.advance(longestBackoffMs)
    assert.equal(flows.length, 2)
    // Regression: metric and readiness alternated between faulted and starting at every retry.
    assert.equal(supervisor.snapshot().state, 'faulted')
    assert.equal(supervisor.snapshot().reason, unreachable.message)
    last(flows).succeed()
    await settle()
    assert.equal(supervisor.error, undefined)
    assert.equal(supervisor.snapshot().state, 'running')
  })

  // A wrong password was a line at each attempt, two a minute for as long as it was wrong.
  test('that fails for the same reason is said once, for another one at once', async () => {
    const { clock, flows, lines, supervisor } = createSupervisor()
    void supervisor.start()
    for (const error of [unreachable, unreachable, unreachable, replaced]) {
      last(flows).refuse(error)
      await settle()
      await clock.advance(longestBackoffMs)
    }
    assert.equal(flows.length, 5)
    assert.deepEqual(lines.filter(line => line.startsWith('error')).map(line =>
      /\((\w+)\)$/.exec(line)?.[1]), ['CLUSTER_UNREACHABLE', 'PRODUCER_ID_REPLACED'])
  })

  test('that does not start is named once a minute, and no more once it runs', async () => {
    const { clock, flows, lines, supervisor, tick } = createSupervisor()
    void supervisor.start()
    const fail = async (error: ReplicatorError, seconds: number): Promise<number> => {
      const before = lines.length
      for (let each = 0; each < seconds; each++) {
        last(flows).refuse(error)
        await clock.advance(1_000)
        tick()
      }
      return lines.length - before
    }
    assert.equal(await fail(wrongPassword, 59), 1, lines.join('\n'))
    assert.ok(await fail(wrongPassword, 600) <= 10, lines.join('\n'))
    await clock.advance(longestBackoffMs)
    last(flows).succeed()
    await settle()
    const before = lines.length
    for (let each = 0; each < 120; each++) {
      await clock.advance(1_000)
      tick()
    }
    assert.deepEqual(lines.slice(before), [])
  })

  // Regression: only the start was supervised: a running flow that had permanently lost its
  // producer id or its group stayed `running` and mirrored nothing.
  test('that fails while it runs is stopped and restarted', async () => {
    const { clock, flows, supervisor } = createSupervisor()
    const started = supervisor.start()
    last(flows).succeed()
    assert.equal(await started, undefined)
    last(flows).fail(replaced)
    await settle()
    assert.equal(supervisor.error, replaced)
    assert.equal(supervisor.snapshot().state, 'faulted')
    assert.equal(flows[0]?.stops, 1)
    await clock.advance(longestBackoffMs)
    assert.equal(flows.length, 2)
  })

  test('is restarted with another configuration, after it has drained', async () => {
    const { config, flows, supervisor } = createSupervisor()
    void supervisor.start()
    last(flows).succeed()
    await settle()
    const changed: FlowConfig = { ...config, settings: { ...config.settings, 'lanes': 7 } }
    supervisor.restart(changed)
    await settle()
    assert.deepEqual(flows.map(({ config, stops }) => [config.settings.lanes, stops]),
      [[config.settings.lanes, 1], [7, 0]])
  })

  test('adopts another configuration while it runs, and restarts with it',
    async () => {
      const { clock, config, flows, supervisor } = createSupervisor()
      const changed: FlowConfig = { ...config, settings: { ...config.settings, 'lanes': 7 } }
      void supervisor.start()
      last(flows).succeed()
      await settle()
      supervisor.adopt(changed)
      assert.equal(last(flows).config.settings.lanes, 7)
      last(flows).fail(unreachable)
      await clock.advance(longestBackoffMs)
      assert.deepEqual(flows.map(({ config }) => config.settings.lanes), [7, 7])
    })

  test('is restarted at once while it waits to be retried', async () => {
    const { flows, supervisor } = createSupervisor()
    void supervisor.start()
    last(flows).refuse(unreachable)
    await settle()
    supervisor.restart()
    await settle()
    assert.equal(flows.length, 2)
  })

  const states: ReadonlyArray<readonly [string, (flow: FakeFlow) => void]> = [
    ['starts', () => {}],
    ['runs', flow => { flow.succeed() }],
    ['waits to be retried', flow => { flow.refuse(unreachable) }]
  ]
  for (const [state, enter] of states) {
    test(`that ${state} is stopped once, and not restarted`, async () => {
      const { clock, flows, supervisor } = createSupervisor()
      void supervisor.start()
      enter(last(flows))
      await settle()
      const deadline = new Deadline(clock, 1_000)
      assert.equal(await supervisor.stop(deadline), true)
      assert.equal(await supervisor.stop(deadline), true)
      deadline.cancel()
      await clock.advance(longestBackoffMs)
      assert.deepEqual(flows.map(({ stops }) => stops), [1])
      assert.equal(clock.sleeping, 0)
    })
  }
})
