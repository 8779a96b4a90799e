// Counts by topic the records that moves of partitions skipped, and those that are mirrored again.
import type { SkipReason, SkippedRecords } from '../observability/snapshot.ts'
import type { TopicPartition } from '../progress/progress.ts'
import type { AppliedMove } from './partition-moves.ts'

export class SkippedRecordCounts {
  readonly #skipped = new Map<string, Map<SkipReason, bigint>>()
  readonly #again = new Map<string, bigint>()

  get skipped (): SkippedRecords { return this.#skipped }

  /** Records that are mirrored again because the target lost them, by topic. */
  get again (): ReadonlyMap<string, bigint> { return this.#again }

  count ({ event, partition: { topic } }: AppliedMove): void {
    if (event.kind !== 'resume') return
    const { again, skip } = event
    if (skip !== undefined) this.#add(topic, skip.reason, skip.records)
    if (again !== undefined) {
      this.#again.set(topic, (this.#again.get(topic) ?? 0n) + again.records)
    }
  }

  /** Records before the start of partitions that begin later because of auto.offset.reset. */
  countBegun (begun: ReadonlyArray<{
    readonly partition: TopicPartition
    readonly passedOver: bigint
  }>): void {
    for (const { partition: { topic }, passedOver } of begun) {
      if (passedOver > 0n) this.#add(topic, 'before_start', passedOver)
    }
  }

  forget (topic: string): void {
    this.#skipped.delete(topic)
    this.#again.delete(topic)
  }

  #add (topic: string, reason: SkipReason, records: bigint): void {
    const ofTopic = this.#skipped.get(topic) ?? new Map<SkipReason, bigint>()
    ofTopic.set(reason, (ofTopic.get(reason) ?? 0n) + records)
    this.#skipped.set(topic, ofTopic)
  }
}
