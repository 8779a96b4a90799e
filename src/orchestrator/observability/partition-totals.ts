// Adds up partitions to topics and to the flow: counters that never fall, and the state of one
// moment (states, lag, faults, stalls).
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import { CarriedSum, laneIncarnation, type SumMember } from './carried-sum.ts'
import {
  partitionStates, type FlowSnapshot, type PartitionSnapshot, type PartitionState
} from './snapshot.ts'
import { StallWatch, type Stall } from './stall-watch.ts'

export type CountsByState<State extends string> = Readonly<Record<State, number>>

/**
 * Undefined as long as no partition's lag is known: 0 would wrongly show that no records are
 * missing.
 */
export interface Lag {
  readonly lagRecords: number | undefined
  readonly lagOpenTransactionRecords: number
  /** The largest lags of a partition, in records and in seconds (perhaps of two partitions). */
  readonly lagRecordsMax: number | undefined
  readonly lagSecondsMax: number | undefined
}

/** Counts of a partition that are added up, in the order of the sums. */
export const batchFigures = [
  'records', 'batches', 'bytes', 'batchesPassedThrough', 'retries', 'recordsResumed',
  'recordsDoubled', 'recordsLooped'
] as const satisfies ReadonlyArray<keyof PartitionSnapshot>

export interface BatchTotals extends Readonly<Record<typeof batchFigures[number], number>> {
  /** By index into batchReasons. */
  readonly reencodedByReason: readonly number[]
  readonly droppedByReason: readonly number[]
}

export interface TopicTotals extends BatchTotals, Lag {
  readonly topic: string
  readonly remoteTopic: string
  /** Largest timestamp of an acknowledged record of any partition, epoch ms. */
  readonly newestRecordMs: number | undefined
  readonly partitions: readonly PartitionSnapshot[]
}

export interface FaultedPartitions {
  readonly count: number
  /** Of all partitions. */
  readonly total: number
  /** The partition that has been faulted for the longest time. */
  readonly example: PartitionSnapshot | undefined
}

export interface PartitionTotals extends BatchTotals, Lag {
  readonly topics: readonly TopicTotals[]
  readonly partitionsByState: CountsByState<PartitionState>
  readonly faulted: FaultedPartitions
  readonly stall: Stall
}

/** The memory of one topic. */
interface TopicSum {
  readonly sum: CarriedSum
  readonly totals: TopicTotals
  /** The indexes of the topic's partitions among all partitions. */
  readonly indexes: readonly number[]
}

