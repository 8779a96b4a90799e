// One replication flow, source -> target: wires clusters, progress, topics and lanes, and keeps them
// going until it is stopped. What can fail for one topic or partition fails for it alone.
import type { ForwarderConfig, NativeEvents } from '../../dataplane/index.ts'
import type { FlowConfig } from '../config/config.ts'
import { errorByCode } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { FlowSnapshot, FlowState } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import { syncTopicsOnce, type MirroredTopic } from '../topics/topic-sync.ts'
import { openClusterPair, type ClusterPair } from './cluster-pair.ts'
import { FlowStatistics } from './flow-statistics.ts'
import { assignLanes } from './lane-assignor.ts'
import { LanePool } from './lane-pool.ts'
import {
  assignmentOf, PartitionTable, type MirroredPartition, type NewPartition
} from './partition-table.ts'
import { partitionKey, type ProducerIdentity, type Progress } from './progress.ts'
import { ProgressStore, type SlotRecord } from './progress-store.ts'
import { ensureProgressTopic, progressTopicOf, restoreProgress } from './progress-topic.ts'
import { startPositions } from './start-positions.ts'
import type { TargetClaims } from './target-claims.ts'
import { slotOf } from './task-slots.ts'

export interface FlowOptions {
  readonly config: FlowConfig
  readonly claims: TargetClaims
  readonly log: Log
  readonly clock: Clock
}

const statisticsIntervalMs = 1_000
/** Faults that may heal by what an operator does elsewhere are tried again this often. */
const faultRetryMs = 30_000

type WithoutLane = Omit<NewPartition, 'lane'>

export class ReplicationFlow {
  readonly #config: FlowConfig
  readonly #claims: TargetClaims
  readonly #log: Log
  readonly #clock: Clock
  readonly #table = new PartitionTable()
  readonly #loops: IntervalLoop[] = []
  readonly #knownProblems = new Set<string>()
  #state: FlowState = 'starting'
  #clusters: ClusterPair | undefined
  #store: ProgressStore | undefined
  #lanes: LanePool | undefined
  #statistics: FlowStatistics | undefined
  #producer: ProducerIdentity = { producerId: -1n, producerEpoch: 0 }
  #restored: ReadonlyMap<string, Progress> = new Map()
  #wakeStop: (() => void) | undefined

  constructor ({ config, claims, log, clock }: FlowOptions) {
    this.#config = config
    this.#claims = claims
    this.#log = log.child({ flow: config.name })
    this.#clock = clock
  }

  get name (): string { return this.#config.name }

  /** Resolves once records flow. A rejection leaves nothing behind; a new flow may try again. */
  async start (): Promise<void> {
    try {
      await this.#open()
      await this.#refreshTopics()
    } catch (thrown) {
      this.#state = 'faulted'
      await this.#close()
      throw thrown
    }
    this.#state = 'running'
    this.#startLoops()
  }

  /** Waits up to `drainMs` for what is in flight; false if that was not enough. */
  async stop (drainMs: number): Promise<boolean> {
    this.#state = 'draining'
    await Promise.all(this.#loops.map(async loop => { await loop.stop() }))
    const drained = await this.#drain(drainMs)
    await this.#writeProgress().catch((thrown: unknown) => { this.#warn(thrown) })
    await this.#statistics?.collect()
    await this.#close()
    this.#state = 'stopped'
    return drained
  }

  snapshot (): FlowSnapshot {
    return this.#statistics?.snapshot(this.#state) ?? FlowStatistics.empty(this.#config, this.#state)
  }

  async #open (): Promise<void> {
    const { settings, source, target } = this.#config
    this.#clusters = await openClusterPair(this.#config)
    const topic = progressTopicOf(source.alias)
    const timeoutMs = settings['admin.timeout.ms']
    this.#store = new ProgressStore({ topic, client: target.admin, timeoutMs })
    const progressTopic = {
      target: this.#clusters.target,
      store: this.#store,
      topic,
      slots: settings['task.slots'],
      replicationFactor: settings['progress.topic.replication.factor']
    }
    await ensureProgressTopic(progressTopic)
    const { producer, partitions } = await restoreProgress(progressTopic)
    this.#producer = producer
    this.#restored = partitions
    this.#lanes = new LanePool({
      lanes: settings.lanes,
      config: this.#forwarderConfig(),
      onEvents: (lane, events) => { this.#onEvents(lane, events) },
      onLost: (lane, error) => { this.#onLaneLost(lane, error) }
    })
    this.#statistics = new FlowStatistics(this.#config, this.#table, this.#lanes, this.#clock)
    await this.#lanes.start()
  }

  #forwarderConfig (): ForwarderConfig {
    const { source, target, forwarder } = this.#config
    return {
      source: source.client,
      target: target.client,
      settings: forwarder,
      producerId: this.#producer.producerId,
      producerEpoch: this.#producer.producerEpoch,
      sourceRack: source.client['client.rack'] ?? ''
    }
  }

