// The topic-partitions that this process mirrors for one flow: those of the wanted topics in the
// slots that the process owns. Turns changes of slots and topics, lane events and operators' orders
// into events of the partition state machine; the parts that this file wires carry out the moves.
import { batchings } from '../../dataplane/contract/contract-table.ts'
import type { NativeEvents } from '../../dataplane/index.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log } from '../observability/log.ts'
import type { SkippedRecords, TopicProblemSnapshot } from '../observability/snapshot.ts'
import type { ProgressKeeper } from '../progress/progress-keeper.ts'
import type { ProducerIdentity, Progress, TopicPartition } from '../progress/progress.ts'
import type { SlotRecord } from '../progress/progress-store.ts'
import type { Clock } from '../time/clock.ts'
import { unlessAborted } from '../time/deadline.ts'
import { AddedPartitions } from './added-partitions.ts'
import { FirstLook } from './first-look.ts'
import { GonePartitions } from './gone-partitions.ts'
import { LaneEvents } from './lane-events.ts'
import { PartitionControl } from './partition-control.ts'
import { PartitionBeginnings } from './partition-beginnings.ts'
import { PartitionFaults } from './partition-faults.ts'
import { PartitionLog } from './partition-log.ts'
import { PartitionMoves, type AppliedMove } from './partition-moves.ts'
import { PartitionTable, type FlowPartition } from './partition-table.ts'
import { ProgressWrites } from './progress-writes.ts'
import { RecreatedPartitions } from './recreated-partitions.ts'
import { SkippedRecordCounts } from './skipped-records.ts'
import { SlotPositions } from './slot-positions.ts'
import { SlotReading } from './slot-reading.ts'
import { TopicChecks } from './topic-checks.ts'
import { KnownTopicIds } from './topic-ids.ts'
import { TopicLanes } from './topic-lanes.ts'
import { WantedTopics, type TopicLook } from './wanted-topics.ts'
import { Withdrawal } from './withdrawal.ts'

export interface FlowPartitionsOptions {
  readonly config: FlowConfig
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly progress: Pick<ProgressKeeper, 'write' | 'mend'>
  readonly lanes: LanePool
  readonly producer: ProducerIdentity
  /** Reads the positions of the partitions of these slots from the progress topic. */
  readonly restore: (
    slots: readonly number[], signal?: AbortSignal
  ) => Promise<ReadonlyMap<string, Progress>>
  /** Partition counts of the first look that the slot has on record; undefined: none. */
  readonly firstLookOf: (slot: number) => Promise<ReadonlyMap<string, number> | undefined>
  /** Whether its lane holds batches that the target has not acknowledged. */
  readonly hasQueued: (partition: FlowPartition) => boolean
  /** Receives partitions that are about to leave the table, for their last figures. */
  readonly onLeaving: (
    partitions: readonly FlowPartition[], isHandedOver: boolean
  ) => Promise<void>
  /** Receives the result of release(), before the target is awaited for the last progress. */
  readonly onUnacknowledged: (partitions: readonly FlowPartition[]) => void
  /** Receives every move, after the log. */
  readonly onMoved?: ((move: AppliedMove) => void) | undefined
  readonly problems: FlowProblems
  readonly log: Log
  readonly clock: Clock
}

export class FlowPartitions {
  readonly table = new PartitionTable()
  readonly control: PartitionControl
  readonly #options: FlowPartitionsOptions
  readonly positions: SlotPositions
  readonly topicLanes: TopicLanes
  readonly #wanted: WantedTopics
  readonly #added: AddedPartitions
  readonly #topicIds: KnownTopicIds
  readonly #firstLook: FirstLook
  readonly #skipped = new SkippedRecordCounts()
  readonly #log: PartitionLog
  readonly #moves: PartitionMoves
  readonly #faults: PartitionFaults
  readonly #beginnings: PartitionBeginnings
  readonly #reading: SlotReading
  readonly #withdrawal: Withdrawal
  readonly #gone: GonePartitions
  readonly #recreated: RecreatedPartitions
  readonly #checks: TopicChecks
  readonly #laneEvents: LaneEvents
  readonly #writes: ProgressWrites

