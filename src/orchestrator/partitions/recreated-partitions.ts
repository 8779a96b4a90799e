// Partitions whose progress belongs to a deleted topic, and whose topic was recreated by that name.
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
   * Recalls the partitions of recreated topics, and removes the partitions that the new topics do
   * not have. A paused partition stays paused: the log says what a resume will find.
   */
  async follow (): Promise<void> {
    const { gone, log, moves, table, topicIds } = this.#options
    const countOf = (partition: FlowPartition): number =>
      topicIds.recreatedSource(partition)?.partitions ?? Infinity
    const present = [...table.values()].filter(({ state }) => !leaving.has(state))
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
}

/** A partition that is stopped because of a recreation has been decided on already. */
function isRecallable ({ state, trouble }: FlowPartition): boolean {
  return recallable.has(state) &&
    !(state === 'stopped' && trouble?.error.errorName === 'TOPIC_RECREATED')
}
