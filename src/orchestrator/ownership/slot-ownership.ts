// Shares the slots of a flow with other processes: the process to which the flow's consumer group
// assigns a partition of the progress topic owns that slot. Discovery, balancing and fail-over are
// Kafka's group protocol; this file decides what happens to the slots.
//
//              alone                the group assigns
//   joining -----------> provisional ---------------> member
//      |                    ^  |                       |  |
//      |  the group assigns |  | others own them       |  |
//      +--------------------|--|------------> member   |  |
//                           |  v                       |  |
//                           | lost <-------------------+  |  the session is over; slots were shared
//                           +-----------------------------+  it is over; all slots were ours
//
// A process that owns all slots keeps them when its session ends: no other process mirrors them,
// and a coordinator that hangs, dies or moves would otherwise stop the whole flow. The process
// hands over the slots that the group then assigns to others, or all slots when the group turns out
// to have other members and not this process. Two processes may own a slot for that moment: both
// send the same batches with the same sequences. A process that shares the flow with others
// releases its slots: the others are about to own them.
//
// A process that is the only member does not wait for the group's initial delay (3 s on a stock
// broker): it owns all slots at once. That is safe because the process first joins the group and
// then describes it. The coordinator orders the joins, so of several processes that start together
// at most one sees itself as the only member; and slots that the group then assigns to others are
// handed over like any other slot.
import type { ClusterAdmin, GroupMember as DescribedMember } from '../cluster/cluster-admin.ts'
import type { ClusterClient } from '../config/client-properties.ts'
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import { GroupMember, rebalanceTimeoutMs } from './group-member.ts'
import { HeldSlots } from './held-slots.ts'
import type { Ownership, OwnershipHealth, OwnershipState, SlotWork } from './ownership.ts'

export interface SlotOwnershipOptions {
  readonly group: string
  readonly topic: string
  readonly slots: number
  /** Distinguishes this process from the other members. */
  readonly memberName: string
  readonly admin: ClusterAdmin
  /** Of the target cluster. */
  readonly client: ClusterClient
  readonly sessionTimeoutMs: number
  readonly timeoutMs: number
  readonly work: SlotWork
  readonly log: Log
  readonly clock: Clock
}

type MemberOptions = ConstructorParameters<typeof GroupMember>[0]
export type OpenMember = (options: MemberOptions) =>
  Pick<GroupMember, 'assigned' | 'join' | 'leave'>

// Between requests, right after joining, for whether this process is the only member.
const lookAroundMs = 50
const lookAroundMsMax = 2_000
// Between descriptions of the group while it has not answered, and while others must own slots.
const lookMs = 1_000
const lookAtOthersMs = 5_000
/** A client that has received no answer of the group for this long is replaced by a new client. */
const silenceMsMax = rebalanceTimeoutMs + 15_000
const rejoinAgainMs = 5_000
const missingTopicErrors: ReadonlySet<string> = new Set<ErrorName>([
  'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', '_UNKNOWN_TOPIC', '_UNKNOWN_PARTITION'
])

export class SlotOwnership implements Ownership {
  readonly #options: SlotOwnershipOptions
  readonly #openMember: OpenMember
  readonly #held: HeldSlots
  readonly #looking: IntervalLoop
  readonly #stopping = new AbortController()
  #member: ReturnType<OpenMember> | undefined
  #state: OwnershipState = 'joining'
  #sinceMs: number
  #ownedBefore = 0
  /** When the group answered last, or the client began to ask it. */
  #heardMs: number
  #lookedMs = -Infinity
  /** While provisional: the group has answered, and has assigned no slot to this process. */
  #assignsNothing = false
  #reason: ReplicatorError | undefined
  #unownedByAnybody: boolean | undefined
  /** The group has reported that its members do not see the topic, and has assigned none since. */
  #missesTopic = false
  #silence: string | undefined
  #stopped: Promise<void> | undefined

  constructor (
    options: SlotOwnershipOptions, openMember: OpenMember = member => new GroupMember(member)
  ) {
    this.#options = options
    this.#openMember = openMember
    const { clock } = options
    this.#sinceMs = clock.now()
    this.#heardMs = clock.monotonic()
    this.#held = new HeldSlots(options)
    this.#looking = new IntervalLoop({
      intervalMs: lookMs,
      clock,
      first: 'delayed',
      run: async () => { await this.#look() },
      onError: thrown => { this.#onError(ReplicatorError.from(thrown)) }
    })
  }

