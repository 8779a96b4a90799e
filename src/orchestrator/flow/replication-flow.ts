// One replication flow, source -> target: wires clusters, progress, ownership of slots, topics and
// lanes, and runs them until the flow is stopped. A failure of one topic or partition stops only
// that topic or partition.
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { groupOf } from '../cluster/flow-group.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { CheckpointSnapshot, FlowSnapshot, FlowState } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import type { IntervalLoop } from '../time/interval-loop.ts'
import { ClusterProbe } from './cluster-probe.ts'
import { openClusterPair, sameClusterRemark, type ClusterPair } from './cluster-pair.ts'
import { FlowProblems } from '../observability/flow-problems.ts'
import { FlowStatistics } from './flow-statistics.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import {
  openFlowProgress, openUnkeptProgress, type FlowProgress
} from '../progress/flow-progress.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import { isIdempotent } from '../progress/progress.ts'
import { FlowControl } from '../control/flow-control.ts'
import type { InboundFlows } from '../inbound/inbound-flows.ts'
import { sharedSettings } from '../control/flow-members.ts'
import type { Duties } from '../ownership/duties.ts'
import type { Ownership, SlotWork } from '../ownership/ownership.ts'
import { SlotOwnership } from '../ownership/slot-ownership.ts'
import { StaticOwnership } from '../ownership/static-ownership.ts'
import { slotOf } from '../ownership/task-slots.ts'
import { version } from '../version.ts'
import { controlled } from './controlled-partitions.ts'
import { openFlowDuties } from './flow-duties.ts'
import { openFlowInbound, openFlowsBack, type FlowParts } from './flow-inbound.ts'
import type { FlowsBack } from './flows-back.ts'
import { openFlowLanes } from './flow-lanes.ts'
import { startFlowLoops } from './flow-loops.ts'
import type { TargetClaims } from './target-claims.ts'
import { TopicRefresh } from './topic-refresh.ts'

export interface FlowOptions {
  readonly config: FlowConfig
  readonly claims: TargetClaims
  readonly log: Log
  readonly clock: Clock
  /** False: no other process shares the flow, and nothing of it is kept in Kafka. */
  readonly isShared?: boolean
  /** Where the process serves metrics and readiness; '': nowhere. */
  readonly address?: () => string
}

export class ReplicationFlow {
  #config: FlowConfig
  readonly #claims: TargetClaims
  readonly #log: Log
  readonly #problems: FlowProblems
  readonly #clock: Clock
  #loops: readonly IntervalLoop[] = []
  readonly #stopping = new AbortController()
  readonly #failed: Promise<ReplicatorError>
  #fail: (error: ReplicatorError) => void = () => {}
  readonly #warned = new Set<string>()
  readonly #isShared: boolean
  readonly #address: () => string
  readonly #memberName = `longhaul-${randomUUID()}`
  #state: FlowState = 'starting'
  /** Of the stop; undefined while the flow runs. */
  #deadline: Deadline | undefined
  #drained = true
  #clusters: ClusterPair | undefined
  #progress: FlowProgress | undefined
  #lanes: LanePool | undefined
  #inbound: InboundFlows | undefined
  #flowsBack: FlowsBack | undefined
  #partitions: FlowPartitions | undefined
  #statistics: FlowStatistics | undefined
  #ownership: Ownership | undefined
  #duties: Duties | undefined
  readonly #checkpoints = new Map<string, CheckpointSnapshot>()
  #control: FlowControl | undefined
  #probe: ClusterProbe | undefined
  #topics: TopicRefresh | undefined

