// One replication flow, source -> target: wires clusters, progress, ownership of slots, topics and
// lanes, and keeps them going until it is stopped. What can fail for one topic or partition fails
// for it alone.
import { randomUUID } from 'node:crypto'
import type { ForwarderConfig } from '../../dataplane/index.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { FlowSnapshot, FlowState } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import { ClusterProbe } from './cluster-probe.ts'
import { openClusterPair, sameClusterRemark, type ClusterPair } from './cluster-pair.ts'
import { FlowProblems } from '../observability/flow-problems.ts'
import { FlowStatistics } from './flow-statistics.ts'
import { LaneBalancer } from '../lanes/lane-balancer.ts'
import { LanePool } from '../lanes/lane-pool.ts'
import { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import { waitingGroups } from '../partitions/waiting-partitions.ts'
import type { ProducerIdentity } from '../progress/progress.ts'
import { ProgressKeeper } from '../progress/progress-keeper.ts'
import { agreeOnProducer, type AgreementOptions } from '../progress/producer-agreement.ts'
import { ProgressStore, restoreSlots } from '../progress/progress-store.ts'
import {
  ensureProgressTopic, progressTopicId, progressTopicOf
} from '../progress/progress-topic.ts'
import type { Ownership } from '../ownership/ownership.ts'
import { SlotOwnership } from '../ownership/slot-ownership.ts'
import type { TargetClaims } from './target-claims.ts'
import { TopicRefresh } from './topic-refresh.ts'

export interface FlowOptions {
  readonly config: FlowConfig
  readonly claims: TargetClaims
  readonly log: Log
  readonly clock: Clock
}

const statisticsIntervalMs = 1_000
const beginIntervalMs = 1_000
const endsIntervalMs = 10_000

export class ReplicationFlow {
  readonly #config: FlowConfig
  readonly #claims: TargetClaims
  readonly #log: Log
  readonly #problems: FlowProblems
  readonly #clock: Clock
  readonly #loops: IntervalLoop[] = []
  readonly #stopping = new AbortController()
  readonly #failed: Promise<ReplicatorError>
  #fail: (error: ReplicatorError) => void = () => {}
  readonly #warned = new Set<string>()
  readonly #memberName = `longhaul-${randomUUID()}`
  #state: FlowState = 'starting'
  /** Of the stop; undefined while the flow runs. */
  #deadline: Deadline | undefined
  #drained = true
  #clusters: ClusterPair | undefined
  #store: ProgressStore | undefined
  #lanes: LanePool | undefined
  #keeper: ProgressKeeper | undefined
  #partitions: FlowPartitions | undefined
  #statistics: FlowStatistics | undefined
  #ownership: Ownership | undefined
  #probe: ClusterProbe | undefined
  #topics: TopicRefresh | undefined

  constructor ({ config, claims, log, clock }: FlowOptions) {
    this.#config = config
    this.#claims = claims
    this.#log = log.child({ flow: config.name })
    this.#clock = clock
    this.#problems = new FlowProblems(
      { log: this.#log, clock, source: config.source.alias, target: config.target.alias })
    this.#failed = new Promise(resolve => { this.#fail = resolve })
  }

  get name (): string { return this.#config.name }

  /** Resolves when the flow cannot go on by itself: it must be stopped and started again. */
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
      await this.#step(Promise.all([
        this.#opened(this.#lanes).start(),
        this.#opened(this.#topics).start(),
        this.#opened(this.#ownership).start(this.#stopping.signal)
      ]))
    } catch (thrown) {
      this.#state = 'faulted'
      throw thrown
    }
    this.#state = 'running'
    this.#startLoops()
  }

  /**
   * Waits until the deadline for what is in flight; false if that was not enough. Then writes the
   * last progress, leaves the group and closes, for closeMs at most: a client that takes longer is
   * closed behind this call. Legal in every state.
   */
  async stop (deadline: Deadline): Promise<boolean> {
    const isRunning = this.#state === 'running'
    if (isRunning) this.#state = 'draining'
    this.#deadline = deadline
    this.#stopping.abort()
    const end = new Deadline(this.#clock, deadline.remainingMs() + closeMs)
    const inTime = await end.bound(this.#end()) !== undefined
    end.cancel()
    this.#state = isRunning ? 'stopped' : 'faulted'
    return inTime && this.#drained
  }

  async #end (): Promise<true> {
    await Promise.all(this.#loops.map(async loop => { await loop.stop() }))
    await this.#ownership?.stop()
    await this.#statistics?.collect() // lanes tell the figures of what they let go of once more
    await this.#close()
    return true
  }

  /** The result of a step of the start; rejects at once when the flow is stopped meanwhile. */
  async #step<T> (work: Promise<T>): Promise<T> {
    return await unlessAborted(this.#stopping.signal, work)
  }

  snapshot (): FlowSnapshot {
    // Until the group has spoken this process may own nothing, and is not ready for anything.
    const isJoining = this.#ownership?.health.state === 'joining'
    const waiting = this.#state === 'running' && isJoining
    const state = waiting ? 'starting' : this.#state
    const snapshot = this.#statistics?.snapshot(state) ??
      FlowStatistics.empty(this.#config, state)
    return {
      ...snapshot,
      ...this.#probe === undefined ? {} : { clusters: this.#probe.health },
      ...this.#ownership === undefined ? {} : { slots: this.#ownership.health }
    }
  }

  async #open (): Promise<void> {
    const { settings, source, target } = this.#config
    const clusters = this.#clusters = await openClusterPair(this.#config, this.#stopping.signal)
    this.#probe = new ClusterProbe(
      { ...clusters, clock: this.#clock, signal: this.#stopping.signal })
    this.#probe.start()
    const remark = sameClusterRemark(this.#config, clusters)
    if (remark !== undefined) this.#log.warn({}, remark)
    const topic = progressTopicOf(source.alias)
    const timeoutMs = settings['admin.timeout.ms']
    const store = this.#store = new ProgressStore({
      topic, client: target.admin, group: groupOf(this.name), timeoutMs, log: this.#log,
      clock: this.#clock
    })
    const agreement: AgreementOptions = {
      target: clusters.target,
      store,
      topic,
      slots: settings['task.slots'],
      replicationFactor: settings['progress.topic.replication.factor'],
      clock: this.#clock,
      onWarning: error => { this.#warnOnce(error) },
      sourceAlias: source.alias,
      sourceClusterId: clusters.sourceDescription.clusterId,
      acceptedClusterId: settings['accepted.cluster.id'],
      othersRun: async () => await this.#othersRun(clusters.target)
    }
    await this.#step(ensureProgressTopic(agreement))
    const producer = await this.#step(
      agreeOnProducer(agreement, undefined, this.#stopping.signal))
    const lanes = this.#lanes = this.#openLanes(producer)
    const keeper = this.#keeper = new ProgressKeeper({
      agreement,
      store,
      producer,
      topicId: await this.#step(progressTopicId(agreement, this.#stopping.signal)),
      everything: () => this.#partitions?.slotRecords() ?? [],
      onRewritten: error => { this.#problems.warn(error) }
    })
    const partitions = this.#partitions = new FlowPartitions({
      config: this.#config,
      source: clusters.source,
      target: clusters.target,
      progress: keeper,
      lanes,
      producer,
      restore: async (slots, signal) => await restoreSlots(store, slots, producer, signal),
      onLeaving: async (leaving, isHandedOver) => {
        await this.#statistics?.depart(leaving, isHandedOver)
      },
      problems: this.#problems,
      log: this.#log,
      clock: this.#clock
    })
    this.#statistics = this.#openStatistics(clusters, partitions, lanes)
    this.#topics = new TopicRefresh({
      config: this.#config,
      clusters,
      claims: this.#claims,
      mayChange: () => true,
      onTopics: async result => { await partitions.setTopics(result) },
      problems: this.#problems,
      log: this.#log,
      clock: this.#clock,
      signal: this.#stopping.signal
    })
    this.#ownership = this.#openOwnership(clusters, topic)
  }

  /** Whether the group has members; this process has not joined it yet. */
  async #othersRun (target: ClusterAdmin): Promise<boolean> {
    try {
      const described = await target.describeGroups([groupOf(this.name)])
      return described.some(({ members }) => members.length > 0)
    } catch (thrown) {
      // Who cannot know must not act as if alone; but a cluster without groups has no others.
      return ReplicatorError.from(thrown).errorName !== '_UNSUPPORTED_FEATURE'
    }
  }

  #openLanes (producer: ProducerIdentity): LanePool {
    const { source, target, forwarder, settings } = this.#config
    const config: ForwarderConfig = {
      source: source.client,
      target: target.client,
      settings: forwarder,
      ...producer
    }
    return new LanePool({
      lanes: settings.lanes,
      config,
      clock: this.#clock,
      onEvents: (lane, events) => { this.#partitions?.onEvents(lane, events) },
      onEnded: (lane, error) => { this.#partitions?.onLaneEnded(lane, error) },
      onStarted: lane => { this.#partitions?.onLaneStarted(lane) },
      onOverloaded: error => { this.#problems.warn(error) }
    })
  }

  #openStatistics (
    clusters: ClusterPair, partitions: FlowPartitions, lanes: LanePool
  ): FlowStatistics {
    return new FlowStatistics({
      config: this.#config,
      source: clusters.source,
      partitions,
      lanes,
      othersOwn: () => this.#ownership?.health.unownedByAnybody === false,
      problems: this.#problems,
      log: this.#log,
      clock: this.#clock
    })
  }

  #openOwnership (clusters: ClusterPair, topic: string): Ownership {
    const { name, settings, target } = this.#config
    const partitions = this.#opened(this.#partitions)
    return new SlotOwnership({
      group: groupOf(name),
      topic,
      slots: settings['task.slots'],
      memberName: this.#memberName,
      admin: clusters.target,
      client: target.admin,
      sessionTimeoutMs: settings['session.timeout.ms'],
      timeoutMs: settings['admin.timeout.ms'],
      work: {
        acquire: async (slot, signal) => { await partitions.acquire([slot], signal) },
        release: async slots => { await this.#release(slots) },
        onError: error => { this.#problems.warn(error, 'target') }
      },
      log: this.#log,
      clock: this.#clock
    })
  }

  async #release (slots: readonly number[]): Promise<void> {
    const ending = this.#state === 'draining'
    const drainMs = this.#deadline?.remainingMs() ?? handOverMs
    const drained = await this.#opened(this.#partitions).release(slots, drainMs, ending)
    for (const slot of slots) this.#store?.forget(slot)
    // A hand-over that took too long cost time, long ago; the end of the flow speaks for itself.
    if (ending && !drained) this.#drained = false
    this.#log.info({ slots: slots.length, drained }, 'handed over slots')
  }

  #startLoops (): void {
    const { settings } = this.#config
    const partitions = this.#opened(this.#partitions)
    const loop = (intervalMs: number, run: () => Promise<void>): void => {
      const onError = (thrown: unknown): void => { this.#onLoopError(thrown) }
      const started = new IntervalLoop(
        { intervalMs, clock: this.#clock, run, onError, first: 'delayed' })
      started.start()
      this.#loops.push(started)
    }
    loop(settings['progress.interval.ms'], async () => { await partitions.writeProgress() })
    loop(statisticsIntervalMs, async () => {
      await this.#statistics?.collect()
      const waiting = waitingGroups(partitions.table.values(), this.#clock.now())
      this.#problems.tick(waiting, this.#probe?.health)
    })
    loop(endsIntervalMs, async () => { await this.#statistics?.refreshEnds() })
    const balancer = this.#createBalancer(partitions)
    loop(settings['lane.rebalance.interval.ms'], async () => { balancer.round() })
    const refreshMs = settings['refresh.topics.interval.seconds'] * 1000
    loop(refreshMs, async () => { await this.#keeper?.mend() })
    loop(beginIntervalMs, async () => { await partitions.beginDue() })
    loop(settings['fault.retry.interval.ms'], async () => { await partitions.retryFaulted() })
  }

  /** What a retry mends is said; what it does not mend ends this flow, to be started anew. */
  #onLoopError (thrown: unknown): void {
    const error = ReplicatorError.from(thrown)
    const { retriable, scope } = error.row
    if (scope === 'flow' && !retriable) this.#fail(error)
    else this.#problems.warn(error)
  }

  #createBalancer (partitions: FlowPartitions): LaneBalancer<FlowPartition> {
    return new LaneBalancer({
      lanes: this.#config.settings.lanes,
      partitions: () => partitions.table.values(),
      bytesById: () => this.#opened(this.#statistics).bytesById(),
      move: (partition, to) => { partitions.moveToLane(partition, to) },
      log: this.#log,
      clock: this.#clock
    })
  }

  /** For what is found again at each look, and does not change. */
  #warnOnce (error: ReplicatorError): void {
    if (this.#warned.has(error.message)) return
    this.#warned.add(error.message)
    this.#problems.warn(error)
  }

  /** In the reverse order of #open. */
  async #close (): Promise<void> {
    await this.#lanes?.close()
    await this.#store?.close()
    await this.#clusters?.close()
    this.#claims.release(this.name)
  }

  #opened<T> (part: T | undefined): T {
    if (part === undefined) throw new ReplicatorError('INTERNAL', `${this.name} is not open`)
    return part
  }
}

function groupOf (flow: string): string {
  return `longhaul.${flow}`
}

/** For the last progress and for closing clients, after what is in flight was waited for. */
export const closeMs = 1_000

/** How long a hand-over to another process waits for acks; well inside max.poll.interval.ms. */
const handOverMs = 20_000
