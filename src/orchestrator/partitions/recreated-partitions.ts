// Partitions whose progress belongs to a deleted topic, whether or not that topic was recreated.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { GonePartitions } from './gone-partitions.ts'
import type { PartitionLog } from './partition-log.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { PartitionState } from './partition-state.ts'
import type { FlowPartition, PartitionTable } from './partition-table.ts'
import type { KnownTopicIds } from './topic-ids.ts'

export interface RecreatedPartitionsOptions {
  readonly table: PartitionTable
  readonly moves: PartitionMoves
  readonly topicIds: KnownTopicIds
  readonly gone: GonePartitions
  readonly log: PartitionLog
}

/**
 * States in which a recreation is handled at once; in the other states a later check handles it.
 */
const recallable: ReadonlySet<PartitionState> =
  new Set(['assigned', 'retrying', 'faulted', 'stopped'])
const leaving: ReadonlySet<PartitionState> = new Set(['releasing', 'removed'])

export class RecreatedPartitions {
  readonly #options: RecreatedPartitionsOptions

  constructor (options: RecreatedPartitionsOptions) {
    this.#options = options
  }

  /**
   * Completes topic ids, recalls the partitions of recreated topics, and removes the partitions
   * that the new topics do not have. A paused partition stays paused: the log says what a resume
   * will find.
   */
  async follow (): Promise<void> {
    const { gone, log, moves, table, topicIds } = this.#options
    const countOf = (partition: FlowPartition): number =>
      topicIds.recreatedSource(partition)?.partitions ?? Infinity
    const present = [...table.values()].filter(({ state }) => !leaving.has(state))
    this.#completeIds(present)
    const removal = gone.remove(
      present.filter(partition => partition.partition >= countOf(partition)), countOf)
    const recreated = present.flatMap(partition => {
      const event = topicIds.recreationOf(partition)
      return event === undefined ? [] : [[partition, event] as const]
    })
    moves.moveAll(recreated.filter(([partition]) => isRecallable(partition)))
    for (const [partition, { error }] of recreated) {
      if (partition.state === 'paused') log.onPausedRecreated(partition, error)
    }
    await removal
  }

  /**
   * Recalls the partitions of remote topics that the target does not have. A topic that no broker
   * has reported before is not deleted but new: the brokers do not have its metadata yet.
   */
  recallDeleted (remoteTopics: ReadonlySet<string>): void {
    const { moves, table, topicIds } = this.#options
    moves.moveAll([...table.values()]
      .filter(({ remoteTopic, state }) => state === 'assigned' && remoteTopics.has(remoteTopic) &&
        topicIds.hasRemote(remoteTopic))
      .map(partition => [partition, { kind: 'recreation', error: missingOnTarget(partition) }]))
  }

  /** Of partitions that began before a broker reported the ids of their topics. */
  #completeIds (partitions: readonly FlowPartition[]): void {
    const { table, topicIds } = this.#options
    for (const partition of partitions) {
      const { progress } = partition
      if (progress === undefined) continue
      const completed = topicIds.complete(partition, progress)
      if (completed !== progress) table.setProgress(partition, completed)
    }
  }
}

/** With the text of the lane, which reports the same at the next retry. */
function missingOnTarget ({ partition, remoteTopic }: FlowPartition): ReplicatorError {
  return new ReplicatorError('TARGET_PARTITION_MISSING',
    `target topic ${remoteTopic} partition ${partition} does not exist`)
}

/** A partition that is stopped because of a recreation has been decided on already. */
function isRecallable ({ state, trouble }: FlowPartition): boolean {
  return recallable.has(state) &&
    !(state === 'stopped' && trouble?.error.errorName === 'TOPIC_RECREATED')
}