  constructor ({ address, config, claims, log, clock, isShared = true }: FlowOptions) {
    this.#isShared = isShared
    this.#address = address ?? (() => '')
    this.#config = config
    this.#claims = claims
    this.#log = log.child({ flow: config.name })
    this.#clock = clock
    this.#problems = new FlowProblems(
      { log: this.#log, clock, source: config.source.alias, target: config.target.alias })
    // Each slot waits for it; Node warns of more than ten.
    setMaxListeners(Infinity, this.#stopping.signal)
    this.#failed = new Promise(resolve => { this.#fail = resolve })
  }

  get name (): string { return this.#config.name }

  /** Resolves when the flow cannot continue by itself: it must be stopped and restarted. */
  get failed (): Promise<ReplicatorError> { return this.#failed }

  /**
   * Resolves once records flow, or the group is about to say which ones. An abort ends every wait
   * of the start and later of the running flow; stop() must follow.
   */
  async start (signal: AbortSignal): Promise<void> {
    const onAbort = (): void => { this.#stopping.abort() }
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await this.#open()
      await this.#step(Promise.all([this.#opened(this.#lanes).start(), this.#startTopics()]))
    } catch (thrown) {
      this.#state = 'faulted'
      throw thrown
    }
    this.#state = 'running'
    this.#startLoops()
  }

  /** Topics last: the owner of a topic's slot creates it, and a process that is alone owns all. */
  async #startTopics (): Promise<void> {
    this.#opened(this.#control).start()
    await this.#opened(this.#ownership).start(this.#stopping.signal)
    await this.#opened(this.#topics).start()
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
    if (!inTime) this.#problems.sayNotDrained()
    const close = new Deadline(this.#clock, Math.min(closeMs, end.remainingMs()))
    await close.bound(this.#close())
    close.cancel()
    end.cancel()
    this.#state = isRunning ? 'stopped' : 'faulted'
    return inTime && this.#drained
  }

  /** Continues with other settings that FlowChange calls live. Legal in every state. */
  adopt (config: FlowConfig): void {
    this.#config = config
    this.#topics?.adopt(config)
    this.#control?.announceSettings(sharedSettings(config))
  }

  /** A loop that waits for a cluster that hangs does not delay the drain. */
  async #drain (): Promise<true> {
    this.#problems.close()
    for (const loop of this.#loops) void loop.stop()
    await Promise.all([this.#control?.stop(), this.#ownership?.stop()])
    return true
  }

  /** The result of a step of the start; rejects at once when the flow is stopped meanwhile. */
  async #step<T> (work: Promise<T>): Promise<T> {
    return await unlessAborted(this.#stopping.signal, work)
  }

  snapshot (): FlowSnapshot {
    // Until the group assigns slots, and the first slot is acquired, this process mirrors nothing.
    const health = this.#ownership?.health
    const waiting = this.#state === 'running' && health !== undefined &&
      (health.state === 'joining' || (health.owned > 0 && !health.hasHeld))
    const state = waiting ? 'starting' : this.#state
    const snapshot = this.#statistics?.snapshot(state) ?? FlowStatistics.empty(this.#config, state)
    return {
      ...snapshot,
      checkpoints: this.#checkpoints,
      ...waiting ? { reason: health.reason?.message ?? noSlotsYet } : {},
      ...this.#probe === undefined ? {} : { clusters: this.#probe.health },
      ...health === undefined ? {} : { slots: health },
      ...this.#control === undefined ? {} : { differingMembers: this.#control.differingMembers },
      isExactlyOnce: this.#progress && isIdempotent(this.#progress.producer),
      ...this.#duties === undefined ? {} : { dutySuccesses: this.#duties.lastSuccesses }
    }
  }

  async #open (): Promise<void> {
    const clusters = this.#clusters = await openClusterPair(this.#config, this.#stopping.signal)
    this.#probe = new ClusterProbe(
      { ...clusters, clock: this.#clock, signal: this.#stopping.signal })
    this.#probe.start()
    const remark = sameClusterRemark(this.#config, clusters)
    if (remark !== undefined) this.#log.warn({}, remark)
    const progress = this.#progress = await this.#step(this.#openProgress(clusters))
    const inbound = this.#inbound = this.#openInbound(clusters, progress)
    await this.#step(inbound?.learn() ?? Promise.resolve())
    const lanes = this.#lanes = openFlowLanes({
      config: this.#config, inbound, producer: progress.producer,
      partitions: () => this.#partitions, problems: this.#problems, clock: this.#clock
    })
    const partitions = this.#partitions = new FlowPartitions({
      ...this.#common(clusters),
      source: clusters.source,
      target: clusters.target,
      progress,
      lanes,
      producer: progress.producer,
      restore: async (slots, signal) => await progress.restore(slots, signal),
      firstLookOf: async slot => await progress.firstLookOf(slot, this.#stopping.signal),
      onLeaving: async (leaving, isHandedOver) => {
        await this.#statistics?.depart(leaving, isHandedOver)
      },
      onUnacknowledged: left => { this.#onUnacknowledged(left) }
    })
    this.#statistics = this.#openStatistics(clusters, partitions, lanes)
    const slots = this.#config.settings['task.slots']
    this.#flowsBack = !this.#isShared ? undefined : openFlowsBack({
      ...this.#common(clusters),
      announced: async signal => { await this.#control?.announced(signal) }
    })
    this.#topics = new TopicRefresh({
      ...this.#common(clusters),
      claims: this.#claims,
      mayChange: topic => this.#ownership?.owned.has(slotOf(topic, 0, slots)) === true,
      onTopics: async result => { await partitions.setTopics(result) },
      flowsBack: this.#flowsBack
    })
    this.#duties = openFlowDuties({
      ...this.#common(clusters), progress, partitions, topics: this.#topics,
      checkpoints: this.#checkpoints
    })
    this.#control = this.#openControl(progress, partitions)
    this.#ownership = this.#openOwnership(clusters)
  }

  async #openProgress (clusters: ClusterPair): Promise<FlowProgress> {
    const options = {
      ...this.#common(clusters),
      target: clusters.target,
      sourceClusterId: clusters.sourceDescription.clusterId,
      group: groupOf(this.name),
      everything: () => this.#partitions?.slotRecords() ?? [],
      onWarning: (error: ReplicatorError) => { this.#warnOnce(error) },
      onRewritten: (error: ReplicatorError) => { this.#problems.warn(error) }
    }
    return this.#isShared ? await openFlowProgress(options) : await openUnkeptProgress(options)
  }

  /** A flow that keeps nothing in Kafka, as in the demo, cannot be known to others either. */
  #openInbound (clusters: ClusterPair, progress: FlowProgress): InboundFlows | undefined {
    return !this.#isShared ? undefined : openFlowInbound({ ...this.#common(clusters), progress,
      lanes: () => this.#lanes, fail: error => { this.#fail(error) } })
  }

  /** What many parts need. */
  #common (clusters: ClusterPair): FlowParts & { readonly problems: FlowProblems } {
    const { signal } = this.#stopping
    return { config: this.#config, clusters, problems: this.#problems, log: this.#log,
      clock: this.#clock, signal }
  }

  #openStatistics (
    clusters: ClusterPair, partitions: FlowPartitions, lanes: LanePool
  ): FlowStatistics {
    return new FlowStatistics({
      ...this.#common(clusters),
      source: clusters.source,
      partitions,
      lanes,
      othersOwn: () => this.#ownership?.health.unownedByAnybody === false
    })
  }

