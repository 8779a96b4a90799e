// The parts of a replication flow: clusters, progress, ownership of slots, topics and lanes. Opens
// each part after the parts that it needs, and closes all. replication-flow.ts runs them.
import { randomUUID } from 'node:crypto'
import { CanaryFigures } from '../canary/canary-figures.ts'
import { groupOf } from '../cluster/flow-group.ts'
import type { FlowConfig } from '../config/config.ts'
import { FlowControl, type ControlledProcess } from '../control/flow-control.ts'
import { sharedSettings } from '../control/flow-members.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { InboundFlows } from '../inbound/inbound-flows.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log } from '../observability/log.ts'
import type { CheckpointSnapshot } from '../observability/snapshot.ts'
import type { Duties } from '../ownership/duties.ts'
import type { Ownership, SlotWork } from '../ownership/ownership.ts'
import { SlotOwnership } from '../ownership/slot-ownership.ts'
import { StaticOwnership } from '../ownership/static-ownership.ts'
import { slotOf } from '../progress/task-slots.ts'
import { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { AppliedMove } from '../partitions/partition-moves.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import {
  openFlowProgress, openUnkeptProgress, type FlowProgress
} from '../progress/flow-progress.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import type { Clock } from '../time/clock.ts'
import { unlessAborted } from '../time/deadline.ts'
import { version } from '../version.ts'
import { refuseMixedBootstrap } from './bootstrap-clusters.ts'
import { clusterRemarks, openClusterPair, type ClusterPair } from './cluster-pair.ts'
import { ClusterProbe } from './cluster-probe.ts'
import { controlled } from './controlled-partitions.ts'
import { FlowBandwidth } from './flow-bandwidth.ts'
import { openFlowDuties } from './flow-duties.ts'
import { openFlowInbound, openFlowsBack, type FlowContext } from './flow-inbound.ts'
import type { GroupReading } from './flow-operations.ts'
import { openFlowLanes } from './flow-lanes.ts'
import { FlowStatistics } from './flow-statistics.ts'
import type { FlowsBack } from './flows-back.ts'
import type { TargetClaims } from './target-claims.ts'
import { TopicRefresh } from './topic-refresh.ts'

export interface FlowPartsOptions {
  /** The present configuration: a flow may adopt another one during its start. */
  readonly config: () => FlowConfig
  readonly claims: TargetClaims
  readonly problems: FlowProblems
  readonly log: Log
  readonly clock: Clock
  /** The stop of the flow: rejects open(). */
  readonly signal: AbortSignal
  /** False: no other process shares the flow, and nothing of it is kept in Kafka. */
  readonly isShared: boolean
  /** Where the process serves metrics and readiness; '': nowhere. */
  readonly address: () => string
  /** From now on config() has this number of task slots: that of the progress topic. */
  readonly follow: (slots: number) => void
  /** How the process obeys orders that concern more than partitions; absent: it does not. */
  readonly process?: ControlledProcess | undefined
  readonly onMoved?: ((move: AppliedMove) => void) | undefined
  readonly release: SlotWork['release']
  /** Partitions that were released although the target has not acknowledged all batches. */
  readonly onUnacknowledged: (partitions: readonly FlowPartition[]) => void
  /** The flow cannot continue with these parts. */
  readonly fail: (error: ReplicatorError) => void
}

export interface OpenParts {
  readonly clusters: ClusterPair
  readonly probe: ClusterProbe
  readonly progress: FlowProgress
  /** Only of a flow that keeps names. */
  readonly inbound: InboundFlows | undefined
  readonly lanes: LanePool
  readonly partitions: FlowPartitions
  readonly statistics: FlowStatistics
  /** Only of a flow whose topic names do not show where a topic came from. */
  readonly flowsBack: FlowsBack | undefined
  readonly topics: TopicRefresh
  readonly duties: Duties
  readonly control: FlowControl
  readonly ownership: Ownership
  readonly bandwidth: FlowBandwidth
}

export class FlowParts {
  readonly #options: FlowPartsOptions
  /** Of this process, in the group and in its records. */
  readonly memberName = `longhaul-${randomUUID()}`
  readonly #warned = new Set<string>()
  /** The checkpoints that the checkpoint duty has written. */
  readonly checkpoints = new Map<string, CheckpointSnapshot>()
  readonly canary = new CanaryFigures()
  #groups: GroupReading | undefined
  #parts: Partial<OpenParts> = {}

  constructor (options: FlowPartsOptions) {
    this.#options = options
  }

