// The state of flows as `topics`, `lag`, `members` and `partitions list` show it, whichever way it
// was read: from the clusters alone (state-on-record.ts), or from a process (state-by-api.ts).
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'

export interface MemberState {
  readonly name: string
  readonly version: string
  readonly address: string
  readonly startedMs: number
  /** Null: its version does not announce them. */
  readonly slots: readonly number[] | null
}

/** Of a partition whose state the clusters alone do not show. */
export const unknownState = 'unknown'

export interface PartitionState {
  readonly topic: string
  readonly partition: number
  /** As the API names it, or `unknownState`. */
  readonly state: string
  readonly reason: string | null
  readonly sinceMs: number | null
  readonly upstreamOffset: string | null
  /** High watermark of the source. */
  readonly sourceEnd: string | null
  readonly lagRecords: number | null
  /** Null: not known; only a process knows it. */
  readonly lagSeconds: number | null
  /** How its batches are sent. */
  readonly batching: string | null
  /** Acknowledged, and merged of these; null: not known; only a process knows them. */
  readonly batches: number | null
  readonly batchesMerged: number | null
}

export interface FlowState {
  readonly flow: string
  readonly isHealthy: boolean
  /** Why the flow is not healthy, or could not be read. */
  readonly problems: readonly string[]
  /** The state could not be read. */
  readonly isUnread: boolean
  /** What the clusters alone do not show: its columns say `unknown` or `-`. */
  readonly unknown: readonly string[]
  /** The exit code of a command that could not read the state. */
  readonly exitIfUnread?: ExitCode
  readonly members: readonly MemberState[]
  readonly partitions: readonly PartitionState[]
}

export interface TopicState {
  readonly topic: string
  readonly partitions: number
  /** Null: no partition is known to be faulted, and of some only a process knows. */
  readonly faulted: number | null
  readonly paused: number
  readonly lagRecords: number | null
  readonly lagSecondsMax: number | null
  readonly batching: string | null
  /** Of the batches that were sent: how many were merged from several. Null: not known. */
  readonly mergedShare: number | null
}

/** Only processes know these; the progress topic and the clusters do not have them. */
export const unknownOnRecord: readonly string[] = [
  'time behind', 'since when', 'faults and waits of partitions', 'merged batches'
]

/** Undefined: all is known. */
export function unknownText (unknown: readonly string[]): string | undefined {
  return unknown.length === 0
    ? undefined
    : `unknown without a process (--url asks one): ${unknown.join(', ')}`
}

export function unread (flow: string, error: ReplicatorError): FlowState {
  return {
    flow,
    isHealthy: false,
    problems: [error.message],
    isUnread: true,
    unknown: [],
    exitIfUnread: failureExit(error),
    members: [],
    partitions: []
  }
}

export function stateExit (flows: readonly FlowState[]): ExitCode {
  const unreadable = flows.filter(({ isUnread }) => isUnread)
  if (unreadable.length > 0) {
    return Math.max(...unreadable.map(({ exitIfUnread = exitCodes.failed }) => exitIfUnread))
  }
  return flows.every(({ isHealthy }) => isHealthy) ? exitCodes.ok : exitCodes.unhealthy
}

/** By name. */
export function topicsOf (partitions: readonly PartitionState[]): readonly TopicState[] {
  const byTopic = new Map<string, PartitionState[]>()
  for (const each of partitions) {
    const own = byTopic.get(each.topic)
    if (own === undefined) byTopic.set(each.topic, [each])
    else own.push(each)
  }
  return [...byTopic].map(([topic, own]) => ({
    topic,
    partitions: own.length,
    faulted: faultedOf(own),
    paused: own.filter(({ state }) => state === 'paused').length,
    lagRecords: sumOf(own.flatMap(({ lagRecords }) => lagRecords ?? [])),
    lagSecondsMax: largestOf(own.flatMap(({ lagSeconds }) => lagSeconds ?? [])),
    batching: own[0]?.batching ?? null,
    mergedShare: mergedShareOf(own)
  })).sort((one, other) => one.topic < other.topic ? -1 : 1)
}

function faultedOf (partitions: readonly PartitionState[]): number | null {
  const faulted = partitions.filter(({ state }) => state === 'faulted').length
  const isUnknown = partitions.some(({ state }) => state === unknownState)
  return faulted === 0 && isUnknown ? null : faulted
}

function mergedShareOf (partitions: readonly PartitionState[]): number | null {
  const batches = sumOf(partitions.flatMap(each => each.batches ?? [])) ?? 0
  const merged = sumOf(partitions.flatMap(({ batchesMerged }) => batchesMerged ?? [])) ?? 0
  return batches === 0 ? null : merged / batches
}

function sumOf (values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, each) => sum + each, 0)
}

function largestOf (values: readonly number[]): number | null {
  return values.reduce<number | null>(
    (largest, each) => largest === null || each > largest ? each : largest, null)
}