  #openOwnership (clusters: ClusterPair): Ownership {
    const { name, settings, source, target } = this.#config
    const partitions = this.#opened(this.#partitions)
    const work: SlotWork = {
      acquire: async (slot, signal) => {
        this.#topics?.lookAgain()
        partitions.expect([slot])
        await this.#control?.known(signal)
        await partitions.acquire([slot], signal)
        signal.throwIfAborted()
        this.#duties?.begin(slot)
      },
      release: async slots => { await this.#release(slots) },
      onError: error => { this.#problems.warn(error, 'target') }
    }
    const slots = settings['task.slots']
    const options = { slots, work, log: this.#log, clock: this.#clock }
    if (!this.#isShared) return new StaticOwnership(options)
    return new SlotOwnership({
      ...options,
      group: groupOf(name),
      topic: progressTopicOf(source.alias),
      memberName: this.#memberName,
      admin: clusters.target,
      client: target.admin,
      sessionTimeoutMs: settings['session.timeout.ms'],
      timeoutMs: settings['admin.timeout.ms']
    })
  }

  #openControl (progress: FlowProgress, partitions: FlowPartitions): FlowControl {
    return new FlowControl({
      log: this.#log,
      controlLog: progress.controlLog,
      partitions: controlled(partitions),
      member: {
        name: this.#memberName,
        build: version,
        address: this.#address(),
        startedMs: this.#clock.now(),
        settings: sharedSettings(this.#config)
      },
      isKeeper: () => this.#ownership?.owned.has(0) === true,
      onError: error => { this.#problems.warn(error) },
      clock: this.#clock
    })
  }

  async #release (slots: readonly number[]): Promise<void> {
    const ending = this.#state === 'draining'
    const dutiesEnded = this.#duties?.end(slots)
    // A duty may wait for a cluster that hangs. The end of the flow does not.
    if (!ending) await dutiesEnded
    const drainMs = this.#deadline?.remainingMs() ?? handOverMs
    const unacknowledged = await this.#opened(this.#partitions).release(slots, drainMs, ending)
    this.#progress?.forget(slots)
    this.#log.info(
      { slots: slots.length, drained: unacknowledged.length === 0 }, 'handed over slots')
  }

  /** At the end of the flow. A hand-over that lasted too long has cost time alone. */
  #onUnacknowledged (partitions: readonly FlowPartition[]): void {
    if (this.#state !== 'draining') return
    this.#drained = false
    const left = this.#opened(this.#statistics).unacknowledged(partitions)
    this.#problems.sayUnacknowledged(left)
  }

  #startLoops (): void {
    const { settings } = this.#config
    this.#loops = startFlowLoops({
      settings,
      partitions: this.#opened(this.#partitions),
      statistics: this.#opened(this.#statistics),
      progress: this.#opened(this.#progress),
      inbound: this.#inbound,
      topics: this.#opened(this.#topics),
      problems: this.#problems,
      clusters: () => this.#probe?.health,
      onError: thrown => { this.#onLoopError(thrown) },
      log: this.#log, clock: this.#clock
    })
  }