  get owned (): ReadonlySet<number> { return this.#held.owned }

  get health (): OwnershipHealth {
    const { clock, slots: total } = this.#options
    const { error, slots: waiting } = this.#held.trouble
    const owned = this.owned.size
    if (owned !== this.#ownedBefore) {
      this.#ownedBefore = owned
      this.#sinceMs = clock.now()
      this.#unownedByAnybody = undefined
    }
    return {
      state: this.#state,
      hasHeld: this.#held.hasHeld,
      sinceMs: this.#sinceMs,
      owned,
      total,
      waiting,
      reason: error ?? this.#reason,
      unownedByAnybody: owned === total ? false : this.#unownedByAnybody,
      silence: this.#silenceText()
    }
  }

  #silenceText (): string | undefined {
    const { group, topic } = this.#options
    if (this.#silence === undefined) return undefined
    const why = this.#missesTopic
      ? `the group assigns no slots, because it does not see the topic ${topic}`
      : 'the group does not answer'
    return `group ${group}: ${why}${this.#silence}`
  }

  /** Resolves once this process has joined the group; if it is alone, it then owns all slots. */
  async start (signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#join()
    this.#looking.start()
    if (!await this.#isAlone(signal) || this.#state !== 'joining') return
    this.#enter('provisional')
    this.#held.take(this.#allSlots())
  }

  async stop (): Promise<void> {
    this.#stopping.abort()
    this.#stopped ??= this.#end()
    await this.#stopped
  }

  /** Does not wait for the description of a group that does not answer. */
  async #end (): Promise<void> {
    void this.#looking.stop()
    await this.#held.give([...this.owned])
    await this.#member?.leave()
  }

  async #join (): Promise<void> {
    const { client, clock, group, memberName, sessionTimeoutMs, timeoutMs, topic } = this.#options
    this.#heardMs = clock.monotonic()
    const member = this.#openMember({
      group,
      topic,
      memberName,
      client,
      sessionTimeoutMs,
      timeoutMs,
      clock,
      onAssigned: () => { if (member === this.#member) this.#onAssigned() },
      onRevoked: async (slots, isAll) => {
        if (member === this.#member) await this.#onRevoked(slots, isAll)
      },
      onError: error => { if (member === this.#member) this.#onError(error) }
    })
    this.#member = member
    await member.join()
  }

  #onAssigned (): void {
    if (this.#stopping.signal.aborted) return
    this.#heardMs = this.#options.clock.monotonic()
    this.#reason = undefined
    this.#missesTopic &&= this.#assigned.size === 0
    // If the members of a group cannot see the topic (it was deleted, or may not be described), the
    // group assigns no slot to any member. The description of the group shows whether others own
    // the slots.
    this.#assignsNothing = this.#state === 'provisional' && this.#assigned.size === 0
    if (!this.#assignsNothing) this.#obey()
  }

  /** Keeps the slots that the group has assigned, and no others. */
  #obey (): void {
    this.#enter('member')
    const others = [...this.owned].filter(slot => !this.#assigned.has(slot))
    if (others.length > 0) void this.#held.give(others)
    this.#held.take([...this.#assigned])
  }

  get #assigned (): ReadonlySet<number> { return this.#member?.assigned ?? new Set() }

  /** Resolves when the group may assign these slots to others. */
  async #onRevoked (slots: readonly number[], isAll: boolean): Promise<void> {
    if (!isAll) {
      await this.#held.give(slots)
      return
    }
    // The session is over, or the topic was deleted: a healthy group never revokes everything.
    // Delaying the answer would protect nothing, and the client joins again only after the answer.
    this.#heardMs = this.#options.clock.monotonic()
    if (slots.length === this.#options.slots) {
      this.#assignsNothing = false
      this.#enter('provisional')
      this.#silence = '; this process keeps all slots until it does'
    } else {
      const { clock, sessionTimeoutMs } = this.#options
      this.#loseSlots()
      this.#silence = ', and other processes may own the slots now'
      // The group has been silent for a session already: /readyz grants it no more time. If other
      // processes own the slots, the next look at the group says so.
      void this.health
      if (!this.#missesTopic) this.#sinceMs = clock.now() - sessionTimeoutMs
    }
  }

  #loseSlots (): void {
    this.#enter('lost')
    void this.#held.give([...this.owned])
  }

  async #look (): Promise<void> {
    const { clock } = this.#options
    const now = clock.monotonic()
    const isSilent = this.#state !== 'member'
    const isDue = now - this.#lookedMs >= (isSilent ? lookMs : lookAtOthersMs)
    if (isDue && (isSilent || this.owned.size < this.#options.slots)) {
      this.#lookedMs = now
      await this.#lookAtGroup()
    }
    if (!isSilent || this.#assignsNothing || this.#stopping.signal.aborted) return
    if (now - this.#heardMs > silenceMsMax) await this.#rejoin()
  }

  async #lookAtGroup (): Promise<void> {
    const described = await this.#describe()
    if (this.#stopping.signal.aborted) return
    const { clock, memberName } = this.#options
    const others = described?.members.filter(({ clientId }) => clientId !== memberName) ?? []
    // A group that is rebalancing is about to assign the slots.
    const isKnown = described !== undefined && (others.length === 0 || described.isStable)
    const isUnowned = isKnown ? others.length === 0 : undefined
    // The group answers and counts on this process: an earlier error of its client is over.
    if (described?.isStable === true && others.length < described.members.length) {
      this.#reason = undefined
    }
    // The others have left: from now on the group has the full time for a hand-over.
    if (isUnowned === true && this.#unownedByAnybody === false) this.#sinceMs = clock.now()
    this.#unownedByAnybody = isUnowned
    if (described === undefined || this.#state !== 'provisional' || others.length === 0) return
    if (others.length === described.members.length) {
      this.#loseSlots()
      const { group, log } = this.#options
      log.warn({ group, state: this.#state },
        `group ${group}: the group has other members, and this process is none of them`)
    } else if (described.isStable && this.#assignsNothing) {
      this.#obey()
    }
  }

  /** Replaces the client by a new client with new connections. */
  async #rejoin (): Promise<void> {
    const { clock, group, log } = this.#options
    const old = this.#member
    // Every few seconds while the target is unavailable, which other log lines report.
    log.debug({ group, state: this.#state },
      `group ${group}: no answer of the coordinator for ${silenceMsMax} ms; a new client joins`)
    void old?.leave()
    try {
      await this.#join()
    } catch (thrown) {
      this.#heardMs = clock.monotonic() - silenceMsMax + rejoinAgainMs
      throw thrown
    }
  }

  async #isAlone (signal: AbortSignal): Promise<boolean> {
    const { clock, memberName } = this.#options
    const deadline = clock.monotonic() + lookAroundMsMax
    while (this.#state === 'joining' && clock.monotonic() < deadline) {
      const described = await this.#describe()
      if (described === undefined) return false // the group will say
      const { members } = described
      if (members.some(({ clientId }) => clientId === memberName)) return members.length === 1
      await clock.sleep(lookAroundMs, signal)
    }
    return false
  }

  /** Undefined: not known. A group that reports an error does not count as an empty group. */
  async #describe (): Promise<{
    readonly members: readonly DescribedMember[], readonly isStable: boolean
  } | undefined> {
    const { admin, group } = this.#options
    const [described] = await admin.describeGroups([group]).catch(() => [])
    if (described === undefined || described.error !== undefined) return undefined
    return { members: described.members, isStable: described.state === 'Stable' }
  }

  #enter (state: OwnershipState): void {
    this.#state = state
    this.#silence = undefined
  }

  #onError (error: ReplicatorError): void {
    if (this.#stopping.signal.aborted) return
    this.#reason = error
    if (missingTopicErrors.has(error.errorName)) {
      // Each process recreates a deleted topic and reports that; the error would advise otherwise.
      this.#missesTopic = true
      this.#options.log.debug({ err: error }, error.message)
    } else if (error.errorName === 'INVALID_SESSION_TIMEOUT') {
      void this.#explainSessionTimeout(error)
    } else {
      this.#options.work.onError(error)
    }
  }

  async #explainSessionTimeout (error: ReplicatorError): Promise<void> {
    const { admin, sessionTimeoutMs, work } = this.#options
    const bounds = await sessionTimeoutBounds(admin).catch(() => '')
    this.#reason = new ReplicatorError(error.row,
      `session.timeout.ms=${sessionTimeoutMs} on ${admin.cluster}${bounds}`,
      { cause: error, setting: `${admin.cluster}.consumer.session.timeout.ms` })
    work.onError(this.#reason)
  }

  #allSlots (): number[] {
    return Array.from({ length: this.#options.slots }, (_, slot) => slot)
  }
}

/** The brokers' bounds of the session timeout, if this process may read them. */
async function sessionTimeoutBounds (admin: ClusterAdmin): Promise<string> {
  const [broker] = (await admin.describeCluster()).brokers
  if (broker === undefined) return ''
  const [described] = await admin.describeConfigs([{ type: 'broker', name: String(broker.id) }])
  return (described?.entries ?? [])
    .filter(({ name }) => /^group\.(min|max)\.session\.timeout\.ms$/.test(name))
    .map(({ name, value }) => `, ${name}=${value ?? ''}`)
    .sort().join('')
}
