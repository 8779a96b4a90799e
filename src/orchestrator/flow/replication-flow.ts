// One replication flow, source -> target: starts its parts, runs them until the flow is stopped,
// and drains them. A failure of one topic or partition stops only that topic or partition.
import { setMaxListeners } from 'node:events'
import { loginsOf } from '../cluster/login-refusal.ts'
import type { FlowConfig } from '../config/config.ts'
import { sharedSettings } from '../control/flow-members.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { FlowProblems } from '../observability/flow-problems.ts'
import type { Log } from '../observability/log.ts'
import type { SharedProblems } from '../observability/shared-problems.ts'
import type { FlowSnapshot, FlowState } from '../observability/snapshot.ts'
import type { AppliedMove } from '../partitions/partition-moves.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import { isIdempotent } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import type { IntervalLoop } from '../time/interval-loop.ts'
import { operationsOf, type FlowOperations } from './flow-operations.ts'
import { startFlowLoops } from './flow-loops.ts'
import { FlowParts, type FlowPartsOptions } from './flow-parts.ts'
import { FlowStatistics } from './flow-statistics.ts'
import type { TargetClaims } from './target-claims.ts'

export interface FlowOptions
  extends Partial<Pick<FlowPartsOptions, 'isShared' | 'address' | 'process'>> {
  readonly config: FlowConfig
  readonly claims: TargetClaims
  /** Receives every move of a partition. */
  readonly onMoved?: ((flow: string, move: AppliedMove) => void) | undefined
  /** Of all flows of the process; by default the flow has its own. */
  readonly shared?: SharedProblems
  readonly log: Log
  readonly clock: Clock
}

export class ReplicationFlow {
  #config: FlowConfig
  /** Of the progress topic, which count; undefined: not known yet. */
  #slots: number | undefined
  readonly #log: Log
  readonly #problems: FlowProblems
  readonly #clock: Clock
  readonly #parts: FlowParts
  #loops: readonly IntervalLoop[] = []
  readonly #stopping = new AbortController()
  readonly #failed: Promise<ReplicatorError>
  #fail: (error: ReplicatorError) => void = () => {}
  #state: FlowState = 'starting'
  /** Of the stop; undefined while the flow runs. */
  #deadline: Deadline | undefined
  #drained = true