  constructor (options: FlowPartitionsOptions) {
    this.#options = options
    const { clock, config, lanes, log, problems, source, target } = options
    const table = this.table
    this.#wanted = new WantedTopics(topic => config.policy.remoteTopic(topic))
    this.topicLanes = new TopicLanes({ table, wanted: this.#wanted })
    const topicIds = this.#topicIds = new KnownTopicIds(source, target)
    const positions = this.positions = new SlotPositions(config.settings['task.slots'])
    this.#log = new PartitionLog(log, problems)
    const moves = this.#moves = new PartitionMoves({
      table,
      lanes,
      clock,
      batchingOf: topic => batchings.indexOf(config.ofTopic(topic).batching),
      recreationOf: partition => topicIds.recreationOf(partition),
      onMoved: move => { this.#onMoved(move) }
    })
    const onError = (error: ReplicatorError): void => { problems.warn(error) }
    this.#added = new AddedPartitions({ table, positions, wanted: this.#wanted, moves })
    this.#writes = new ProgressWrites({
      table, keep: async positions => { await this.#keep(positions) }, onError, clock
    })
    this.#faults = new PartitionFaults({
      policies: topic => config.ofTopic(topic),
      source,
      target,
      topicIds,
      table,
      moves,
      keep: async (partition, progress) => { await this.#keep([{ partition, progress }]) },
      onRecreated: () => {
        this.#recreated.follow().catch((thrown: unknown) => { this.#warn(thrown) })
      },
      onError
    })
    this.#firstLook = new FirstLook({
      slots: config.settings['task.slots'],
      read: options.firstLookOf,
      write: async records => { await options.progress.write(records) }
    })
    this.#beginnings = new PartitionBeginnings({
      config,
      source,
      target,
      table,
      moves,
      positions,
      topicIds,
      lanes: lanes.size,
      restore: options.restore,
      keep: async begun => { await this.#keep(begun) },
      firstLook: this.#firstLook,
      onBegun: begun => {
        this.#skipped.countBegun(begun)
        this.#log.onBegun(begun)
      },
      clock
    })
    const { restore } = options
    const addWanted = (): void => { this.#addWanted() }
    this.#reading = new SlotReading({ table, moves, positions, restore, addWanted, clock })
    this.#withdrawal = new Withdrawal({ moves, faults: this.#faults, clock, onError })
    this.#gone = this.#openGone()
    this.#recreated = new RecreatedPartitions(
      { table, moves, topicIds, gone: this.#gone, log: this.#log })
    const checks = this.#checks = this.#openChecks()
    this.control = new PartitionControl(
      { table, moves, learnTopics: async partitions => { await checks.ask(partitions) } })
    this.#laneEvents = new LaneEvents({ table, moves, onError })
  }

  get skipped (): SkippedRecords { return this.#skipped.skipped }

  get mirroredAgain (): ReadonlyMap<string, bigint> { return this.#skipped.again }

  /** Topics that cannot be mirrored and have no partition in the table to show the reason. */
  get topicProblems (): readonly TopicProblemSnapshot[] { return this.#wanted.problems }

  /** Since when progress has been unwritten, epoch ms; undefined: all progress is written. */
  get progressUnwrittenMs (): number | undefined { return this.#writes.unwrittenMs }

  /** Receives the result of listing the topics of both clusters. */
  async setTopics (look: TopicLook): Promise<void> {
    const unwanted = this.#wanted.update(
      look, [...this.table.values()], this.#options.clock.now())
    this.#firstLook.update(look.onSource)
    await this.#gone.remove(unwanted, ({ topic }) => this.#wanted.get(topic)?.partitions ?? 0)
    await this.#checks.learn(look.topics)
    this.#addWanted()
    await this.#beginnings.begin()
    await this.#recreated.follow()
  }

  /** Adds the partitions of slots that are about to be acquired, so that users see them. */
  expect (slots: readonly number[]): void { this.#reading.expect(slots) }

  /** Acquires slots: reads their progress and begins their partitions. */
  async acquire (slots: readonly number[], signal?: AbortSignal): Promise<void> {
    await this.#reading.read(slots, signal)
    // A round may wait for a cluster that hangs; the release of a slot must not wait for it.
    await unlessAborted(signal ?? new AbortController().signal, this.#beginnings.begin())
  }

  /**
   * Releases slots: waits up to `drainMs` for batches in flight, then writes the final progress. At
   * the end of the flow it waits for batches that are sent again, too, and the table keeps the
   * partitions, for the last figures. Resolves with the
   * partitions of which the target has not acknowledged every sent record.
   */
  async release (
    slots: readonly number[], drainMs: number, keepInTable: boolean
  ): Promise<readonly FlowPartition[]> {
    this.positions.release(slots)
    this.#log.logBegun(true)
    const mine = [...this.table.values()].filter(({ slot }) => slots.includes(slot))
    const unacknowledged = await this.#withdrawal.withdraw(
      mine, drainMs, keepInTable ? this.#options.hasQueued : undefined)
    if (unacknowledged.length > 0) this.#options.onUnacknowledged(unacknowledged)
    const hasProgress = mine.some(({ progress }) => progress !== undefined)
    // Afterwards this process no longer holds these positions. A deleted progress topic, which also
    // revokes the slots, must therefore be written from memory now.
    const isTargetWell = hasProgress && unacknowledged.length === 0
    const mend = async (): Promise<void> => {
      if (isTargetWell) await this.#options.progress.mend()
    }
    await this.#writes.writeLast(slots, mend)
    if (!keepInTable) await this.#forget(mine, true)
    return unacknowledged
  }

  onEvents (lane: number, events: NativeEvents): void {
    this.#laneEvents.take(lane, events)
    this.#writes.note()
    const { log, problems } = this.#options
    for (const { level, text } of events.logs) {
      if (level <= 3) problems.laneLine(lane, text)
      else log.debug({ lane }, text)
    }
    if (events.logsLost > 0n) {
      log.debug({ lane }, `lane ${lane}: ${events.logsLost} log lines were too many`)
    }
  }

  /** A lane ended. As far as this process can know, no batch of that lane is in flight any more. */
  onLaneEnded (lane: number, error: ReplicatorError): void {
    this.#options.problems.count(error)
    this.#options.log.error({ lane, err: error }, error.message)
    this.#moveLane(lane, 'laneEnd')
  }

  onLaneStarted (lane: number): void { this.#moveLane(lane, 'laneStart') }

  /** Every record of these partitions is mirrored. */
  onCaughtUp (partitions: readonly FlowPartition[]): void { this.#laneEvents.sound(partitions) }

  /** The partition's lane drains it; then lane `to` is assigned the partition. */
  moveToLane (partition: FlowPartition, to: number): void {
    if (partition.state === 'assigned') this.#moves.move(partition, { kind: 'move', to })
  }

  /** The id of the new source topic; undefined: not recreated since the last progress. */
  recreatedAs (partition: FlowPartition): string | undefined {
    return this.#topicIds.recreatedSource(partition)?.id
  }

  /** Why the partition cannot continue in the current topic of that name; undefined: it can. */
  recreation (partition: FlowPartition): ReplicatorError | undefined {
    return this.#topicIds.recreationOf(partition)?.error
  }

  /** Whether the progress of the slot, and so the partition's position, has been read. */
  isRead (partition: FlowPartition): boolean { return this.positions.owns(partition.slot) }

  mirrors (source: TopicPartition): boolean { return this.table.byName(source) !== undefined }

  /** The partition's progress is no longer on record; a new topic of this name starts again. */
  forgetPosition (source: TopicPartition): void { this.positions.forget(source) }

  /** Begins partitions that are due, and checks topics that seem deleted. Call it each second. */
  async beginDue (): Promise<void> {
    this.#log.logBegun()
    this.#addWanted()
    await this.#beginnings.begin()
    await this.#checks.askSuspects()
  }

  /** Checks whether topics of partitions that no lane reads were deleted or recreated. */
  async lookAtResting (): Promise<void> { await this.#checks.lookAtResting() }

  /** Checks whether remote topics were recreated to which no record has been written since. */
  async lookAtRemote (): Promise<void> { await this.#checks.lookAtRemote() }

  /** Retries faults that no policy has stopped: an operator may have fixed the cause. */
  async retryFaulted (): Promise<void> {
    const faulted = [...this.table.unsettled].filter(({ state }) => state === 'faulted')
    if (faulted.length === 0) return
    // A missing topic may have been recreated, with a log long enough to hold the wanted offset.
    await this.#checks.ask(faulted)
    this.#moves.moveAll(faulted
      .filter(({ state }) => state === 'faulted')
      .map(partition => [partition, { kind: 'retry' }]))
  }

  /** Writes the progress that has changed. */
  async writeProgress (): Promise<void> { await this.#writes.write() }

  /** Every known position of the partitions of owned slots. */
  slotRecords (): readonly SlotRecord[] {
    const begun = [...this.table.values()].flatMap(partition => partition.progress === undefined
      ? []
      : [this.#slotRecord({ partition, progress: partition.progress })])
    const others = this.positions.values()
      .filter(({ source }) => this.table.byName(source)?.progress === undefined)
      .map(({ progress, slot, source }) =>
        this.#slotRecord({ partition: { ...source, slot }, progress }))
    return [...begun, ...others]
  }

  #openGone (): GonePartitions {
    const { log, source } = this.#options
    return new GonePartitions({
      source: source.cluster,
      wanted: this.#wanted,
      withdrawal: this.#withdrawal,
      positions: this.positions,
      writes: this.#writes,
      topicIds: this.#topicIds,
      skipped: this.#skipped,
      forget: async partitions => { await this.#forget(partitions, false) },
      onError: thrown => { this.#warn(thrown) },
      log
    })
  }

  #openChecks (): TopicChecks {
    const [table, wanted, topicIds] = [this.table, this.#wanted, this.#topicIds]
    const [gone, recreated, { clock }] = [this.#gone, this.#recreated, this.#options]
    const onError = (thrown: unknown): void => { this.#warn(thrown) }
    return new TopicChecks({ table, wanted, topicIds, gone, recreated, onError, clock })
  }

  #onMoved (move: AppliedMove): void {
    const { before, partition } = move
    this.#log.onMoved(move)
    this.#skipped.count(move)
    if (partition.state === 'deciding' && before.state !== 'deciding') this.#faults.begin(partition)
    this.#withdrawal.wake()
    this.#options.onMoved?.(move)
  }

  #addWanted (): void {
    if (this.#added.add()) this.control.obey()
  }

  async #forget (partitions: readonly FlowPartition[], isHandedOver: boolean): Promise<void> {
    await this.#options.onLeaving(partitions, isHandedOver)
      .catch((thrown: unknown) => { this.#warn(thrown) })
    for (const partition of partitions) this.table.remove(partition)
  }

  #moveLane (lane: number, kind: 'laneEnd' | 'laneStart'): void {
    this.#moves.moveAll([...this.table.values()]
      .filter(partition => partition.lane === lane && partition.state !== 'removed')
      .map(partition => [partition, { kind }]))
  }

  async #keep (
    positions: ReadonlyArray<{ readonly partition: FlowPartition, readonly progress: Progress }>
  ): Promise<void> {
    await this.#options.progress.write(positions.map(position => this.#slotRecord(position)))
  }

  #slotRecord ({ partition, progress }: {
    readonly partition: TopicPartition & { readonly slot: number }, readonly progress: Progress
  }): SlotRecord {
    const { producerId } = this.#options.producer
    const source = { topic: partition.topic, partition: partition.partition }
    return {
      slot: partition.slot, record: { kind: 'partition', source, progress, producerId }
    }
  }

  #warn (thrown: unknown): void {
    this.#options.problems.warn(thrown)
  }
}