  /** Logs an error that a retry mends; any other error ends this flow, which is then restarted. */
  #onLoopError (thrown: unknown): void {
    const error = ReplicatorError.from(thrown)
    const { retriable, scope } = error.row
    if (scope === 'flow' && !retriable) this.#fail(error)
    else this.#problems.warn(error)
  }

  /** For what is found again at each look, and does not change. */
  #warnOnce (error: ReplicatorError): void {
    if (this.#warned.has(error.message)) return
    this.#warned.add(error.message)
    this.#problems.warn(error)
  }

  /** Side by side: each client may take its time where its cluster hangs. */
  async #close (): Promise<void> {
    await this.#statistics?.collect() // the last figures of partitions that lanes have released
    const parts = [this.#lanes, this.#inbound, this.#flowsBack, this.#progress, this.#clusters]
    await Promise.all(parts.map(async part => { await part?.close() }))
    this.#claims.release(this.name)
  }

  #opened<T> (part: T | undefined): T {
    if (part === undefined) throw new ReplicatorError('INTERNAL', `${this.name} is not open`)
    return part
  }
}

const noSlotsYet = 'the consumer group of the flow has not assigned slots to this process yet; ' +
  'another process that hands over slots first waits up to 20 s for what it has in flight'

/** For the last progress and for closing clients, after the wait for batches in flight. */
export const closeMs = 1_000

/** How long a hand-over to another process waits for acks; well inside max.poll.interval.ms. */
const handOverMs = 20_000
