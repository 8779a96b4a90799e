// Which slots this process owns: those whose partition of the progress topic the flow's consumer
// group gave it. Finding each other, balancing and fail-over are Kafka's own group protocol.
//
// A process that finds itself alone does not wait for the group's initial delay (3 s on a stock
// broker): it takes all slots at once. That is safe because it joins first and looks second. The
// coordinator puts joins in an order, so of several processes that start together at most one sees
// itself as the only member; and what it took and is not given later it hands over like any slot.
import rdkafka, { type Assignment, type KafkaConsumer, type LibrdKafkaError } from 'node-rdkafka'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { ClientProperties } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import { clientError, connect, disconnect, poll } from '../cluster/kafka-client.ts'

export interface SlotOwnershipOptions {
  readonly group: string
  readonly topic: string
  readonly slots: number
  /** Tells this process from the other members. */
  readonly memberName: string
  /** This process made the progress topic a moment ago: nobody else can own anything yet. */
  readonly isFirst: boolean
  readonly admin: ClusterAdmin
  /** Of the target cluster, librdkafka's names. */
  readonly client: ClientProperties
  readonly timeoutMs: number
  readonly clock: Clock
  /** These slots are ours from now on. */
  readonly onAcquired: (slots: readonly number[]) => Promise<void>
  /** Must resolve once nothing of these slots is in flight; then they are handed over. */
  readonly onReleased: (slots: readonly number[]) => Promise<void>
  readonly onError: (error: ReplicatorError) => void
}

const assignCode = -175 // ERR__ASSIGN_PARTITIONS
const revokeCode = -174 // ERR__REVOKE_PARTITIONS

// How long a crashed process keeps its slots. Brokers allow no less than 6 s by default.
const sessionTimeoutMs = 10_000
const pollMs = 100
const lookAroundMs = 50
const lookAroundMsMax = 2_000
const leaveMsMax = 3_000

export class SlotOwnership {
  readonly #options: SlotOwnershipOptions
  readonly #consumer: KafkaConsumer
  readonly #owned = new Set<number>()
  /** Serves the group's callbacks; there are no records to take, all partitions are paused. */
  readonly #polling: IntervalLoop
  /** Partitions that the client holds. */
  #assigned = 0
  /** Taken because nobody else was there; the group has not spoken yet. */
  #provisional = false
  #settled = false
  #stopping = false
  /** Moves run one after another, in the order the group made them. */
  #moves: Promise<void> = Promise.resolve()

