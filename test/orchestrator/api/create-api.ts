// The API over a mirror of fixed totals, whose operations only record the calls. Requests are
// injected: no port is opened.
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { createApiApp } from '../../../src/orchestrator/api/api-app.ts'
import type { ApiLimits, ApiMirror } from '../../../src/orchestrator/api/api-context.ts'
import { Throughput } from '../../../src/orchestrator/api/throughput.ts'
import type { Config } from '../../../src/orchestrator/config/config.ts'
import type { FlowMember, Order } from '../../../src/orchestrator/control/control-record.ts'
import { ControlState } from '../../../src/orchestrator/control/control-state.ts'
import type { CaughtUp } from '../../../src/orchestrator/flow/caught-up.ts'
import type {
  FlowOperations, FlowReport
} from '../../../src/orchestrator/flow/flow-operations.ts'
import type { MoveEvent } from '../../../src/orchestrator/flow/move-event.ts'
import { FlowLedger, type FlowTotals } from '../../../src/orchestrator/observability/flow-ledger.ts'
import type { Log } from '../../../src/orchestrator/observability/log.ts'
import type { FlowSnapshot } from '../../../src/orchestrator/observability/snapshot.ts'
import { createConfig, parseConfigOf } from '../config/create-config.ts'
import {
  byReason, sampleFlow, sampleLane, samplePartition
} from '../observability/sample-flow.ts'
import { silentLog } from '../observability/silent-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

export const token = 'a-token-of-24-characters'
export const bearer = { authorization: `Bearer ${token}` }

export class FakeMirror implements ApiMirror {
  config: Config
  url = 'http://127.0.0.1:9584'
  totals: readonly FlowTotals[]
  readonly state = new ControlState()
  readonly orders: Array<{ readonly flow: string, readonly order: Order, readonly isDry: boolean }>
    = []
  members: readonly FlowMember[] = [{
    name: 'longhaul-1', build: '1.2.3', address: 'http://127.0.0.1:1', startedMs: 5, settings: {},
    slots: [0, 2]
  }]
  report: Partial<FlowReport> = {}
  isRunning = true
  doubt: string | undefined
  failure: Error | undefined
  caughtUp: (topic: string | undefined, timeoutMs: number, signal: AbortSignal) =>
    Promise<CaughtUp> = async () =>
      ({ isCaughtUp: true, asOfMs: 1, waitedMs: 2, partitions: 3, behind: [] })
  readonly listeners = new Set<(event: MoveEvent) => void>()

  constructor (config: Config, totals: readonly FlowTotals[]) {
    this.config = config
    this.totals = totals
  }

  operations (flow: string): FlowOperations | undefined {
    if (!this.isRunning) return undefined
    return {
      report: () => ({
        members: this.members, memberName: 'longhaul-1', slots: 32, orders: this.state, duties: [],
        groups: undefined, batchingOf: topic => topic === 'payments' ? 'rebatch' : 'pass-through',
        ...this.report
      }),
      order: async (order, isDry) => {
        if (this.failure !== undefined) throw this.failure
        this.orders.push({ flow, order, isDry })
        return this.doubt
      },
      caughtUp: async (...args) => await this.caughtUp(...args)
    }
  }

  onMove (listener: (event: MoveEvent) => void): () => void {
    this.listeners.add(listener)
    return () => { this.listeners.delete(listener) }
  }
}

/** Two topics: three partitions with counters, one of them faulted. */
export function sampleSnapshot (): FlowSnapshot {
  return sampleFlow({
    lanes: [sampleLane()],
    partitions: [
      samplePartition('orders', 0, {
        records: 1000n, batches: 20n, bytes: 50_000n, batchesPassedThrough: 18n, retries: 3n,
        reencodedByReason: byReason({ compacted: 2 }), upstreamOffset: 1000n,
        highWatermark: 1010n, lagRecords: 10, lagSeconds: 1.5, latencySumMs: 4000n
      }),
      samplePartition('orders', 1, {
        state: 'faulted', code: 2040, reason: 'a reason', sinceMs: 77, lane: -1,
        highWatermark: -1n, skipTo: 12n
      }),
      samplePartition('payments', 0, { records: 5n, batches: 1n, bytes: 90n, lagRecords: 0 })
    ]
  })
}

export interface TestApi {
  readonly app: FastifyInstance
  readonly mirror: FakeMirror
  readonly clock: ManualClock
  readonly rates: Throughput
}

export async function createApi (
  t: TestContext,
  {
    checkFile, clock = new ManualClock(), limits = {}, lines = [`api.token = ${token}`],
    log = silentLog, snapshots
  }: {
    readonly checkFile?: () => readonly string[]
    readonly clock?: ManualClock
    readonly limits?: Partial<ApiLimits>
    /** Further lines of the file of A and B, or a whole file that begins with its clusters. */
    readonly lines?: readonly string[]
    readonly log?: Log
    readonly snapshots?: readonly FlowSnapshot[]
  } = {}
): Promise<TestApi> {
  const totals = new FlowLedger(clock).observe(snapshots ?? [sampleSnapshot()])
  const ownsClusters = lines[0]?.startsWith('clusters') === true
  const config = ownsClusters ? parseConfigOf(lines) : createConfig(lines)
  const mirror = new FakeMirror(config, totals)
  const rates = new Throughput()
  const many = { requestsMax: 1_000_000, changesMax: 1_000_000 }
  const app = await createApiApp(
    {
      mirror, rates, log, clock, limits: { ...many, ...limits },
      ...checkFile !== undefined && { checkFile }
    })
  t.after(async () => { await app.close() })
  return { app, mirror, clock, rates }
}

export const flowPath = '/api/v1/flows/A-%3EB'
