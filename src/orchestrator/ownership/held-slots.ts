// The slots of this process, one by one: acquires each slot separately, retries a failed slot after
// a growing wait, and releases slots that are assigned to another process. A slot that cannot be
// acquired (its progress partition has no leader) waits alone, and delays no release.
//
//   take -> acquiring -> held -> releasing -> free     A slot that is taken again while it is
//               \_________________/                    being released is acquired after that.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import { systemRandom, type Clock, type Random } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'
import type { SlotWork } from './ownership.ts'

export interface HeldSlotsOptions {
  readonly work: SlotWork
  readonly log: Log
  readonly clock: Clock
  readonly random?: Random
}

interface Slot {
  readonly leaving: AbortController
  state: 'acquiring' | 'held' | 'releasing'
  /** Settles when the acquisition ends, or soon after an abort. */
  acquired: Promise<void>
  released: Promise<void>
  /** Why the last attempt to acquire the slot failed. */
  error: ReplicatorError | undefined
}

const backoff = { initialMs: 200, maxMs: 5_000 }
/** Slots that are acquired at the same time; further slots wait. */
const acquiringMax = 64

export class HeldSlots {
  readonly #options: HeldSlotsOptions
  readonly #slots = new Map<number, Slot>()
  /** Includes slots that are being released and were assigned again. */
  readonly #wanted = new Set<number>()
  readonly #waiting: Array<() => void> = []
  #acquiring = 0
  #unsaid = 0
  #hasHeld = false

  constructor (options: HeldSlotsOptions) {
    this.#options = options
  }

  get owned (): ReadonlySet<number> { return this.#wanted }

  /** Whether a slot was ever acquired. */
  get hasHeld (): boolean { return this.#hasHeld }

  /** How many slots the last attempt failed to acquire, and the newest error. */
  get trouble (): { readonly slots: number, readonly error: ReplicatorError | undefined } {
    const errors = [...this.#slots.values()].flatMap(({ error, state }) =>
      state === 'acquiring' ? error ?? [] : [])
    return { slots: errors.length, error: errors.at(-1) }
  }

  /** The group has assigned these slots; those that this process already owns are unchanged. */
  take (slots: readonly number[]): void {
    for (const slot of slots) {
      this.#wanted.add(slot)
      if (!this.#slots.has(slot)) this.#begin(slot)
    }
  }

  /** The group has revoked these slots. Resolves once this process has released them. */
  async give (slots: readonly number[]): Promise<void> {
    for (const slot of slots) this.#wanted.delete(slot)
    const leaving = slots.filter(slot => {
      const state = this.#slots.get(slot)?.state
      return state === 'acquiring' || state === 'held'
    })
    const released = this.#release(leaving)
    for (const slot of leaving) this.#mustFind(slot).released = released
    await Promise.all(slots.map(async slot => { await this.#slots.get(slot)?.released }))
  }

  #begin (slot: number): void {
    const held: Slot = {
      leaving: new AbortController(),
      state: 'acquiring',
      acquired: Promise.resolve(),
      released: Promise.resolve(),
      error: undefined
    }
    this.#slots.set(slot, held)
    held.acquired = this.#acquire(slot, held)
  }

  async #acquire (slot: number, held: Slot): Promise<void> {
    const { clock, random = systemRandom, work } = this.#options
    const { signal } = held.leaving
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await this.#inTurn(async () => {
          if (!signal.aborted) await work.acquire(slot, signal)
        })
        if (signal.aborted) return
        held.state = 'held'
        this.#hasHeld = true
        held.error = undefined
        this.#logAcquired()
        return
      } catch (thrown) {
        if (signal.aborted) return
        held.error = ReplicatorError.from(thrown)
        work.onError(held.error)
      }
      await clock.sleep(backoffDelayMs(backoff, failures, random), signal).catch(() => {})
    }
  }

  async #inTurn (work: () => Promise<void>): Promise<void> {
    while (this.#acquiring >= acquiringMax) {
      await new Promise<void>(resolve => { this.#waiting.push(resolve) })
    }
    this.#acquiring += 1
    try {
      await work()
    } finally {
      this.#acquiring -= 1
      this.#waiting.shift()?.()
    }
  }

  async #release (slots: readonly number[]): Promise<void> {
    if (slots.length === 0) return
    const { work } = this.#options
    const leaving = slots.map(slot => this.#mustFind(slot))
    for (const held of leaving) {
      held.state = 'releasing'
      held.leaving.abort()
    }
    await Promise.all(leaving.map(async ({ acquired }) => { await acquired }))
    try {
      await work.release(slots)
    } catch (thrown) {
      work.onError(ReplicatorError.from(thrown))
    }
    for (const slot of slots) {
      this.#slots.delete(slot)
      if (this.#wanted.has(slot)) this.#begin(slot)
    }
  }

  /** Logs one line for slots that are acquired together. */
  #logAcquired (): void {
    this.#unsaid += 1
    if ([...this.#slots.values()].some(({ error, state }) =>
      state === 'acquiring' && error === undefined)) return
    this.#options.log.info({ slots: this.#unsaid }, 'acquired slots')
    this.#unsaid = 0
  }

  #mustFind (slot: number): Slot {
    const held = this.#slots.get(slot)
    if (held === undefined) throw new ReplicatorError('INTERNAL', `slot ${slot} is not held`)
    return held
  }
}
