// Reads the positions of the partitions of owned slots. The table lists the partitions of a slot
// before the slot is read, with the error if the reading fails: otherwise users would miss them.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Progress } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { PartitionTable } from './partition-table.ts'
import type { SlotPositions } from './slot-positions.ts'

export interface SlotReadingOptions {
  readonly table: PartitionTable
  readonly moves: PartitionMoves
  readonly positions: SlotPositions
  /** Reads the positions of the partitions of these slots from the progress topic. */
  readonly restore: (
    slots: readonly number[], signal?: AbortSignal
  ) => Promise<ReadonlyMap<string, Progress>>
  /** Adds the partitions of owned slots that the table lacks. */
  readonly addWanted: () => void
  readonly clock: Clock
}

export class SlotReading {
  readonly #options: SlotReadingOptions

  constructor (options: SlotReadingOptions) {
    this.#options = options
  }

  /** Adds the partitions of slots that are about to be read, so that users see them. */
  expect (slots: readonly number[]): void {
    this.#options.positions.expect(slots)
    this.#options.addWanted()
  }

  /** Rejects if a progress partition cannot be read, or with the reason of the signal. */
  async read (slots: readonly number[], signal?: AbortSignal): Promise<void> {
    const { addWanted, positions, restore } = this.#options
    this.expect(slots)
    try {
      const restored = await restore(slots, signal)
      signal?.throwIfAborted() // released by now
      positions.acquire(slots, restored)
    } catch (thrown) {
      if (signal?.aborted !== true) this.#refuse(slots, ReplicatorError.from(thrown))
      throw thrown
    }
    addWanted()
  }

  /** The partitions are due again as soon as their slot has been read. */
  #refuse (slots: readonly number[], error: ReplicatorError): void {
    const { clock, moves, table } = this.#options
    const retryAtMs = clock.now()
    moves.moveAll([...table.values()]
      .filter(({ slot, state }) => state === 'positioning' && slots.includes(slot))
      .map(partition => [partition, { kind: 'refusal', error, retryAtMs }]))
  }
}
