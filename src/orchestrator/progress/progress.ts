// The position of a topic-partition on both sides, and the identity that its sequence counts for.
// Types only; progress-record.ts keeps them in the progress topic.
import type { OffsetMap } from '../offsets/offset-map.ts'
import type { EpochEnd } from './leader-epochs.ts'

/** Offsets of both sides that belong together. */
export interface ProgressPoint {
  /** Next source offset to mirror. */
  readonly upstream: bigint
  /** Next target offset, as far as this flow knows. */
  readonly downstream: bigint
  /** Records that this producer id has put into the target partition, mod 2^31 (invariant B). */
  readonly sequence: number
}

/** Where a topic-partition stands. Never ahead of what the target acknowledged (invariant C). */
export interface Progress extends ProgressPoint {
  /** Older positions, oldest first (progress-history.ts). */
  readonly history?: readonly ProgressPoint[]
  /** Of the batch before `upstream`, on the source; absent: not known. */
  readonly leaderEpoch?: number
  /** Of the batches before that one, oldest first; only with `leaderEpoch`. */
  readonly earlierEpochs?: readonly EpochEnd[]
  /**
   * Counts how often older positions became invalid (a skip, a step back, a recreated topic);
   * absent: never. History on record counts only for the position of the same era.
   */
  readonly era?: number
  /** Where the records of the source are on the target; absent: nothing is known of them yet. */
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

/** Of a flow to a target without idempotent producers. On record like any other. */
export const noProducer: ProducerIdentity = { producerId: -1n, producerEpoch: 0 }

/** Whether the target deduplicates what the flow sends. */
export function isIdempotent ({ producerId }: Pick<ProducerIdentity, 'producerId'>): boolean {
  return producerId >= 0n
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A map key for a topic-partition; topic names hold no slash. */
export function partitionKey ({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
