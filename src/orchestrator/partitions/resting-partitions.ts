// Partitions that no lane reads: paused, faulted, stopped, or without a start position. No Fetch
// reports the end of their logs, nor that their topics were recreated, so the source is asked.
import type { Clock } from '../time/clock.ts'
import type { PartitionCondition, PartitionState } from './partition-state.ts'
import type { FlowPartition } from './partition-table.ts'

/** Somebody who writes to a paused topic and looks at its lag sees the records this soon. */
export const restingMs = 5_000
/**
 * One request a broker names all partitions. Beyond this number the requests are so large that
 * they are sent half as often.
 */
const manyPartitions = 1_000
const manyRestingMs = 10_000

const restingStates: ReadonlySet<PartitionState> =
  new Set(['deciding', 'faulted', 'stopped', 'paused'])

/** Most partitions without a position get one within a second; those that wait have a reason. */
export function isAtRest ({ pause, state, trouble }: PartitionCondition): boolean {
  if (state === 'positioning') return pause !== undefined || trouble !== undefined
  return restingStates.has(state)
}

export function restingIntervalMs (partitions: number): number {
  return partitions > manyPartitions ? manyRestingMs : restingMs
}

export interface RestingPartitionsOptions {
  readonly mayAsk: (partition: FlowPartition) => boolean
  /** The id of the new source topic, where progress is of a deleted one of the same name. */
  readonly recreatedAs: (partition: FlowPartition) => string | undefined
  readonly clock: Clock
}

export class RestingPartitions {
  readonly #options: RestingPartitionsOptions
  /** With the topic that was asked about: another topic has another end. */
  #asked: ReadonlyMap<FlowPartition, string | undefined> = new Map()
  #roundMs = -Infinity

  constructor (options: RestingPartitionsOptions) {
    this.#options = options
  }

  /**
   * Those whose end is to be asked for now: all of them each few seconds, and at once those that
   * have come to rest since the last call. Call it each second.
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