  constructor (options: SlotOwnershipOptions) {
    this.#options = options
    this.#consumer = new rdkafka.KafkaConsumer({
      ...options.client,
      'client.id': options.memberName,
      'group.id': options.group,
      'partition.assignment.strategy': 'cooperative-sticky',
      'session.timeout.ms': sessionTimeoutMs,
      'heartbeat.interval.ms': sessionTimeoutMs / 4,
      'enable.auto.commit': false,
      // A progress topic that may not be seen for a while costs all slots until it is looked for
      // again: by default five minutes later.
      'topic.metadata.refresh.interval.ms': sessionTimeoutMs / 2,
      'rebalance_cb': (error: LibrdKafkaError, assignment: Assignment[]) => {
        this.#onRebalance(error, assignment)
      }
    }, { 'auto.offset.reset': 'latest' })
    this.#polling = new IntervalLoop({
      intervalMs: pollMs,
      clock: options.clock,
      run: async () => { await poll(this.#consumer, 1) },
      onError: thrown => { options.onError(clientError(thrown, `group ${options.group}`)) }
    })
    this.#consumer.on('event.error', ({ message }) => {
      // node-rdkafka passes on the text alone; what librdkafka raises so is about connections.
      options.onError(new ReplicatorError('_TRANSPORT', `group ${options.group}: ${message}`))
    })
  }

  get owned (): ReadonlySet<number> { return this.#owned }

  /** Whether it is known what this process owns. */
  get isSettled (): boolean { return this.#settled || this.#provisional }

  /** Resolves once this process is a member; alone, it owns all slots then. */
  async start (): Promise<void> {
    const { slots, timeoutMs, topic } = this.#options
    await connect(this.#consumer, timeoutMs)
    this.#consumer.subscribe([topic])
    this.#consumer.setDefaultConsumeTimeout(0)
    this.#polling.start()
    if (!this.#options.isFirst && !await this.#isAlone()) return
    this.#move(async () => {
      if (this.#settled) return
      this.#provisional = true
      await this.#acquire(Array.from({ length: slots }, (_, slot) => slot))
    })
    await this.#moves
  }

  /** Hands everything over and leaves the group. Idempotent. */
  async stop (): Promise<void> {
    this.#stopping = true
    await this.#moves
    await this.#release([...this.#owned])
    await this.#leave()
    await this.#polling.stop()
    await disconnect(this.#consumer)
  }

  /**
   * Gives everything back while the client still hears us. Left to close(), the group asks for it
   * from there, on a thread that waits for our answer and that Node waits for at its exit.
   */
  async #leave (): Promise<void> {
    const { clock } = this.#options
    if (!this.#consumer.isConnected()) return
    this.#consumer.unsubscribe()
    const deadline = clock.monotonic() + leaveMsMax
    while (this.#assigned > 0 && clock.monotonic() < deadline) await clock.sleep(lookAroundMs / 5)
  }

  async #isAlone (): Promise<boolean> {
    const { admin, clock, group, memberName } = this.#options
    const deadline = clock.monotonic() + lookAroundMsMax
    while (!this.#settled && clock.monotonic() < deadline) {
      const described = await admin.describeGroups([group]).catch(() => undefined)
      if (described === undefined) return false // the group will tell
      const members = described[0]?.members ?? []
      if (members.some(({ clientId }) => clientId === memberName)) return members.length === 1
      await clock.sleep(lookAroundMs)
    }
    return false
  }

  #onRebalance (error: LibrdKafkaError, assignment: Assignment[]): void {
    const slots = assignment.map(({ partition }) => partition)
    if (error.code === assignCode) {
      if (!this.#accept(assignment)) return
      this.#move(async () => {
        await this.#settle(slots)
        await this.#acquire(slots)
      })
    } else if (error.code === revokeCode) {
      this.#move(async () => {
        try {
          await this.#release(slots)
        } finally {
          // Only now may the group give them to others: nothing of ours is on the way any more.
          if (this.#consumer.isConnected()) this.#consumer.incrementalUnassign(assignment)
          this.#assigned -= assignment.length
        }
      })
    }
  }

  /**
   * The client must be answered, whatever becomes of it: its close() waits for that, on a thread
   * that Node waits for when it exits. An assignment that comes after close() has begun is refused
   * by a throw out of a native callback, which would end the process in the middle of its work;
   * giving it back is an answer too.
   */
  #accept (assignment: Assignment[]): boolean {
    try {
      this.#consumer.incrementalAssign(assignment)
      this.#assigned += assignment.length
      if (assignment.length > 0) this.#consumer.pause(assignment)
      return true
    } catch (thrown) {
      if (!this.#stopping) this.#options.onError(clientError(thrown, 'taking an assignment'))
    }
    try {
      this.#consumer.unassign()
    } catch {
      // Closed by now: nobody waits for an answer.
    }
    return false
  }

  /** The group has spoken for the first time: what was taken and not given is handed over. */
  async #settle (given: readonly number[]): Promise<void> {
    this.#settled = true
    if (!this.#provisional) return
    this.#provisional = false
    await this.#release([...this.#owned].filter(slot => !given.includes(slot)))
  }

  async #acquire (slots: readonly number[]): Promise<void> {
    const fresh = slots.filter(slot => !this.#owned.has(slot))
    if (fresh.length === 0 || this.#stopping) return
    for (const slot of fresh) this.#owned.add(slot)
    await this.#options.onAcquired(fresh)
  }

  async #release (slots: readonly number[]): Promise<void> {
    const held = slots.filter(slot => this.#owned.has(slot))
    if (held.length === 0) return
    await this.#options.onReleased(held)
    for (const slot of held) this.#owned.delete(slot)
  }

  #move (move: () => Promise<void>): void {
    this.#moves = this.#moves.then(move).catch((thrown: unknown) => {
      this.#options.onError(ReplicatorError.from(thrown))
    })
  }
}
