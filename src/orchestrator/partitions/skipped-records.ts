// What the moves of partitions left out, and what they mirror once more, by topic.
import type { SkipReason, SkippedRecords } from '../observability/snapshot.ts'
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
    if (skip !== undefined) {
      const ofTopic = this.#skipped.get(topic) ?? new Map<SkipReason, bigint>()
      ofTopic.set(skip.reason, (ofTopic.get(skip.reason) ?? 0n) + skip.records)
      this.#skipped.set(topic, ofTopic)
    }
    if (again !== undefined) {
      this.#again.set(topic, (this.#again.get(topic) ?? 0n) + again.records)
    }
  }

  forget (topic: string): void {
    this.#skipped.delete(topic)
    this.#again.delete(topic)
  }
}
