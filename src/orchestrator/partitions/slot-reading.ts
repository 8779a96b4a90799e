// Reads where the partitions of owned slots stand. Until a slot has been read, its partitions are
// in the table all the same, with the reason where that fails: they must not seem not to exist.
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
  /** Where the partitions of these slots stand, from the progress topic. */
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

  /** Shows the partitions of slots that are about to be read. */
  expect (slots: readonly number[]): void {
    this.#options.positions.expect(slots)
    this.#options.addWanted()
  }

  /** Rejects where a progress partition cannot be read, or with the reason of the signal. */
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

  /** They are due again as soon as their slot has been read. */
  #refuse (slots: readonly number[], error: ReplicatorError): void {
    const { clock, moves, table } = this.#options
    const retryAtMs = clock.now()
    moves.moveAll([...table.values()]
      .filter(({ slot, state }) => state === 'positioning' && slots.includes(slot))
      .map(partition => [partition, { kind: 'refusal', error, retryAtMs }]))
  }
}
