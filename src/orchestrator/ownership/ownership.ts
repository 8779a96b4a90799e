// Which slots of a flow this process owns: those whose topic-partitions it mirrors. Two ways:
// slot-ownership.ts shares them with other processes through a consumer group, static-ownership.ts
// owns all of them, for flows that keep nothing in Kafka.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { SlotHealth } from '../observability/snapshot.ts'

/** What happens with slots that come and go. */
export interface SlotWork {
  /**
   * The slot is owned from now on: resolves once its topic-partitions are mirrored, rejects where
   * they cannot be now, and is called again after a wait. An abort of the signal ends it: the slot
   * goes to another process, and release() follows.
   */
  readonly acquire: (slot: number, signal: AbortSignal) => Promise<void>
  /** Resolves once nothing of these slots is in flight and their last progress is on record. */
  readonly release: (slots: readonly number[]) => Promise<void>
  readonly onError: (error: ReplicatorError) => void
}

/**
 * - joining: no slot is known to be ours yet
 * - member: the group has assigned slots, perhaps none
 * - provisional: all slots are ours, as far as this process knows, and the group has not spoken
 * - lost: the group may have assigned our slots to others; we join it again
 */
export type OwnershipState = 'joining' | 'member' | 'provisional' | 'lost'

export interface OwnershipHealth extends SlotHealth {
  readonly state: OwnershipState
  /** Whether a slot was ever acquired: its progress was read, and its partitions have begun. */
  readonly hasHeld: boolean
  /** What the silence of the group means for the slots; undefined: the group answers. */
  readonly silence?: string | undefined
}

export interface Ownership {
  readonly health: OwnershipHealth
  readonly owned: ReadonlySet<number>
  /** Resolves once this process has joined; slots are acquired afterwards. */
  start (signal: AbortSignal): Promise<void>
  /** Releases every slot and leaves. Idempotent, legal in every state. */
  stop (): Promise<void>
}