/** The memory of one flow: the counts of partitions that moved or were removed. */
export class PartitionSums {
  #topics = new Map<string, TopicSum>()
  #partitions: readonly PartitionSnapshot[] = []
  #incarnations: ReadonlyMap<number, string> = new Map()
  /** Whether the last totals include counts of moved partitions. */
  #hasMoved = false
  /** The counts of removed topics. */
  readonly #gone: number[] = []
  readonly #stalls = new StallWatch()
  #latest: {
    readonly of: readonly PartitionSnapshot[]
    readonly totals: Omit<PartitionTotals, 'stall'>
  } | undefined

  /** One list of snapshots is added up only once: there may be thousands of partitions. */
  observe (flow: FlowSnapshot, nowMs: number): PartitionTotals {
    const { moved, partitions } = flow
    if (this.#latest?.of !== partitions || moved.length > 0) {
      this.#latest = { of: partitions, totals: this.#observe(flow) }
    }
    return { ...this.#latest.totals, stall: this.#stalls.observe(partitions, nowMs) }
  }

  #observe (flow: FlowSnapshot): Omit<PartitionTotals, 'stall'> {
    const { partitions } = flow
    const topics = this.#observeTopics(flow)
    return {
      topics,
      ...batchTotals(this.#flowTotals()),
      ...lagOf(partitions),
      partitionsByState: countStates(partitionStates, partitions),
      faulted: faultedPartitions(partitions)
    }
  }

  #observeTopics ({ lanes, moved, partitions }: FlowSnapshot): readonly TopicTotals[] {
    const incarnations = new Map(lanes.map((lane) => [lane.lane, laneIncarnation(lane)]))
    const areLanesSame = lanes.every(({ lane }) =>
      this.#incarnations.get(lane) === incarnations.get(lane))
    this.#incarnations = incarnations
    const changed = areLanesSame ? changedTopics(this.#partitions, partitions) : undefined
    this.#partitions = partitions
    const sumUp = (
      topic: string, indexes: readonly number[], movedMembers: readonly PartitionSnapshot[]
    ): TopicSum => {
      const members = indexes.flatMap((index) => partitions[index] ?? [])
      return topicSum(this.#topics.get(topic)?.sum ?? new CarriedSum(), topic, members, indexes,
        [...members, ...movedMembers].map((each) => partitionMember(each, incarnations)))
    }
    if (changed !== undefined && moved.length === 0 && !this.#hasMoved) {
      for (const topic of changed) {
        this.#topics.set(topic, sumUp(topic, this.#topics.get(topic)?.indexes ?? [], []))
      }
      return [...this.#topics.values()].map(({ totals }) => totals)
    }
    this.#hasMoved = moved.length > 0
    const movedByTopic = byTopic(moved)
    const topics = new Map([...indexesByTopic(partitions)].map(([topic, indexes]) =>
      [topic, sumUp(topic, indexes, movedByTopic.get(topic) ?? [])]))
    for (const [name, { sum }] of this.#topics) {
      if (!topics.has(name)) addTo(this.#gone, sum.totals)
    }
    this.#topics = topics
    return [...topics.values()].map(({ totals }) => totals)
  }

  #flowTotals (): readonly number[] {
    const totals = [...this.#gone]
    for (const { sum } of this.#topics.values()) addTo(totals, sum.totals)
    return totals
  }
}

function topicSum (
  sum: CarriedSum, topic: string, members: readonly PartitionSnapshot[],
  indexes: readonly number[], counted: readonly SumMember[]
): TopicSum {
  const totals = {
    topic,
    remoteTopic: members[0]?.remoteTopic ?? topic,
    newestRecordMs: newestRecordMs(members),
    partitions: members,
    ...lagOf(members),
    ...batchTotals(sum.observe(counted))
  }
  return { sum, totals, indexes }
}

/**
 * Topics of partitions whose snapshot has changed. Undefined: the set of partitions has changed.
 * Most of thousands of partitions are quiet and keep their snapshot, so this check is their whole
 * cost.
 */
function changedTopics (
  before: readonly PartitionSnapshot[], now: readonly PartitionSnapshot[]
): ReadonlySet<string> | undefined {
  if (before.length !== now.length) return undefined
  const topics = new Set<string>()
  for (let index = 0; index < now.length; index++) {
    const [earlier, later] = [before[index], now[index]]
    if (earlier === later) continue
    if (earlier?.topic !== later?.topic || earlier?.partition !== later?.partition) return undefined
    topics.add(later?.topic ?? '')
  }
  return topics
}

function indexesByTopic (
  partitions: readonly PartitionSnapshot[]
): ReadonlyMap<string, readonly number[]> {
  const topics = new Map<string, number[]>()
  for (const [index, { topic }] of partitions.entries()) {
    const indexes = topics.get(topic)
    if (indexes === undefined) topics.set(topic, [index])
    else indexes.push(index)
  }
  return topics
}

/** Every state has an entry, 0 if empty: an alert must not wait for a series to appear. */
export function countStates<State extends string> (
  states: readonly State[], members: readonly { readonly state: State }[]
): CountsByState<State> {
  const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<State, number>
  for (const { state } of members) counts[state]++
  return counts
}

/** Partitions that are being mirrored, whether or not they are caught up. */
export function countRunning (states: CountsByState<PartitionState>): number {
  return states.running + states['caught-up']
}

function byTopic (
  partitions: readonly PartitionSnapshot[]
): ReadonlyMap<string, readonly PartitionSnapshot[]> {
  const topics = new Map<string, PartitionSnapshot[]>()
  for (const partition of partitions) {
    const members = topics.get(partition.topic)
    if (members === undefined) topics.set(partition.topic, [partition])
    else members.push(partition)
  }
  return topics
}

function lagOf (partitions: readonly PartitionSnapshot[]): Lag {
  let lagRecords: number | undefined
  let lagOpenTransactionRecords = 0
  let lagRecordsMax: number | undefined
  let lagSecondsMax: number | undefined
  for (const partition of partitions) {
    lagOpenTransactionRecords += partition.lagOpenTransactionRecords
    if (partition.lagRecords !== undefined) {
      lagRecords = (lagRecords ?? 0) + partition.lagRecords
      lagRecordsMax = Math.max(lagRecordsMax ?? 0, partition.lagRecords)
    }
    if (partition.lagSeconds !== undefined) {
      lagSecondsMax = Math.max(lagSecondsMax ?? 0, partition.lagSeconds)
    }
  }
  return { lagRecords, lagOpenTransactionRecords, lagRecordsMax, lagSecondsMax }
}

function newestRecordMs (partitions: readonly PartitionSnapshot[]): number | undefined {
  return partitions.reduce<number | undefined>((newestMs, { newestRecordMs: ownMs }) =>
    ownMs === undefined ? newestMs : Math.max(newestMs ?? ownMs, ownMs), undefined)
}

function faultedPartitions (partitions: readonly PartitionSnapshot[]): FaultedPartitions {
  const faulted = partitions.filter(({ state }) => state === 'faulted')
  const example = faulted.reduce<PartitionSnapshot | undefined>((oldest, each) =>
    oldest === undefined || (each.sinceMs ?? Infinity) < (oldest.sinceMs ?? Infinity)
      ? each
      : oldest, undefined)
  return { count: faulted.length, total: partitions.length, example }
}

function addTo (totals: number[], values: readonly number[]): void {
  for (let index = 0; index < values.length; index++) {
    totals[index] = (totals[index] ?? 0) + (values[index] ?? 0)
  }
}

/**
 * A partition's counters are in its lane. They restart in another lane, and one snapshot may
 * contain both. Reasons that did not occur are left out: there are twenty reasons, and thousands of
 * partitions.
 */
function partitionMember (
  partition: PartitionSnapshot, incarnations: ReadonlyMap<number, string>
): SumMember {
  const { droppedByReason, reencodedByReason } = partition
  const values = batchFigures.map(name => Number(partition[name]))
  if (reencodedByReason.length > 0 || droppedByReason.length > 0) {
    for (const byReason of [reencodedByReason, droppedByReason]) {
      for (let reason = 0; reason < reasonCount; reason++) {
        values.push(Number(byReason[reason] ?? 0))
      }
    }
  }
  return {
    key: `${partition.partition} in ${partition.lane}`,
    incarnation: incarnations.get(partition.lane) ?? String(partition.lane),
    values
  }
}

const reasonCount = batchReasons.length

function batchTotals (values: readonly number[]): BatchTotals {
  const byReason = values.slice(batchFigures.length)
  return {
    ...figuresOf(name => values[batchFigures.indexOf(name)] ?? 0),
    reencodedByReason: byReason.slice(0, reasonCount),
    droppedByReason: byReason.slice(reasonCount, 2 * reasonCount)
  }
}

type BatchFigures = Record<typeof batchFigures[number], number>

/** An object with all of `batchFigures`. */
export function figuresOf (valueOf: (name: keyof BatchFigures) => number): BatchFigures {
  return Object.fromEntries(batchFigures.map(name => [name, valueOf(name)])) as BatchFigures
}
