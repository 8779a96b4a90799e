// One membership in the flow's consumer group: a node-rdkafka consumer that is subscribed to the
// progress topic and fetches no records. Reports which slots the group assigns and revokes, and
// answers the group; slot-ownership.ts decides what happens to the slots.
import rdkafka, { type Assignment, type KafkaConsumer, type LibrdKafkaError } from 'node-rdkafka'
import {
  clientError, connect, controlClientProperties, disconnect, poll,
  rememberBroker, withRefusal
} from '../cluster/kafka-client.ts'
import type { ClusterClient } from '../config/client-properties.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'

export interface GroupMemberOptions {
  readonly group: string
  readonly topic: string
  /** Distinguishes this process from the other members. */
  readonly memberName: string
  /** Of the target cluster. */
  readonly client: ClusterClient
  readonly sessionTimeoutMs: number
  readonly timeoutMs: number
  readonly clock: Clock
  /** The group has assigned these slots in addition to earlier ones; perhaps none. */
  readonly onAssigned: (slots: readonly number[]) => void
  /**
   * These slots are revoked. The group may assign them to other members once this resolves.
   * `isAll`: every assigned slot is revoked, as when the session has ended.
   */
  readonly onRevoked: (slots: readonly number[], isAll: boolean) => Promise<void>
  readonly onError: (error: ReplicatorError) => void
}

const assignCode = -175 // ERR__ASSIGN_PARTITIONS
const revokeCode = -174 // ERR__REVOKE_PARTITIONS
const pollMs = 250
/** While leaving, this process has no other work. */
const leavePollMs = 10
const leaveMsMax = 700

/**
 * How long the group waits for a member to release revoked slots, and how long a JoinGroup request
 * may be unanswered: well above the 20 s within which a hand-over ends.
 */
export const rebalanceTimeoutMs = 45_000

/**
 * A coordinator that hangs keeps its connection open, and does not answer. Its group moves to
 * another broker once the controller has fenced the hung broker (9 s by default). librdkafka looks
 * for the coordinator when a connection breaks, else every ten minutes, and asks the broker that it
 * used last: the broker that hangs. So this client asks this often, and closes a connection that is
 * unanswered for half a session: then it finds the new coordinator within the session, or soon
 * after.
 */
const coordinatorQueryMs = 2_000

export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #consumer: KafkaConsumer
  /** Serves the group's callbacks; no records arrive, as all partitions are paused. */
  readonly #polling: IntervalLoop
  /** Slots that the group has assigned and that this client has not unassigned yet. */
  readonly #assigned = new Set<number>()
  readonly #broker: () => string
  #leaving = false

  constructor (options: GroupMemberOptions) {
    this.#options = options
    const { client, clock, group, memberName, onError, sessionTimeoutMs } = options
    this.#consumer = new rdkafka.KafkaConsumer({
      ...controlClientProperties(client, sessionTimeoutMs / 2),
      'client.id': memberName,
      'group.id': group,
      'partition.assignment.strategy': 'cooperative-sticky',
      'session.timeout.ms': sessionTimeoutMs,
      'heartbeat.interval.ms': Math.max(1, Math.floor(sessionTimeoutMs / 4)),
      'max.poll.interval.ms': Math.max(rebalanceTimeoutMs, sessionTimeoutMs),
      'coordinator.query.interval.ms': coordinatorQueryMs,
      'enable.auto.commit': false,
      'rebalance_cb': (error: LibrdKafkaError, assignment: Assignment[]) => {
        this.#onRebalance(error, assignment)
      }
    }, { 'auto.offset.reset': 'latest' })
    this.#polling = new IntervalLoop({
      intervalMs: pollMs,
      clock,
      run: async () => { await poll(this.#consumer, 1, thrown => this.#groupError(thrown)) },
      onError: thrown => { onError(this.#groupError(thrown)) }
    })
    this.#broker = rememberBroker(this.#consumer)
    this.#consumer.on('event.error', thrown => {
      if (!this.#leaving) onError(this.#groupError(thrown))
    })
  }

  /** The slots that the group has assigned, as far as this client knows. */
  get assigned (): ReadonlySet<number> { return this.#assigned }

  /** Resolves once the client is connected; the group answers later, through onAssigned. */
  async join (): Promise<void> {
    const { client, timeoutMs, topic } = this.#options
    await connect(this.#consumer, timeoutMs, client, 'group client')
    if (this.#leaving) {
      await disconnect(this.#consumer)
      return
    }
    this.#consumer.subscribe([topic])
    this.#consumer.setDefaultConsumeTimeout(0)
    this.#polling.start()
  }

  /**
   * Unassigns every slot while the client can still run callbacks. close() would revoke the slots
   * itself, on a thread that waits for this process's answer; Node waits for that thread at its
   * exit.
   */
  async leave (): Promise<void> {
    const { clock } = this.#options
    this.#leaving = true
    if (this.#consumer.isConnected()) {
      this.#consumer.unsubscribe()
      const deadline = clock.monotonic() + leaveMsMax
      while (this.#assigned.size > 0 && clock.monotonic() < deadline) {
        this.#polling.wake()
        await clock.sleep(leavePollMs)
      }
    }
    await this.#polling.stop()
    await disconnect(this.#consumer)
  }

  #onRebalance ({ code }: LibrdKafkaError, assignment: Assignment[]): void {
    const slots = assignment.map(({ partition }) => partition)
    if (code === assignCode) {
      if (!this.#accept(assignment)) return
      for (const slot of slots) this.#assigned.add(slot)
      this.#options.onAssigned(slots)
    } else if (code === revokeCode) {
      void this.#revoke(slots, assignment)
    }
  }

  async #revoke (slots: readonly number[], assignment: Assignment[]): Promise<void> {
    const { onError, onRevoked } = this.#options
    const isAll = slots.length === this.#assigned.size
    try {
      if (!this.#leaving) await onRevoked(slots, isAll)
    } catch (thrown) {
      onError(clientError(thrown, 'releasing revoked slots'))
    }
    for (const slot of slots) this.#assigned.delete(slot)
    try {
      if (this.#consumer.isConnected()) this.#consumer.incrementalUnassign(assignment)
    } catch (thrown) {
      if (!this.#leaving) onError(clientError(thrown, 'unassigning slots'))
    }
  }

  /**
   * Every assignment must be answered, even after close() has begun: close() waits for the answer
   * on a thread, and Node waits for that thread at its exit. node-rdkafka refuses a late assignment
   * with a throw inside its native callback; uncaught, the throw would end the process in the
   * middle of its work. unassign() is an answer, too.
   */
  #accept (assignment: Assignment[]): boolean {
    try {
      this.#consumer.incrementalAssign(assignment)
      if (assignment.length > 0) this.#consumer.pause(assignment)
      return true
    } catch (thrown) {
      if (!this.#leaving) this.#options.onError(clientError(thrown, 'accepting assigned slots'))
    }
    try {
      this.#consumer.unassign()
    } catch {
      // The client is closed: nothing waits for an answer.
    }
    return false
  }

  #groupError (thrown: unknown): ReplicatorError {
    const { group } = this.#options
    return withRefusal(this.#consumer,
      clientError(thrown, `group ${group}`, `READ on the group ${group}`, this.#broker()))
  }
}
