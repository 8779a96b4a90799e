// One membership in the flow's consumer group: a node-rdkafka consumer that is subscribed to the
// progress topic and reads nothing. Says which slots the group assigns and revokes, and answers the
// group; what becomes of the slots is slot-ownership.ts's to decide.
import rdkafka, { type Assignment, type KafkaConsumer, type LibrdKafkaError } from 'node-rdkafka'
import {
  clientError, connect, controlClientProperties, disconnect, poll,
  rememberBroker
} from '../cluster/kafka-client.ts'
import type { ClientProperties } from '../config/client-properties.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'

export interface GroupMemberOptions {
  readonly group: string
  readonly topic: string
  /** Tells this process from the other members. */
  readonly memberName: string
  /** Of the target cluster, librdkafka's names. */
  readonly client: ClientProperties
  readonly sessionTimeoutMs: number
  readonly timeoutMs: number
  readonly clock: Clock
  /** These slots are added to those that the group assigned before; perhaps none. */
  readonly onAssigned: (slots: readonly number[]) => void
  /**
   * These slots are revoked. The group may assign them to others once this resolves. `isAll`: it is
   * everything that was assigned, as when the session has ended.
   */
  readonly onRevoked: (slots: readonly number[], isAll: boolean) => Promise<void>
  readonly onError: (error: ReplicatorError) => void
}

const assignCode = -175 // ERR__ASSIGN_PARTITIONS
const revokeCode = -174 // ERR__REVOKE_PARTITIONS
const pollMs = 250
/** While leaving: nothing else is left to do. */
const leavePollMs = 10
const leaveMsMax = 700

/**
 * How long the group waits for a member to release revoked slots, and how long a JoinGroup request
 * may be unanswered: well above the 20 s within which a hand-over ends.
 */
export const rebalanceTimeoutMs = 45_000

/**
 * A coordinator that hangs keeps its connection, and answers nothing. Its group moves to another
 * broker once the controller has fenced it (9 s by default). librdkafka asks where the coordinator
 * is when a connection breaks, else each ten minutes, and asks the broker that it used last: the
 * one that hangs. So it asks this often, and closes a connection that is unanswered for half a
 * session: then the new coordinator is found within the session, or soon after.
 */
const coordinatorQueryMs = 2_000

export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #consumer: KafkaConsumer
  /** Serves the group's callbacks; no records arrive, as all partitions are paused. */
  readonly #polling: IntervalLoop
  /** Slots that the group has assigned and that were not unassigned. */
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

  /** What the group has assigned, as far as this client knows. */
  get assigned (): ReadonlySet<number> { return this.#assigned }

  /** Resolves once the client is connected; the group answers later, by onAssigned. */
  async join (): Promise<void> {
    const { client, timeoutMs, topic } = this.#options
    await connect(this.#consumer, timeoutMs, client)
    if (this.#leaving) {
      await disconnect(this.#consumer)
      return
    }
    this.#consumer.subscribe([topic])
    this.#consumer.setDefaultConsumeTimeout(0)
    this.#polling.start()
  }

  /**
   * Unassigns every slot while callbacks of the client still arrive. close() would revoke them
   * itself, on a thread that waits for our answer and that Node waits for when it exits.
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
   * The client must be answered, whatever becomes of it: its close() waits for that, on a thread
   * that Node waits for when it exits. An assignment that comes after close() has begun is refused
   * by a throw out of a native callback, which would end the process in the middle of its work;
   * giving it back is an answer too.
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
      // Closed by now: nobody waits for an answer.
    }
    return false
  }

  #groupError (thrown: unknown): ReplicatorError {
    const { group } = this.#options
    return clientError(thrown, `group ${group}`, `READ on the group ${group}`, this.#broker())
  }
}
