// Owns every slot at all times: for flows without group and progress, which no other process
// shares.
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { HeldSlots } from './held-slots.ts'
import type { Ownership, OwnershipHealth, SlotWork } from './ownership.ts'

export interface StaticOwnershipOptions {
  readonly slots: number
  readonly work: SlotWork
  readonly log: Log
  readonly clock: Clock
}

export class StaticOwnership implements Ownership {
  readonly #options: StaticOwnershipOptions
  readonly #held: HeldSlots
  readonly #sinceMs: number

  constructor (options: StaticOwnershipOptions) {
    this.#options = options
    this.#held = new HeldSlots(options)
    this.#sinceMs = options.clock.now()
  }

  get owned (): ReadonlySet<number> { return this.#held.owned }

  get health (): OwnershipHealth {
    const { error, slots } = this.#held.trouble
    return {
      state: 'member',
      hasHeld: this.#held.hasHeld,
      sinceMs: this.#sinceMs,
      owned: this.owned.size,
      total: this.#options.slots,
      waiting: slots,
      reason: error,
      unownedByAnybody: this.owned.size === 0
    }
  }

  async start (): Promise<void> {
    this.#held.take(Array.from({ length: this.#options.slots }, (_, slot) => slot))
  }

  async stop (): Promise<void> {
    await this.#held.give([...this.owned])
  }
}