  #startLoops (): void {
    const { settings } = this.#config
    const loop = (intervalMs: number, run: () => Promise<void>): void => {
      const onError = (thrown: unknown): void => { this.#warn(thrown) }
      const started = new IntervalLoop(
        { intervalMs, clock: this.#clock, run, onError, first: 'delayed' })
      started.start()
      this.#loops.push(started)
    }
    loop(settings['progress.interval.ms'], async () => { await this.#writeProgress() })
    loop(statisticsIntervalMs, async () => { await this.#statistics?.collect() })
    loop(faultRetryMs, async () => { this.#retryFaulted() })
    if (settings['refresh.topics.enabled']) {
      loop(settings['refresh.topics.interval.seconds'] * 1000, async () => {
        await this.#refreshTopics()
      })
    }
  }

  async #refreshTopics (): Promise<void> {
    const clusters = this.#opened(this.#clusters)
    const { settings, topics } = this.#config
    const clusterId = clusters.targetDescription.clusterId ?? this.#config.target.alias
    const result = await syncTopicsOnce({
      source: clusters.source,
      target: clusters.target,
      selection: topics,
      replicationFactor: settings['replication.factor'],
      claim: remoteTopic => this.#claims.claim(clusterId, remoteTopic, this.name)
    })
    for (const { topic, error } of result.problems) this.#problem(topic, error)
    if (result.created.length > 0) {
      this.#log.info({ topics: result.created }, 'made remote topics')
    }
    if (result.grown.length > 0) this.#log.info({ topics: result.grown }, 'added partitions')
    const { ready, fresh } = this.#newPartitions(result.topics)
    this.#take(ready)
    await this.#begin(fresh)
  }

  /** Partitions not mirrored yet: those with progress from before, and those without. */
  #newPartitions (
    topics: readonly MirroredTopic[]
  ): { ready: WithoutLane[], fresh: Array<Omit<WithoutLane, 'progress'>> } {
    const slots = this.#config.settings['task.slots']
    const ready: WithoutLane[] = []
    const fresh: Array<Omit<WithoutLane, 'progress'>> = []
    for (const { topic, remoteTopic, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        if (this.#table.has({ topic, partition })) continue
        const slot = slotOf(topic, partition, slots)
        const progress = this.#restored.get(partitionKey({ topic, partition }))
        if (progress === undefined) fresh.push({ topic, remoteTopic, partition, slot })
        else ready.push({ topic, remoteTopic, partition, slot, progress })
      }
    }
    return { ready, fresh }
  }

  /** Begins partitions that were never mirrored: position first, on record, then records. */
  async #begin (fresh: ReadonlyArray<Omit<WithoutLane, 'progress'>>): Promise<void> {
    const { source, target } = this.#opened(this.#clusters)
    const reset = this.#config.settings['auto.offset.reset']
    const { positions, problems } = await startPositions(source, target, fresh, reset)
    for (const { partition, error } of problems) {
      this.#problem(partitionKey(partition), error)
    }
    if (positions.length === 0) return
    await this.#opened(this.#store).write(positions.map(({ partition, progress }) =>
      this.#slotRecord({ ...partition, progress })))
    this.#take(positions.map(({ partition, progress }) => ({ ...partition, progress })))
  }

  #take (partitions: readonly WithoutLane[]): void {
    if (partitions.length === 0) return
    const lanes = this.#opened(this.#lanes)
    const chosen = assignLanes(partitions.length, this.#opened(this.#statistics).laneLoads())
    const added = partitions.map((partition, i) =>
      this.#table.add({ ...partition, lane: chosen[i] ?? 0 }))
    for (let lane = 0; lane < lanes.size; lane++) this.#assign(lane, added)
    this.#log.info({ partitions: added.length }, 'mirroring more partitions')
  }

  #assign (lane: number, partitions: readonly MirroredPartition[]): void {
    const mine = partitions.filter(partition => partition.lane === lane)
    if (mine.length > 0) this.#opened(this.#lanes).assign(lane, mine.map(assignmentOf))
  }

  #onEvents (lane: number, events: NativeEvents): void {
    for (const partition of this.#table.apply(events)) this.#logMove(partition)
    for (const { level, text } of events.logs) {
      // librdkafka repeats what it suffers; the partition states above say what it means.
      if (level <= 3) this.#log.warn({ lane }, text)
      else this.#log.debug({ lane }, text)
    }
    this.#wakeStop?.()
  }

  #logMove (partition: MirroredPartition): void {
    const { topic, partition: number, state, code, detail } = partition
    const fields = { topic, partition: number, state }
    if (state === 'faulted') {
      const error = ReplicatorError.fromNative({ code, detail })
      this.#log.error({ ...fields, err: error }, `${topic}-${number} stopped: ${error.message}`)
    } else if (code !== 0) {
      const { text, name } = errorByCode(code)
      this.#log.warn({ ...fields, error: name }, `${topic}-${number}: ${text}; retrying (${detail})`)
    } else {
      this.#log.debug(fields, 'partition state')
    }
  }

  #onLaneLost (lane: number, error: ReplicatorError): void {
    this.#log.error({ lane, err: error }, error.message)
    this.#assign(lane, [...this.#table.values()])
  }

  #retryFaulted (): void {
    const healed = [...this.#table.values()].filter(({ state, code }) =>
      state === 'faulted' && retriedFaults.has(errorByCode(code).name))
    const lanes = this.#opened(this.#lanes)
    for (let lane = 0; lane < lanes.size; lane++) this.#assign(lane, healed)
  }

  async #writeProgress (): Promise<void> {
    const dirty = this.#table.takeDirty()
    if (dirty.length === 0) return
    try {
      await this.#opened(this.#store).write(dirty.map(partition => this.#slotRecord(partition)))
      this.#statistics?.progressWritten(this.#clock.now())
    } catch (thrown) {
      this.#table.markDirty(dirty)
      throw thrown
    }
  }

  #slotRecord (
    { topic, partition, slot, progress }:
    { topic: string, partition: number, slot: number, progress: Progress }
  ): SlotRecord {
    const { producerId } = this.#producer
    return { slot, record: { kind: 'partition', source: { topic, partition }, progress, producerId } }
  }

  async #drain (drainMs: number): Promise<boolean> {
    const lanes = this.#lanes
    if (lanes === undefined) return true
    for (let lane = 0; lane < lanes.size; lane++) {
      lanes.revoke(lane, [...this.#table.values()].filter(p => p.lane === lane).map(p => p.id))
    }
    const deadline = this.#clock.monotonic() + drainMs
    for (;;) {
      const left = [...this.#table.values()].filter(partition => !partition.released)
      if (left.length === 0) return true
      const waitMs = deadline - this.#clock.monotonic()
      if (waitMs <= 0) {
        this.#warn(new ReplicatorError('DRAIN_TIMED_OUT', `${left.length} partitions`))
        return false
      }
      await this.#nextEvents(waitMs)
    }
  }

  /** Resolves at the next events of any lane, or after `waitMs`. */
  async #nextEvents (waitMs: number): Promise<void> {
    const woken = new AbortController()
    this.#wakeStop = () => { woken.abort() }
    await this.#clock.sleep(waitMs, woken.signal).catch(() => {})
    this.#wakeStop = undefined
  }

  /** Idempotent; in the reverse order of #open. */
  async #close (): Promise<void> {
    await this.#lanes?.close()
    await this.#store?.close()
    await this.#clusters?.close()
    this.#claims.release(this.name)
  }

  /** Each problem is said once while it lasts unchanged. */
  #problem (of: string, error: ReplicatorError): void {
    const said = `${of}: ${error.message}`
    if (this.#knownProblems.has(said)) return
    this.#knownProblems.add(said)
    this.#log.error({ topic: of, err: error }, said)
  }

  #warn (thrown: unknown): void {
    const error = ReplicatorError.from(thrown)
    this.#log.warn({ err: error }, error.message)
  }

  #opened<T> (part: T | undefined): T {
    if (part === undefined) throw new ReplicatorError('INTERNAL', `${this.name} is not open`)
    return part
  }
}

const retriedFaults: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'SOURCE_PARTITION_MISSING',
  'TARGET_PARTITION_MISSING', 'KAFKA_STORAGE_ERROR', 'UNKNOWN_SERVER_ERROR'
])
