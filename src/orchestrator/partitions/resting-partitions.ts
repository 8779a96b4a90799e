// Partitions that no lane reads: paused, faulted, stopped, or without a start position. No Fetch
// response reports the end of their logs or the recreation of their topics, so the source is asked.
import type { Clock } from '../time/clock.ts'
import type { PartitionCondition, PartitionState } from './partition-state.ts'
import type { FlowPartition } from './partition-table.ts'

/** A user who writes to a paused topic and watches its lag sees the records within this time. */
export const restingMs = 5_000
/**
 * One request to a broker names all partitions. Above this number of partitions the requests are so
 * large that they are sent half as often.
 */
const manyPartitions = 1_000
const manyRestingMs = 10_000

const restingStates: ReadonlySet<PartitionState> =
  new Set(['deciding', 'faulted', 'stopped', 'paused'])

/**
 * Most partitions without a position receive one within a second; a partition that waits longer has
 * a trouble.
 */
export function isAtRest ({ pause, state, trouble }: PartitionCondition): boolean {
  if (state === 'positioning') return pause !== undefined || trouble !== undefined
  return restingStates.has(state)
}

export function restingIntervalMs (partitions: number): number {
  return partitions > manyPartitions ? manyRestingMs : restingMs
}

export interface RestingPartitionsOptions {
  readonly mayAsk: (partition: FlowPartition) => boolean
  /**
   * The id of the new source topic, if the progress belongs to a deleted topic of the same name.
   */
  readonly recreatedAs: (partition: FlowPartition) => string | undefined
  readonly clock: Clock
}

export class RestingPartitions {
  readonly #options: RestingPartitionsOptions
  /** With the topic that was asked about: the end of a recreated topic differs. */
  #asked: ReadonlyMap<FlowPartition, string | undefined> = new Map()
  #roundMs = -Infinity

  constructor (options: RestingPartitionsOptions) {
    this.#options = options
  }

  /**
   * The partitions whose end must be asked for now: each resting partition every few seconds, and
   * at once those that have come to rest since the last call. Call it each second.
   */
  takeDue (partitions: Iterable<FlowPartition>): readonly FlowPartition[] {
    const { clock, mayAsk, recreatedAs } = this.#options
    const resting = new Map<FlowPartition, string | undefined>()
    for (const partition of partitions) {
      if (isAtRest(partition) && mayAsk(partition)) resting.set(partition, recreatedAs(partition))
    }
    const nowMs = clock.monotonic()
    const isRound = nowMs - this.#roundMs >= restingIntervalMs(resting.size)
    const asked = this.#asked
    this.#asked = resting
    if (isRound) {
      this.#roundMs = nowMs
      return [...resting.keys()]
    }
    return [...resting].flatMap(([partition, topicId]) =>
      asked.has(partition) && asked.get(partition) === topicId ? [] : [partition])
  }
}
