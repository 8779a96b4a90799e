// What operators have said of a flow, as far as it still counts: what is paused, and which
// partitions are to continue at another offset. Pure.
import { partitionKey, type TopicPartition } from '../progress/progress.ts'
import type {
  ControlScope, PauseRecord, RetryRecord, SkipRecord
} from './control-record.ts'

export class ControlState {
  readonly #pauses = new Map<string, PauseRecord>()
  readonly #skips = new Map<string, SkipRecord>()

  /** Skips that are not done yet, by any process. */
  get skips (): readonly SkipRecord[] { return [...this.#skips.values()] }

  apply (record: PauseRecord | SkipRecord): void {
    if (record.kind === 'skip') {
      this.#skips.set(partitionKey(record.source), record)
    } else if (record.isPaused) {
      this.#pauses.set(scopeKey(record.scope), record)
    } else {
      this.#pauses.delete(scopeKey(record.scope))
    }
  }

  /** The word under this key is withdrawn; `key` as control-record.ts writes it. */
  withdraw (key: string): void {
    for (const [name, { source }] of this.#skips) {
      if (key === JSON.stringify({ control: 'skip', ...source })) this.#skips.delete(name)
    }
    for (const [name, { scope }] of this.#pauses) {
      if (key === JSON.stringify({ control: 'pause', ...scope })) this.#pauses.delete(name)
    }
  }

  /**
   * Why the partition is paused; undefined: it is not. Each scope has a switch of its own: a
   * partition runs where the flow, its topic and itself do. The widest one is named.
   */
  pauseOf ({ partition, topic }: TopicPartition): PauseRecord | undefined {
    const scopes: readonly ControlScope[] = [{}, { topic }, { topic, partition }]
    return scopes.flatMap(scope => this.#pauses.get(scopeKey(scope)) ?? [])[0]
  }
}

/** Whether a word of this scope is about the partition. */
export function isMeant (
  { scope }: Pick<RetryRecord, 'scope'>, { partition, topic }: TopicPartition
): boolean {
  return (scope.topic === undefined || scope.topic === topic) &&
    (scope.partition === undefined || scope.partition === partition)
}

function scopeKey ({ partition, topic }: ControlScope): string {
  return JSON.stringify([topic, partition])
}
