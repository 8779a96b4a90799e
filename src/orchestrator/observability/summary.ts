// The result of a run, when it ends: a table for people, JSON for programs. Pure.
import Table from 'cli-table3'
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import type { FlowTotals } from './flow-ledger.ts'
import { formatBytes, formatCount, formatSeconds } from './format.ts'
import { summarizeLatency, type LatencySummary } from './latency.ts'

export interface RunSummary {
  readonly seconds: number
  /** User and system time of the whole process. */
  readonly cpuSeconds: number
  /** Undefined as long as no byte was forwarded. */
  readonly cpuSecondsPerGB: number | undefined
  readonly flows: readonly FlowSummary[]
}

export interface FlowSummary {
  readonly source: string
  readonly target: string
  readonly topics: number
  readonly records: number
  readonly batches: number
  readonly bytes: number
  readonly megabytesPerSecond: number
  /** Batches whose payload bytes were forwarded unread, and their share of all batches, 0..1. */
  readonly batchesPassedThrough: number
  readonly passedThroughShare: number | undefined
  readonly reencoded: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<string, number>>
  readonly recordsLooped: number
  readonly retries: number
  readonly errors: Readonly<Record<string, number>>
  readonly lagRecords: number | undefined
  readonly latency: LatencySummary | undefined
}

const megabyte = 1e6
const gigabyte = 1e9

export function summarizeRun (
  flows: readonly FlowTotals[], seconds: number, cpuSeconds: number
): RunSummary {
  const bytes = flows.reduce((sum, flow) => sum + flow.bytes, 0)
  return {
    seconds,
    cpuSeconds,
    cpuSecondsPerGB: bytes > 0 ? cpuSeconds / (bytes / gigabyte) : undefined,
    flows: flows.map((flow) => summarizeFlow(flow, seconds))
  }
}

function summarizeFlow (flow: FlowTotals, seconds: number): FlowSummary {
  const { batches, batchesPassedThrough, bytes } = flow
  return {
    source: flow.source,
    target: flow.target,
    topics: flow.topics.length,
    records: flow.records,
    batches,
    bytes,
    megabytesPerSecond: seconds > 0 ? bytes / megabyte / seconds : 0,
    batchesPassedThrough,
    passedThroughShare: batches > 0 ? batchesPassedThrough / batches : undefined,
    reencoded: namedReasons(flow.reencodedByReason),
    dropped: namedReasons(flow.droppedByReason),
    recordsLooped: flow.recordsLooped,
    retries: flow.retries,
    errors: Object.fromEntries(flow.errorsByError),
    lagRecords: flow.lagRecords,
    latency: summarizeLatency([flow.latency])
  }
}

function namedReasons (counts: readonly number[]): Record<string, number> {
  return Object.fromEntries(batchReasons
    .map((reason, index) => [reason, counts[index] ?? 0] as const)
    .filter(([, count]) => count > 0))
}

/** One column for each flow; without colours, so that the table can be written to a file. */
export function renderSummaryTable (summary: RunSummary): string {
  const table = new Table({
    head: ['', ...summary.flows.map(({ source, target }) => `${source} -> ${target}`)],
    style: { head: [], border: [] },
    colAligns: ['left', ...summary.flows.map(() => 'right' as const)]
  })
  for (const [label, cell] of summaryRows) table.push([label, ...summary.flows.map(cell)])
  const { cpuSeconds, cpuSecondsPerGB, seconds } = summary
  const perGB = cpuSecondsPerGB === undefined ? '' : `, ${cpuSecondsPerGB.toFixed(2)} CPU s/GB`
  return `${table.toString()}\n` +
    `${formatSeconds(seconds)}, ${cpuSeconds.toFixed(2)} s of CPU time${perGB}`
}

const summaryRows: readonly (readonly [string, (flow: FlowSummary) => string])[] = [
  ['Topics', (flow) => String(flow.topics)],
  ['Records', (flow) => formatWhole(flow.records)],
  ['Batches', (flow) => formatWhole(flow.batches)],
  ['Batches with their payload bytes kept', (flow) => formatShare(flow)],
  ['Batches re-encoded', (flow) => formatReasons(flow.reencoded)],
  ['Batches left out', (flow) => formatReasons(flow.dropped)],
  ['Records left out, mirrored from the target before', (flow) => formatWhole(flow.recordsLooped)],
  ['Bytes', (flow) => formatBytes(flow.bytes)],
  ['MB/s', (flow) => flow.megabytesPerSecond.toFixed(1)],
  ['Replication latency p50 / p99 / max', (flow) => formatLatency(flow.latency)],
  ['Retries', (flow) => formatWhole(flow.retries)],
  ['Errors', (flow) => formatReasons(flow.errors)],
  ['Lag, records', (flow) => flow.lagRecords === undefined ? '-' : formatCount(flow.lagRecords)]
]

/** Never rounded up to 100 %: users rely on that figure. */
function formatShare ({ batchesPassedThrough, passedThroughShare }: FlowSummary): string {
  if (passedThroughShare === undefined) return '-'
  const percent = Math.floor(passedThroughShare * 1000) / 10
  return `${formatWhole(batchesPassedThrough)} (${percent.toFixed(1)} %)`
}

function formatReasons (counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([reason, count]) => `${reason} ${formatWhole(count)}`)
  return parts.length > 0 ? parts.join('\n') : '0'
}

function formatLatency (latency: LatencySummary | undefined): string {
  if (latency === undefined) return '-'
  return [latency.p50Ms, latency.p99Ms, latency.maxMs]
    .map((ms) => formatSeconds(ms / 1000)).join(' / ')
}

/** 1,234,567 in every locale. */
function formatWhole (count: number): string {
  return Math.round(count).toLocaleString('en-US')
}
