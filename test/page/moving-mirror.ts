// A mirror for the page: the API over totals that grow with each step, without clusters. Its HTTP
// server is the one of a process.
import type { TestContext } from 'node:test'
import {
  startHttpServer, type HttpServer
} from '../../src/orchestrator/observability/http-server.ts'
import { FlowLedger } from '../../src/orchestrator/observability/flow-ledger.ts'
import type {
  FlowSnapshot, PartitionSnapshot, PartitionState
} from '../../src/orchestrator/observability/snapshot.ts'
import { createApi, type TestApi } from '../orchestrator/api/create-api.ts'
import {
  byReason, countLatencies, sampleFlow, sampleLane, samplePartition
} from '../orchestrator/observability/sample-flow.ts'
import { silentLog } from '../orchestrator/observability/silent-log.ts'
import { ManualClock } from '../orchestrator/time/manual-clock.ts'

export interface MovingTopic {
  readonly topic: string
  readonly partitions: number
  readonly recordsPerSecond: number
  /** Of its batches; 0 if undefined. */
  readonly mergedShare?: number
}

export interface MovingFlow {
  readonly source: string
  readonly target: string
  readonly topics: readonly MovingTopic[]
}

interface Trouble {
  readonly state: PartitionState
  readonly code: number
  readonly reason: string
  readonly skipTo?: number
}

export interface MovingMirror {
  readonly api: TestApi
  readonly http: HttpServer
  /** Lets the seconds pass, and counts what was mirrored in them. */
  step (seconds: number): Promise<void>
  /** Undefined: it runs. Takes effect with the next step. */
  set (topic: string, partition: number, trouble: Trouble | undefined): void
}

export async function createMovingMirror (
  t: TestContext, flows: readonly MovingFlow[], lines: readonly string[] = []
): Promise<MovingMirror> {
  const troubles = new Map<string, Trouble & { readonly sinceMs: number }>()
  let seconds = 0
  const snapshots = (): readonly FlowSnapshot[] =>
    flows.map((flow, i) => snapshotOf(flow, i, seconds, troubles))
  const api = await createApi(t, {
    clock: new ManualClock(Date.now()), snapshots: snapshots(), lines: [...linesOf(flows), ...lines]
  })
  const { clock, mirror, rates } = api
  const ledger = new FlowLedger(clock)
  const http = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    isPortByDefault: false,
    metrics: {
      contentType: 'text/plain', render: async () => ''
    },
    readiness: () => ({ ready: true, reasons: [], warnings: [] }),
    version: {},
    log: silentLog,
    api: {
      handle: (request, response) => { api.app.routing(request, response) },
      close: async () => {}
    }
  })
  t.after(async () => { await http.close() })
  return {
    api,
    http,
    step: async passed => {
      seconds += passed
      await clock.advance(passed * 1000)
      mirror.totals = ledger.observe(snapshots())
      rates.sample(mirror.totals, clock.monotonic())
    },
    set: (topic, partition, trouble) => {
      const key = `${topic}-${partition}`
      if (trouble === undefined) troubles.delete(key)
      else troubles.set(key, { ...trouble, sinceMs: Date.now() })
    }
  }
}

/** Of the file that enables these flows. */
function linesOf (flows: readonly MovingFlow[]): readonly string[] {
  const aliases = [...new Set(flows.flatMap(({ source, target }) => [source, target]))]
  return [
    `clusters = ${aliases.join(', ')}`,
    ...aliases.map(alias => `${alias}.bootstrap.servers = ${alias}:9092`),
    ...flows.map(({ source, target }) => `${source}->${target}.enabled = true`)
  ]
}

function snapshotOf (
  { source, target, topics }: MovingFlow, nth: number, seconds: number,
  troubles: ReadonlyMap<string, Trouble & { readonly sinceMs: number }>
): FlowSnapshot {
  const partitions = topics.flatMap(topic => Array.from({ length: topic.partitions },
    (_, partition) => partitionOf(topic, partition, source, seconds, troubles)))
  const latencies = Array.from({ length: 40 + 20 * seconds }, (_, i) =>
    14 + nth * 9 + i * 7 % 23 + (i % 31 === 0 ? 60 : 0) + Math.round(8 * Math.sin(i / 90)))
  return sampleFlow({
    source,
    target,
    partitions,
    lanes: [sampleLane({ latency: countLatencies(latencies) })],
    clusters: {
      source: { answeredMs: 0, error: undefined }, target: { answeredMs: 0, error: undefined }
    },
    slots: {
      owned: 16, total: 32, waiting: 0, sinceMs: 0, reason: undefined, unownedByAnybody: false
    },
    faultedPartitionsMax: 100
  })
}

function partitionOf (
  { mergedShare = 0, partitions, recordsPerSecond, topic }: MovingTopic, partition: number,
  source: string, seconds: number,
  troubles: ReadonlyMap<string, Trouble & { readonly sinceMs: number }>
): PartitionSnapshot {
  const trouble = troubles.get(`${topic}-${partition}`)
  const wave = 1 + 0.12 * Math.sin(seconds / 9 + partition) + 0.06 * Math.sin(seconds / 2.3)
  const records = Math.round(recordsPerSecond / partitions * (seconds + 60) * (1 + wave / 40))
  const lag = Math.round(recordsPerSecond / partitions * 0.12 * wave)
  return samplePartition(topic, partition, {
    remoteTopic: `${source}.${topic}`,
    records,
    batches: Math.round(records / 90),
    batchesPassedThrough: Math.round(records / 91 * (1 - mergedShare)),
    reencodedByReason: byReason({ merged: Math.round(records / 90 * mergedShare) }),
    bytes: records * 820,
    upstreamOffset: records,
    highWatermark: records + lag,
    lagRecords: lag,
    lagSeconds: lag === 0 ? 0 : 0.2 * wave,
    latencySumMs: records * 21,
    state: recordsPerSecond === 0 ? 'caught-up' : 'running',
    ...trouble !== undefined && { ...trouble, lagRecords: lag + 5200, lagSeconds: 31 }
  })
}