  /** The parts that are open so far: a flow may be stopped at any time of its start. */
  get soFar (): Partial<OpenParts> { return this.#parts }

  /** Only of the process that has the duties of slot 0. */
  get groups (): GroupReading | undefined {
    return this.#parts.ownership?.owned.has(0) === true ? this.#groups : undefined
  }

  /** All parts, after open() has resolved. */
  get all (): OpenParts {
    if (this.#parts.ownership === undefined) {
      throw new ReplicatorError('INTERNAL', `${this.#options.config().name} is not open`)
    }
    return this.#parts as OpenParts
  }

  async open (): Promise<void> {
    const { claims, clock, config, log, problems, signal } = this.#options
    const clusters = this.#add('clusters', await openClusterPair(config(), signal))
    const onChanged = (): void => { this.#parts.topics?.lookAgain() }
    this.#add('probe', new ClusterProbe({ ...clusters, clock, signal, onChanged })).start()
    await this.#step(refuseMixedBootstrap(config(), clusters, signal))
    for (const remark of clusterRemarks(config(), clusters, claims)) {
      if (claims.isNewRemark(remark)) log.warn({}, remark)
    }
    const progress = this.#add('progress', await this.#step(this.#openProgress(clusters)))
    this.#options.follow(progress.slots)
    const inbound = this.#add('inbound', this.#openInbound(clusters, progress))
    await this.#step(inbound?.learn() ?? Promise.resolve())
    const lanes = this.#add('lanes', openFlowLanes({
      config: config(), inbound, producer: progress.producer,
      partitions: () => this.#parts.partitions, problems, clock
    }))
    const partitions = this.#add('partitions', this.#openPartitions(clusters, progress, lanes))
    this.#add('statistics', new FlowStatistics({
      ...this.#context(clusters),
      source: clusters.source,
      partitions,
      lanes,
      othersOwn: () => this.#parts.ownership?.health.unownedByAnybody === false
    }))
    const topics = this.#add('topics', this.#openTopics(clusters, partitions))
    this.#add('duties', openFlowDuties({
      ...this.#context(clusters), progress, partitions, topics, checkpoints: this.checkpoints,
      memberName: this.memberName, canary: this.canary,
      isPaused: partition => this.#parts.control?.state.pauseOf(partition) !== undefined,
      onGroups: positions => { this.#groups = { atMs: clock.now(), positions } },
      live: config
    }))
    this.#add('control', this.#openControl(progress, partitions))
    const ownership = this.#openOwnership(clusters, partitions)
    this.#add('bandwidth', this.#openBandwidth(lanes, partitions, ownership)).apply()
    this.#add('ownership', ownership) // last: `all` asks for it
  }

  /** In parallel: a client of a hanging cluster may need longer than the others. */
  async close (): Promise<void> {
    const { clusters, flowsBack, inbound, lanes, progress, statistics } = this.#parts
    await statistics?.collect() // the last figures of partitions that lanes have released
    await Promise.all([lanes, inbound, flowsBack, progress, clusters].map(async part => {
      await part?.close()
    }))
    this.#options.claims.release(this.#options.config().name)
  }

  #add<Name extends keyof OpenParts> (name: Name, part: OpenParts[Name]): OpenParts[Name] {
    this.#parts = { ...this.#parts, [name]: part }
    return part
  }

  /** The result of a step of the start; rejects at once when the flow is stopped meanwhile. */
  async #step<T> (work: Promise<T>): Promise<T> {
    return await unlessAborted(this.#options.signal, work)
  }

  #context (clusters: ClusterPair): FlowContext & { readonly problems: FlowProblems } {
    const { clock, config, log, problems, signal } = this.#options
    return { config: config(), clusters, problems, log, clock, signal }
  }

  async #openProgress (clusters: ClusterPair): Promise<FlowProgress> {
    const { config, isShared, problems } = this.#options
    const options = {
      ...this.#context(clusters),
      target: clusters.target,
      sourceClusterId: clusters.sourceDescription.clusterId,
      group: groupOf(config().name),
      everything: () => this.#parts.partitions?.slotRecords() ?? [],
      onWarning: (error: ReplicatorError) => { this.#warnOnce(error) },
      onRewritten: (error: ReplicatorError) => {
        problems.warn(error)
        this.#parts.control?.sayAgain()
      }
    }
    return isShared ? await openFlowProgress(options) : await openUnkeptProgress(options)
  }

  /** A flow that keeps nothing in Kafka, as in the demo, is also unknown to other flows. */
  #openInbound (clusters: ClusterPair, progress: FlowProgress): InboundFlows | undefined {
    const { fail, isShared } = this.#options
    return !isShared ? undefined : openFlowInbound(
      { ...this.#context(clusters), progress, lanes: () => this.#parts.lanes, fail })
  }

  #openPartitions (
    clusters: ClusterPair, progress: FlowProgress, lanes: LanePool
  ): FlowPartitions {
    const { onMoved, onUnacknowledged, signal } = this.#options
    return new FlowPartitions({
      ...this.#context(clusters),
      source: clusters.source,
      target: clusters.target,
      progress,
      lanes,
      producer: progress.producer,
      restore: async (slots, aborted) => await progress.restore(slots, aborted),
      firstLookOf: async slot => await progress.firstLookOf(slot, signal),
      hasQueued: partition => this.#parts.statistics?.hasQueued(partition) === true,
      onLeaving: async (leaving, isHandedOver) => {
        await this.#parts.statistics?.depart(leaving, isHandedOver)
      },
      onUnacknowledged,
      onMoved
    })
  }

  #openTopics (clusters: ClusterPair, partitions: FlowPartitions): TopicRefresh {
    const { claims, config, isShared } = this.#options
    const slots = config().settings['task.slots']
    const flowsBack = this.#add('flowsBack', !isShared ? undefined : openFlowsBack({
      ...this.#context(clusters),
      announced: async signal => { await this.#parts.control?.announced(signal) }
    }))
    return new TopicRefresh({
      ...this.#context(clusters),
      claims,
      mayChange: topic => this.#parts.ownership?.owned.has(slotOf(topic, 0, slots)) === true,
      onTopics: async result => { await partitions.setTopics(result) },
      flowsBack
    })
  }

  #openControl (progress: FlowProgress, partitions: FlowPartitions): FlowControl {
    const { address, clock, config, log, problems, process } = this.#options
    return new FlowControl({
      log,
      controlLog: progress.controlLog,
      partitions: controlled(partitions),
      process,
      slots: () => [...this.#parts.ownership?.owned ?? []].sort((one, other) => one - other),
      member: {
        name: this.memberName,
        build: version,
        address: address(),
        startedMs: clock.now(),
        settings: sharedSettings(config())
      },
      isKeeper: () => this.#parts.ownership?.owned.has(0) === true,
      onError: error => { problems.warn(error) },
      clock
    })
  }

  #openBandwidth (
    lanes: LanePool, partitions: FlowPartitions, ownership: Ownership
  ): FlowBandwidth {
    const { clock, config } = this.#options
    return new FlowBandwidth({
      limitOfFile: () => config().settings['bandwidth.max'],
      order: () => this.#parts.control?.state.throttle,
      slots: () =>
        ({ owned: ownership.owned.size, total: config().settings['task.slots'] }),
      shareOf: topic => this.#parts.control?.state.shareOf(topic) ??
        config().topicSettings.get(topic)?.['bandwidth.share'] ??
        config().settings['bandwidth.share'],
      placements: () => partitions.topicLanes.placements,
      lanes,
      countersOf: lane => this.#parts.statistics?.countersOf(lane),
      clock
    })
  }

  #openOwnership (clusters: ClusterPair, partitions: FlowPartitions): Ownership {
    const { clock, config, isShared, log, problems, release } = this.#options
    const { name, settings, source, target } = config()
    const work: SlotWork = {
      acquire: async (slot, signal) => {
        this.#parts.topics?.lookAgain()
        partitions.expect([slot])
        await this.#parts.control?.known(signal)
        this.#parts.bandwidth?.apply()
        await partitions.acquire([slot], signal)
        signal.throwIfAborted()
        this.#parts.duties?.begin(slot)
      },
      release,
      onError: error => { problems.warn(error, 'target') }
    }
    const slots = settings['task.slots']
    const options = { slots, work, log, clock }
    if (!isShared) return new StaticOwnership(options)
    return new SlotOwnership({
      ...options,
      group: groupOf(name),
      topic: progressTopicOf(source.alias),
      memberName: this.memberName,
      admin: clusters.target,
      client: target.admin,
      sessionTimeoutMs: settings['session.timeout.ms'],
      timeoutMs: settings['admin.timeout.ms']
    })
  }

  /** For problems that each look at the progress topic finds again, unchanged. */
  #warnOnce (error: ReplicatorError): void {
    if (this.#warned.has(error.message)) return
    this.#warned.add(error.message)
    this.#options.problems.warn(error)
  }
}
