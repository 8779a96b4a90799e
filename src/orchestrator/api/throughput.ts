// Rates of flows, topics and partitions, and latencies of flows, over the last five to ten seconds,
// from totals that are kept by reference: totals are never changed, so keeping them costs nothing.
import type { FlowTotals } from '../observability/flow-ledger.ts'
import type { TopicTotals } from '../observability/partition-totals.ts'
import { latencySince } from '../observability/latency.ts'
import type { LatencySnapshot, PartitionSnapshot } from '../observability/snapshot.ts'

export interface Rates {
  /** Null: unknown, because the figures are not old enough. */
  readonly recordsPerSecond: number | null
  readonly bytesPerSecond: number | null
}

interface Sample {
  readonly atMs: number
  readonly flows: readonly FlowTotals[]
}

interface Counted {
  readonly records: number | bigint
  readonly bytes: number | bigint
}

export const sampleMs = 5_000
const unknown: Rates = { recordsPerSecond: null, bytesPerSecond: null }

export class Throughput {
  #older: Sample | undefined
  #newer: Sample | undefined
  readonly #topics = new WeakMap<FlowTotals, ReadonlyMap<string, TopicTotals>>()
  readonly #partitions = new WeakMap<TopicTotals, ReadonlyMap<number, PartitionSnapshot>>()

  /** Call it each sampleMs, by a clock that never goes back. */
  sample (flows: readonly FlowTotals[], atMs: number): void {
    this.#older = this.#newer
    this.#newer = { atMs, flows }
  }

  ofFlow (flow: FlowTotals, nowMs: number): Rates {
    return this.#rates(flow, this.#flowBefore(flow), nowMs)
  }

  /** Undefined: there is no older figure to compare with. */
  latencyOf (flow: FlowTotals): LatencySnapshot | undefined {
    const before = this.#flowBefore(flow)
    return before === undefined ? undefined : latencySince(flow.latency, before.latency)
  }

  ofTopic (flow: FlowTotals, topic: TopicTotals, nowMs: number): Rates {
    return this.#rates(topic, this.#topicBefore(flow, topic.topic), nowMs)
  }

  ofPartition (flow: FlowTotals, partition: PartitionSnapshot, nowMs: number): Rates {
    const topic = this.#topicBefore(flow, partition.topic)
    if (topic === undefined) return unknown
    const known = this.#partitions.get(topic) ??
      new Map(topic.partitions.map(each => [each.partition, each]))
    this.#partitions.set(topic, known)
    const before = known.get(partition.partition)
    // In another lane the counters of a partition begin again.
    return before?.lane === partition.lane ? this.#rates(partition, before, nowMs) : unknown
  }

  /** Of the older sample, or of the newer one while there is no older one. */
  get #base (): Sample | undefined { return this.#older ?? this.#newer }

  #flowBefore ({ source, target }: FlowTotals): FlowTotals | undefined {
    return this.#base?.flows.find(each => each.source === source && each.target === target)
  }

  #topicBefore (flow: FlowTotals, topic: string): TopicTotals | undefined {
    const before = this.#flowBefore(flow)
    if (before === undefined) return undefined
    const known = this.#topics.get(before) ??
      new Map(before.topics.map(each => [each.topic, each]))
    this.#topics.set(before, known)
    return known.get(topic)
  }

  #rates (now: Counted, before: Counted | undefined, nowMs: number): Rates {
    const seconds = (nowMs - (this.#base?.atMs ?? nowMs)) / 1000
    if (before === undefined || seconds < 1) return unknown
    const rate = (later: number | bigint, earlier: number | bigint): number =>
      Math.max(0, Number(later) - Number(earlier)) / seconds
    return {
      recordsPerSecond: rate(now.records, before.records),
      bytesPerSecond: rate(now.bytes, before.bytes)
    }
  }
}
