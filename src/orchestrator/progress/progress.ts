// The position of a topic-partition on both clusters, and the identity that its sequence belongs
// to. Types only; progress-record.ts encodes them for the progress topic.
import type { OffsetMap } from '../offsets/offset-map.ts'
import type { EpochEnd } from './leader-epochs.ts'

/** A source offset and the target offset that belongs to it. */
export interface ProgressPoint {
  /** Next source offset to mirror. */
  readonly upstream: bigint
  /** Next target offset, as far as this flow knows. */
  readonly downstream: bigint
  /** Records that this producer id has appended to the target partition, mod 2^31 (invariant B). */
  readonly sequence: number
}

/**
 * The position of a topic-partition. Never ahead of the target's acknowledgements (invariant C).
 */
export interface Progress extends ProgressPoint {
  /** Older positions, oldest first (progress-history.ts). */
  readonly history?: readonly ProgressPoint[]
  /** The leader epoch of the batch before `upstream`, on the source; absent: not known. */
  readonly leaderEpoch?: number
  /** The epochs of the batches before that one, oldest first; only with `leaderEpoch`. */
  readonly earlierEpochs?: readonly EpochEnd[]
  /**
   * Counts how often older positions became invalid (a skip, a step back, a recreated topic);
   * absent: never. History on record counts only for the position of the same era.
   */
  readonly era?: number
  /** The target offsets of the source's records; absent: none is known yet. */
  readonly offsets?: OffsetMap
  /** The topics that the offsets belong to: a recreated topic has another id. */
  readonly topicIds?: TopicIds
}

/** Base64 as Kafka prints them; absent where the cluster has none (before Kafka 2.8). */
export interface TopicIds {
  readonly source?: string
  readonly target?: string
}

/** The flow's one producer id on its target (invariant A). */
export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** For a flow to a target without idempotent producers. It is put on record like any other. */
export const noProducer: ProducerIdentity = { producerId: -1n, producerEpoch: 0 }

/** Whether the target deduplicates the flow's batches. */
export function isIdempotent ({ producerId }: Pick<ProducerIdentity, 'producerId'>): boolean {
  return producerId >= 0n
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A map key for a topic-partition; topic names never contain a slash. */
export function partitionKey ({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** For sort(): by topic, then by partition. */
export function comparePartitions (one: TopicPartition, other: TopicPartition): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1
  return one.partition - other.partition
}
