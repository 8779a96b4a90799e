// Partitions folded into topics: everything about a topic that is true at one moment (states, lag).
// Counters are FlowLedger's, because they need a memory.
import { partitionStates, type PartitionSnapshot, type PartitionState } from './snapshot.ts'

export type CountsByState<State extends string> = Readonly<Record<State, number>>

/** Undefined as long as no partition knows its lag: 0 would say that all is well. */
export interface Lag {
  readonly lagRecords: number | undefined
  readonly lagOpenTransactionRecords: number
  /** Of the partition furthest behind, in records and in seconds (which may be two partitions). */
  readonly lagRecordsMax: number | undefined
  readonly lagSecondsMax: number | undefined
}

export interface TopicGauges extends Lag {
  readonly topic: string
  readonly remoteTopic: string
  /** Largest timestamp of an acked record of any partition, epoch ms. */
  readonly newestRecordMs: number | undefined
  readonly partitions: readonly PartitionSnapshot[]
}

export function aggregateTopics (partitions: readonly PartitionSnapshot[]): TopicGauges[] {
  const byTopic = new Map<string, PartitionSnapshot[]>()
  for (const partition of partitions) {
    const members = byTopic.get(partition.topic)
    if (members === undefined) byTopic.set(partition.topic, [partition])
    else members.push(partition)
  }
  return [...byTopic].map(([topic, members]) => ({
    topic,
    remoteTopic: members[0]?.remoteTopic ?? topic,
    newestRecordMs: newestRecordMs(members),
    partitions: members,
    ...aggregateLag(members)
  }))
}

export function aggregateLag (partitions: readonly PartitionSnapshot[]): Lag {
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

/** Every state is there, at 0 if empty: an alert must not wait for a series to appear. */
export function countStates<State extends string> (
  states: readonly State[], members: readonly { readonly state: State }[]
): CountsByState<State> {
  const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<State, number>
  for (const { state } of members) counts[state]++
  return counts
}

/** Partitions that are mirrored, whether something is left to mirror or not. */
export function countRunning (states: CountsByState<PartitionState>): number {
  return states.running + states['caught-up']
}

export function countPartitionStates (
  partitions: readonly PartitionSnapshot[]
): CountsByState<PartitionState> {
  return countStates(partitionStates, partitions)
}
