// How many task slots this process owns, and whether anybody owns the others: what the group says.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { SlotHealth } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'

export interface SlotWatchOptions {
  readonly group: string
  /** The client id of this process in the group. */
  readonly memberName: string
  readonly total: number
  readonly target: Pick<ClusterAdmin, 'describeGroups'>
  /** How many slots this process owns now. */
  readonly owned: () => number
  readonly clock: Clock
}

export class SlotWatch {
  readonly #options: SlotWatchOptions
  #owned: number
  #sinceMs: number
  #unowned: boolean | undefined

  constructor (options: SlotWatchOptions) {
    this.#options = options
    this.#owned = options.owned()
    this.#sinceMs = options.clock.now()
  }

  get health (): SlotHealth {
    const { clock, owned, total } = this.#options
    const now = owned()
    if (now !== this.#owned) {
      this.#owned = now
      this.#sinceMs = clock.now()
      this.#unowned = undefined
    }
    const unownedByAnybody = now === total ? false : this.#unowned
    return { owned: now, total, sinceMs: this.#sinceMs, unownedByAnybody }
  }

  /** Asks the group about the slots that this process does not own. Call it every few seconds. */
  async look (): Promise<void> {
    const { owned, total } = this.health
    if (owned !== total) this.#unowned = !await this.othersOwn()
  }

  /** Whether the group is at rest and has members besides this process. */
  async othersOwn (): Promise<boolean> {
    const { group, memberName, target } = this.#options
    const [described] = await target.describeGroups([group])
    return described?.error === undefined && described?.state === 'Stable' &&
      described.members.some(({ clientId }) => clientId !== memberName)
  }
}
