// Removes partitions that the source no longer has, or that the filter now excludes: drains them,
// writes their last positions, and logs one line a topic with the reason.
import { plural } from '../observability/format.ts'
import type { Log } from '../observability/log.ts'
import type { FlowPartition } from './partition-table.ts'
import type { ProgressWrites } from './progress-writes.ts'
import type { SkippedRecordCounts } from './skipped-records.ts'
import type { SlotPositions } from './slot-positions.ts'
import type { KnownTopicIds } from './topic-ids.ts'
import type { WantedTopics } from './wanted-topics.ts'
import type { Withdrawal } from './withdrawal.ts'

export interface GonePartitionsOptions {
  /** Alias of the source cluster. */
  readonly source: string
  readonly wanted: Pick<WantedTopics, 'get' | 'limit'>
  readonly withdrawal: Pick<Withdrawal, 'withdraw'>
  readonly positions: Pick<SlotPositions, 'remember'>
  readonly writes: Pick<ProgressWrites, 'write'>
  readonly topicIds: Pick<KnownTopicIds, 'forget'>
  readonly skipped: Pick<SkippedRecordCounts, 'forget'>
  /** Removes the partitions from the table. */
  readonly forget: (partitions: readonly FlowPartition[]) => Promise<void>
  readonly onError: (thrown: unknown) => void
  readonly log: Log
}

/** How long partitions of a deleted topic may drain; nothing waits for them. */
const goneDrainMs = 10_000

export class GonePartitions {
  readonly #options: GonePartitionsOptions

  constructor (options: GonePartitionsOptions) {
    this.#options = options
  }

  /** `countOf`: how many partitions the source topic has now, 0 where the flow mirrors none. */
  async remove (
    partitions: readonly FlowPartition[], countOf: (partition: FlowPartition) => number
  ): Promise<void> {
    if (partitions.length === 0) return
    const { forget, onError, positions, skipped, topicIds, wanted, withdrawal, writes } =
      this.#options
    const counts = new Map(partitions.map(partition => [partition.topic, countOf(partition)]))
    for (const [topic, count] of counts) wanted.limit(topic, count)
    await withdrawal.withdraw(partitions, goneDrainMs)
    for (const partition of partitions) positions.remember(partition)
    await writes.write().catch(onError)
    await forget(partitions)
    for (const partition of partitions) {
      if (wanted.get(partition.topic) !== undefined) continue
      topicIds.forget(partition)
      skipped.forget(partition.topic)
    }
    this.#say(partitions, counts)
  }

  #say (partitions: readonly FlowPartition[], counts: ReadonlyMap<string, number>): void {
    const { log, source, wanted } = this.#options
    // If a topic is still wanted, its problem already says why it stops.
    const topics = [...counts].flatMap(([topic, count]) =>
      count === 0 && wanted.get(topic) === undefined ? [topic] : [])
    if (topics.length > 0) {
      log.info({ topics }, 'no longer mirrored, as the source does not have them or they are ' +
        `excluded now: ${topics.join(', ')}`)
    }
    for (const [topic, count] of counts) {
      if (count === 0) continue
      const gone = partitions.filter(partition => partition.topic === topic)
        .map(({ partition }) => partition).toSorted((one, other) => one - other)
      const names = gone.length === 1
        ? `partition ${gone.join('')} is`
        : `partitions ${gone.join(', ')} are`
      log.warn({ topic, partitions: count }, `${topic} was recreated on ${source} with ` +
        `${plural(count, 'partition')}: ${names} no longer mirrored`)
    }
  }
}
