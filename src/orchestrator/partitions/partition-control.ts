// Turns operators' orders into events of the partition state machine: pause, resume, retry,
// continue at another offset. control/ delivers the orders to every process.
import type { TopicPartition } from '../progress/progress.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { PartitionEvent, PartitionState, Pause, SkipOrder } from './partition-state.ts'
import type { FlowPartition, PartitionTable } from './partition-table.ts'

export interface PartitionControlOptions {
  readonly table: PartitionTable
  readonly moves: PartitionMoves
  /** Checks whether the topics of these partitions were recreated. */
  readonly learnTopics: (partitions: readonly FlowPartition[]) => Promise<void>
}

/** Returns the pause that applies to a partition; undefined: the partition is not paused. */
export type PauseOf = (partition: TopicPartition) => Pause | undefined

/** In the other states the partition is changing state; the operator must repeat the order. */
const skippable: ReadonlySet<PartitionState> = new Set(
  ['assigned', 'retrying', 'faulted', 'stopped', 'paused'])

export class PartitionControl {
  readonly #options: PartitionControlOptions
  #pauseOf: PauseOf = () => undefined

  constructor (options: PartitionControlOptions) {
    this.#options = options
  }

  /** Replaces the earlier pauses, also for partitions that are added later. */
  setPauses (pauseOf: PauseOf): void {
    this.#pauseOf = pauseOf
    this.obey()
  }

  /** Applies the pauses to every partition. Call it when partitions were added. */
  obey (): void {
    const { moves, table } = this.#options
    moves.moveAll([...table.values()].flatMap(partition => {
      const event = partition.state === 'removed' ? undefined : this.#pauseEvent(partition)
      return event === undefined ? [] : [[partition, event] as const]
    }))
  }

  /** Also starts partitions that a policy has stopped. */
  async retry (isMeant: (partition: TopicPartition) => boolean): Promise<void> {
    const { learnTopics, moves, table } = this.#options
    const meant = [...table.values()].filter(isMeant)
    await learnTopics(meant)
    moves.moveAll(meant
      .filter(({ state }) => state !== 'removed')
      .map(partition => [partition, { kind: 'retry' }]))
  }

  /** False: this process does not mirror the partition, or the partition is changing state. */
  skip (of: TopicPartition, order: SkipOrder): boolean {
    const { moves, table } = this.#options
    const partition = table.byName(of)
    if (partition === undefined || !skippable.has(partition.state)) return false
    moves.move(partition, { kind: 'skip', order })
    return true
  }

  #pauseEvent (partition: FlowPartition): PartitionEvent | undefined {
    const wanted = this.#pauseOf(partition)
    if (wanted === undefined) return partition.pause === undefined ? undefined : { kind: 'unpause' }
    return partition.pause === undefined ? { kind: 'pause', ...wanted } : undefined
  }
}
