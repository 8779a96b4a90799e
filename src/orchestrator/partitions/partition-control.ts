// What operators say of partitions, as events of the partition state machine: pause, resume, retry,
// continue at another offset. Whose word it is and that every process hears it is not known here.
import type { TopicPartition } from '../progress/progress.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { PartitionEvent, PartitionState, Pause, SkipOrder } from './partition-state.ts'
import type { FlowPartition, PartitionTable } from './partition-table.ts'

export interface PartitionControlOptions {
  readonly table: PartitionTable
  readonly moves: PartitionMoves
  /** Looks whether the topics of these partitions are still the same. */
  readonly learnTopics: (partitions: readonly FlowPartition[]) => Promise<void>
}

/** What is paused, and by whom; undefined: it is not. */
export type PauseOf = (partition: TopicPartition) => Pause | undefined

/** In the other states the partition is on its way, and the operator tries again. */
const skippable: ReadonlySet<PartitionState> = new Set(
  ['assigned', 'retrying', 'faulted', 'stopped', 'paused'])

export class PartitionControl {
  readonly #options: PartitionControlOptions
  #pauseOf: PauseOf = () => undefined

  constructor (options: PartitionControlOptions) {
    this.#options = options
  }

  /** The newest word counts, also for partitions that come later. */
  setPauses (pauseOf: PauseOf): void {
    this.#pauseOf = pauseOf
    this.obey()
  }

  /** Applies what is paused to every partition. Call it when partitions were added. */
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

  /** False: the partition is not of this process, or on its way. */
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
