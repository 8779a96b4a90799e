// The partitions that the source had when the flow first listed its topics, recorded in each slot.
// A partition that was created later begins at its earliest offset, even with
// auto.offset.reset=latest: the flow already existed when its records were written, so it mirrors
// all of them.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { slotOf } from '../progress/task-slots.ts'
import type { SlotRecord } from '../progress/progress-store.ts'
import type { SlotPartition } from './partition-table.ts'

/** Partition counts by topic. */
type TopicCounts = ReadonlyMap<string, number>

export interface FirstLookOptions {
  readonly slots: number
  /** The first look that the slot has on record; undefined: no process has recorded one yet. */
  readonly read: (slot: number) => Promise<TopicCounts | undefined>
  readonly write: (records: readonly SlotRecord[]) => Promise<void>
}

export class FirstLook {
  readonly #options: FirstLookOptions
  /**
   * A recorded first look never changes, so a slot that this process owns again is not read again.
   */
  readonly #settled = new Map<number, TopicCounts>()
  readonly #settling = new Map<number, Promise<void>>()
  readonly #errors = new Map<number, ReplicatorError>()
  #onSource: TopicCounts | undefined
  #looks: ReadonlyMap<number, TopicCounts> | undefined

  constructor (options: FirstLookOptions) {
    this.#options = options
  }

  /**
   * Receives all topics that the source lists now, mirrored or not: the filter may change later.
   */
  update (onSource: TopicCounts): void {
    this.#onSource = onSource
    this.#looks = undefined
  }

  /**
   * Resolves once each of these slots has a first look on record or has failed; a slot without one
   * records the topics that the source lists now. Call it before a partition begins in any of the
   * slots. Never rejects.
   */
  async settle (slots: readonly number[]): Promise<void> {
    if (this.#onSource === undefined) return
    await Promise.all(slots.filter(slot => !this.isSettled(slot)).map(async slot => {
      const settling = this.#settling.get(slot) ??
        this.#settleOne(slot).finally(() => { this.#settling.delete(slot) })
      this.#settling.set(slot, settling)
      await settling
    }))
  }

  isSettled (slot: number): boolean { return this.#settled.has(slot) }

  /** Why the last attempt to settle the slot failed; undefined: no attempt, or it succeeded. */
  errorOf (slot: number): ReplicatorError | undefined { return this.#errors.get(slot) }

  /** Whether the partition was created after the first look. Its slot must be settled. */
  isBornLater ({ partition, slot, topic }: SlotPartition): boolean {
    return partition >= (this.#settled.get(slot)?.get(topic) ?? 0)
  }

  async #settleOne (slot: number): Promise<void> {
    try {
      const look = this.#lookAt(slot)
      const onRecord = await this.#options.read(slot)
      if (onRecord === undefined) {
        await this.#options.write([{ slot, record: { kind: 'firstLook', topics: look } }])
      }
      this.#settled.set(slot, onRecord ?? look)
      this.#errors.delete(slot)
    } catch (thrown) {
      this.#errors.set(slot, ReplicatorError.from(thrown))
    }
  }

  /** The current partition counts of the topics that have a partition in the slot. */
  #lookAt (slot: number): TopicCounts {
    this.#looks ??= this.#looksBySlot(this.#onSource ?? new Map())
    return this.#looks.get(slot) ?? new Map()
  }

  #looksBySlot (onSource: TopicCounts): ReadonlyMap<number, TopicCounts> {
    const looks = new Map<number, Map<string, number>>()
    for (const [topic, count] of onSource) {
      for (let partition = 0; partition < count; partition++) {
        const slot = slotOf(topic, partition, this.#options.slots)
        const look = looks.get(slot) ?? new Map<string, number>()
        look.set(topic, count)
        looks.set(slot, look)
      }
    }
    return looks
  }
}
