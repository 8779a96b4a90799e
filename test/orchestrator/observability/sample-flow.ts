// Snapshots for tests: complete and without activity, so that a test sets only the fields that it
// checks.
import { batchReasons } from '../../../src/dataplane/contract/contract-table.ts'
import {
  emptyLatency, latencyUpperBoundsMs
} from '../../../src/orchestrator/observability/latency.ts'
import type {
  BatchReason, FlowSnapshot, LaneSnapshot, LatencySnapshot, PartitionSnapshot
} from '../../../src/orchestrator/observability/snapshot.ts'

export function sampleFlow (change: Partial<FlowSnapshot> = {}): FlowSnapshot {
  return {
    source: 'A',
    target: 'B',
    state: 'running',
    lanes: [sampleLane()],
    faultedPartitionsMax: 0,
    topicProblems: [],
    partitions: [],
    moved: [],
    errorsByCode: new Map(),
    progressUnwrittenMs: undefined,
    ...change
  }
}

export function sampleLane (change: Partial<LaneSnapshot> = {}): LaneSnapshot {
  return {
    lane: 0,
    incarnation: 1,
    state: 'running',
    inFlightBytes: 0,
    inFlightPartBytes: 800,
    inFlightBytesMax: 1000,
    sourceConnections: 1,
    fetchRequests: 0n,
    produceRequests: 0n,
    sourceThrottleMs: 0n,
    bandwidthWaitMs: 0,
    targetThrottleMs: 0n,
    fetchedBytes: 0n,
    followerBytes: 0n,
    fetchedTwiceBytes: 0n,
    refusedSessions: 0n,
    evictions: 0n,
    brokers: [],
    errorsByCode: new Map(),
    latency: emptyLatency,
    ...change
  }
}

export function samplePartition (
  topic: string, partition: number, change: Partial<PartitionSnapshot> = {}
): PartitionSnapshot {
  return {
    topic,
    remoteTopic: `A.${topic}`,
    partition,
    lane: 0,
    state: 'running',
    code: 0,
    reason: '',
    sinceMs: undefined,
    records: 0n,
    batches: 0n,
    bytes: 0n,
    batchesPassedThrough: 0n,
    reencodedByReason: [],
    droppedByReason: [],
    retries: 0n,
    recordsResumed: 0n,
    recordsDoubled: 0n,
    recordsLooped: 0n,
    newestRecordMs: undefined,
    latencySumMs: 0n,
    upstreamOffset: 0n,
    highWatermark: 0n,
    lagRecords: undefined,
    lagOpenTransactionRecords: 0,
    lagSeconds: undefined,
    ...change
  }
}

export function byReason (counts: Partial<Record<BatchReason, number>>): number[] {
  return batchReasons.map((reason) => counts[reason] ?? 0)
}

export function countLatencies (valuesMs: readonly number[]): LatencySnapshot {
  const counts = new Array<number>(latencyUpperBoundsMs.length + 1).fill(0)
  for (const ms of valuesMs) {
    const bucket = latencyUpperBoundsMs.findIndex((bound) => ms < bound)
    counts.splice(bucket, 1, counts.at(bucket)! + 1)
  }
  return {
    upperBoundsMs: latencyUpperBoundsMs,
    counts,
    sumMs: valuesMs.reduce((sum, ms) => sum + ms, 0)
  }
}