  constructor ({
    address = () => '', config, claims, log: parent, clock, isShared = true, onMoved, process,
    shared
  }: FlowOptions) {
    const log = parent.child({ flow: config.name })
    this.#config = config
    this.#log = log
    this.#clock = clock
    this.#problems = new FlowProblems({
      log,
      clock,
      source: config.source.alias,
      target: config.target.alias,
      logins: loginsOf(config),
      ...shared === undefined ? {} : { shared }
    })
    // Each slot listens to the signal; Node warns of more than ten listeners.
    setMaxListeners(Infinity, this.#stopping.signal)
    this.#failed = new Promise(resolve => { this.#fail = resolve })
    this.#parts = new FlowParts({
      config: () => this.#config,
      follow: slots => {
        this.#slots = slots
        this.#config = this.#withSlots(this.#config)
      },
      claims,
      problems: this.#problems,
      log,
      clock,
      signal: this.#stopping.signal,
      isShared,
      address,
      process,
      onMoved: onMoved && (move => { onMoved(config.name, move) }),
      release: async slots => { await this.#release(slots) },
      onUnacknowledged: partitions => { this.#onUnacknowledged(partitions) },
      fail: error => { this.#fail(error) }
    })
  }

  get name (): string { return this.#config.name }

  /** Resolves when the flow cannot continue by itself: it must be stopped and restarted. */
  get failed (): Promise<ReplicatorError> { return this.#failed }

  /**
   * Resolves once records flow, or the group is about to assign slots. An abort ends every wait of
   * the start and later of the running flow; stop() must follow.
   */
  async start (signal: AbortSignal): Promise<void> {
    const onAbort = (): void => { this.#stopping.abort() }
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await this.#parts.open()
      await unlessAborted(this.#stopping.signal,
        Promise.all([this.#parts.all.lanes.start(), this.#startTopics()]))
    } catch (thrown) {
      this.#state = 'faulted'
      throw thrown
    }
    this.#state = 'running'
    this.#startLoops()
  }

  /**
   * Topics last: the owner of a topic's slot creates the topic, and a single process owns all
   * slots.
   */
  async #startTopics (): Promise<void> {
    const { control, ownership, topics } = this.#parts.all
    control.start()
    await ownership.start(this.#stopping.signal)
    await topics.start()
  }

  /**
   * Waits until the deadline for batches in flight, then writes the last progress and leaves the
   * group; false if the deadline passed, or if the target did not acknowledge all sent records.
   * Then closes, for closeMs at most: a client that needs longer is closed after this call. Legal
   * in every state.
   */
  async stop (deadline: Deadline): Promise<boolean> {
    const isRunning = this.#state === 'running'
    if (isRunning) this.#state = 'draining'
    this.#deadline = deadline
    this.#stopping.abort()
    const end = new Deadline(this.#clock, deadline.remainingMs() + closeMs)
    const inTime = await end.bound(this.#drain()) !== undefined
    if (!inTime) this.#problems.logNotDrained()
    const close = new Deadline(this.#clock, Math.min(closeMs, end.remainingMs()))
    await close.bound(this.#parts.close())
    close.cancel()
    end.cancel()
    this.#problems.end()
    this.#state = isRunning ? 'stopped' : 'faulted'
    return inTime && this.#drained
  }

  /** Continues with other settings that FlowChange calls live. Legal in every state. */
  adopt (config: FlowConfig): void {
    config = this.#config = this.#withSlots(config)
    const { control, duties, topics } = this.#parts.soFar
    topics?.adopt(config)
    duties?.wake()
    for (const loop of this.#loops) loop.wake()
    control?.announceSettings(sharedSettings(config))
  }

  #withSlots (config: FlowConfig): FlowConfig {
    const slots = this.#slots
    return slots === undefined || slots === config.settings['task.slots']
      ? config
      : { ...config, settings: { ...config.settings, 'task.slots': slots } }
  }

  /** Undefined: the flow starts, or is being stopped. */
  operations (): FlowOperations | undefined {
    if (this.#parts.soFar.ownership === undefined || this.#state !== 'running') return undefined
    return operationsOf({
      config: () => this.#config,
      parts: this.#parts.all,
      memberName: this.#parts.memberName,
      groups: () => this.#parts.groups,
      clock: this.#clock,
      signal: this.#stopping.signal
    })
  }

  snapshot (): FlowSnapshot {
    const { bandwidth, control, duties, ownership, probe, progress, statistics } =
      this.#parts.soFar
    // Until the group assigns slots, and the first slot is acquired, this process mirrors nothing.
    const health = ownership?.health
    const waiting = this.#state === 'running' && health !== undefined &&
      (health.state === 'joining' || (health.owned > 0 && !health.hasHeld))
    const state = waiting ? 'starting' : this.#state
    const snapshot = statistics?.snapshot(state) ?? FlowStatistics.empty(this.#config, state)
    return {
      ...snapshot,
      checkpoints: this.#parts.checkpoints,
      ...waiting ? { reason: health.reason?.message ?? noSlotsYet } : {},
      ...this.#config.canary === undefined ? {} : { canary: this.#parts.canary.snapshot() },
      ...bandwidth === undefined ? {} : { throttle: bandwidth.snapshot },
      ...probe === undefined ? {} : { clusters: probe.health },
      ...health === undefined ? {} : { slots: health },
      ...control === undefined
        ? {}
        : { differingMembers: control.differingMembers, orders: control.state.counts },
      isExactlyOnce: progress && isIdempotent(progress.producer),
      ...duties === undefined ? {} : { dutySuccesses: duties.lastSuccesses }
    }
  }

  #startLoops (): void {
    const { ownership, probe, ...parts } = this.#parts.all
    this.#loops = startFlowLoops({
      ...parts,
      settings: () => this.#config.settings,
      problems: this.#problems,
      clusters: () => probe.health,
      silence: () => ownership.health.silence,
      onError: thrown => { this.#onLoopError(thrown) },
      log: this.#log,
      clock: this.#clock
    })
  }

  /**
   * Logs an error that a retry solves; any other error ends this flow, which is then restarted. A
   * refused login ends nothing: lanes keep their open connections.
   */
  #onLoopError (thrown: unknown): void {
    const error = ReplicatorError.from(thrown)
    if (error.scope === 'flow' && !error.retriable && !error.isLoginRefused) this.#fail(error)
    else this.#problems.warn(error)
  }

  /** A loop that waits for a hanging cluster does not delay the drain. */
  async #drain (): Promise<true> {
    const { control, ownership } = this.#parts.soFar
    this.#problems.close()
    for (const loop of this.#loops) void loop.stop()
    await Promise.all([control?.stop(), ownership?.stop()])
    return true
  }

  async #release (slots: readonly number[]): Promise<void> {
    const { duties, partitions, progress } = this.#parts.all
    const ending = this.#state === 'draining'
    const dutiesEnded = duties.end(slots)
    // A duty may wait for a hanging cluster. The end of the flow does not wait for the duty.
    if (!ending) await dutiesEnded
    const drainMs = this.#deadline?.remainingMs() ?? handOverMs
    const unacknowledged = await partitions.release(slots, drainMs, ending)
    progress.forget(slots)
    this.#log.info(
      { slots: slots.length, drained: unacknowledged.length === 0 }, 'handed over slots')
  }

  /** Only the end of the flow reports them: after a slow hand-over the next owner continues. */
  #onUnacknowledged (partitions: readonly FlowPartition[]): void {
    if (this.#state !== 'draining') return
    this.#drained = false
    this.#problems.logUnacknowledged(this.#parts.all.statistics.unacknowledged(partitions))
  }
}

const noSlotsYet = 'the consumer group of the flow has not assigned slots to this process yet; ' +
  'another process that hands over slots first waits up to 20 s for its batches in flight'

/** For the last progress and for closing clients, after the wait for batches in flight. */
export const closeMs = 1_000

/** How long a hand-over to another process waits for acks; well inside max.poll.interval.ms. */
const handOverMs = 20_000
