// Puts the positions of partitions on record: writes changed positions slot by slot, one write a
// slot at a time. A slot whose progress partition does not answer delays no other slot; progress
// that is made meanwhile is in the slot's next write.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { plural } from '../observability/format.ts'
import type { Progress } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline } from '../time/deadline.ts'
import { positionOf, type FlowPartition, type PartitionTable } from './partition-table.ts'

export interface KeptPosition {
  readonly partition: FlowPartition
  readonly progress: Progress
}

export interface ProgressWritesOptions {
  readonly table: PartitionTable
  /** Resolves once these positions, all of one slot, are on record. */
  readonly keep: (positions: readonly KeptPosition[]) => Promise<void>
  readonly onError: (error: ReplicatorError) => void
  readonly clock: Clock
}

/** A round ends after this long; a write that takes longer continues after the round. */
const roundMsMax = 1_000
/** How long a hand-over waits for its last progress to be on record. */
const lastWriteMsMax = 5_000

export class ProgressWrites {
  readonly #options: ProgressWritesOptions
  /** Outstanding writes by slot. */
  readonly #writes = new Map<number, Promise<void>>()
  /** For each outstanding write of a slot: since when its positions have been unwritten. */
  readonly #writingSinceMs = new Map<number, number>()
  #unwrittenMs: number | undefined

  constructor (options: ProgressWritesOptions) {
    this.#options = options
  }

  /**
   * Since when some progress has not been written, epoch ms; undefined: all progress is written.
   */
  get unwrittenMs (): number | undefined { return this.#unwrittenMs }

  /** Call it when partitions may have made progress. */
  note (): void {
    if (this.#options.table.isDirty) this.#unwrittenMs ??= this.#options.clock.now()
  }

  /** One round. Rejects when a write of it fails at once; a later failure is passed to onError. */
  async write (): Promise<void> {
    const { clock, onError, table } = this.#options
    const changed = table.takeDirty(slot => !this.#writes.has(slot))
    if (changed.length === 0) {
      // The last write may have ended after its round.
      if (!table.isDirty && this.#writes.size === 0) this.#unwrittenMs = undefined
      return
    }
    const takenMs = clock.now()
    const sinceMs = this.#unwrittenMs ?? takenMs
    const round = new Deadline(clock, roundMsMax)
    const slots = [...new Set(changed.map(({ slot }) => slot))]
    const writes = slots.map(async slot => {
      try {
        await this.#writeSlot(slot, changed.filter(partition => partition.slot === slot), sinceMs)
      } catch (thrown) {
        if (!round.signal.aborted) throw thrown
        onError(ReplicatorError.from(thrown))
      }
    })
    try {
      await round.bound(Promise.all(writes))
    } finally {
      round.cancel()
    }
    const oldestMs = Math.min(takenMs, ...this.#writingSinceMs.values())
    this.#unwrittenMs = table.isDirty || this.#writes.size > 0 ? oldestMs : undefined
  }

  /**
   * Writes the last progress of slots that are released, then runs `mend`. Never rejects. Does not
   * wait for a leader that hangs: a scan by the next owner finds what the positions on record lack.
   */
  async writeLast (slots: readonly number[], mend: () => Promise<void>): Promise<void> {
    const { clock, onError } = this.#options
    const outstanding = async (): Promise<void> => {
      await Promise.allSettled(slots.map(async slot => { await this.#writes.get(slot) }))
    }
    const end = new Deadline(clock, lastWriteMsMax)
    try {
      await end.bound(outstanding())
      await end.bound(this.write())
      await end.bound(outstanding())
      await end.bound(mend())
      const left = slots.filter(slot => this.#writes.has(slot)).length
      if (left > 0) {
        onError(new ReplicatorError('PROGRESS_UNWRITABLE', 'the last progress of ' +
          `${plural(left, 'slot')} is not acknowledged after ${lastWriteMsMax / 1000} s`))
      }
    } catch (thrown) {
      onError(ReplicatorError.from(thrown))
    } finally {
      end.cancel()
    }
  }

  async #writeSlot (
    slot: number, partitions: readonly FlowPartition[], sinceMs: number
  ): Promise<void> {
    const { keep, table } = this.#options
    const write = keep(
      partitions.map(partition => ({ partition, progress: positionOf(partition) })))
    this.#writes.set(slot, write)
    this.#writingSinceMs.set(slot, sinceMs)
    try {
      await write
    } catch (thrown) {
      table.markDirty(partitions)
      throw thrown
    } finally {
      this.#writes.delete(slot)
      this.#writingSinceMs.delete(slot)
    }
  }
}
