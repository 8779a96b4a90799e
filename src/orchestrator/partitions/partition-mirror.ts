// The topic-partitions that this process mirrors for one flow: those of the mirrored topics that
// are in slots it owns. Begins them with the progress that is on record, watches them, lets go of
// them.
import type { NativeEvents } from '../../dataplane/index.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import { errorByCode } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { SkippedRecords } from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import type { MirroredTopic } from '../topics/topic-sync.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import { assignLanes } from '../lanes/lane-assignor.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import {
  assignmentOf, PartitionTable, type MirroredPartition, type NewPartition
} from './partition-table.ts'
import { PartitionFaults } from './partition-faults.ts'
import {
  partitionKey, type ProducerIdentity, type Progress, type TopicPartition
} from '../progress/progress.ts'
import type { ProgressKeeper } from '../progress/progress-keeper.ts'
import type { SlotRecord } from '../progress/progress-store.ts'
import { notEmptyOnTarget, startPositions, type StartPosition } from './start-positions.ts'
import { slotOf } from '../ownership/task-slots.ts'
import { KnownTopicIds, type TopicNames } from './topic-ids.ts'

export interface PartitionMirrorOptions {
  readonly config: FlowConfig
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly progress: Pick<ProgressKeeper, 'write' | 'mend'>
  readonly lanes: LanePool
  readonly producer: ProducerIdentity
  /** Where the partitions of these slots stand, from the progress topic. */
  readonly restore: (slots: readonly number[]) => Promise<ReadonlyMap<string, Progress>>
  readonly problems: FlowProblems
  readonly log: Log
  readonly clock: Clock
}

type Unplaced = Omit<NewPartition, 'lane'>
type Unpositioned = Omit<Unplaced, 'progress'>

export interface RefusedPartition {
  readonly partition: TopicPartition & { readonly remoteTopic: string }
  readonly error: ReplicatorError
}

export class PartitionMirror {
  readonly table = new PartitionTable()
  readonly #options: PartitionMirrorOptions
  /** Progress on record of each slot that is owned. */
  readonly #slots = new Map<number, ReadonlyMap<string, Progress>>()
  readonly #faults: PartitionFaults
  readonly #refused = new Map<string, RefusedPartition>()
  readonly #wakers = new Set<() => void>()
  readonly #topicIds: KnownTopicIds
  #topics: readonly MirroredTopic[] = []
  #beginning: Promise<void> = Promise.resolve()
  #lastWriteMs: number | undefined

  constructor (options: PartitionMirrorOptions) {
    this.#options = options
    const { config, source, target, log, lanes } = options
    this.#topicIds = new KnownTopicIds(source, target)
    this.#faults = new PartitionFaults({
      policies: topic => config.ofTopic(topic),
      source,
      target,
      log,
      owns: partition => this.table.byId(partition.id) === partition &&
        this.#slots.has(partition.slot),
      keep: async partition => { await options.progress.write([this.#slotRecord(partition)]) },
      assign: (partition, scanFrom) => { this.#assign([partition], scanFrom) },
      pause: ({ id, lane }) => { lanes.pause(lane, [id]) },
      problems: options.problems
    })
  }

  get skipped (): SkippedRecords { return this.#faults.skipped }

  get mirroredAgain (): ReadonlyMap<string, bigint> { return this.#faults.again }

  get lastWriteMs (): number | undefined { return this.#lastWriteMs }

  /** The topics that are mirrored now; begins what is new in owned slots. */
  async setTopics (topics: readonly MirroredTopic[]): Promise<void> {
    this.#topics = topics
    await this.#learnTopicIds(topics)
    await this.#begin()
    await this.#settleRecreated([...this.table.values()])
  }

  /** Takes over slots: reads their progress and begins their partitions. */
  async acquire (slots: readonly number[]): Promise<void> {
    const restored = await this.#options.restore(slots)
    const { 'task.slots': count } = this.#options.config.settings
    for (const slot of slots) {
      const ofSlot = [...restored].filter(([key]) => slotOfKey(key, count) === slot)
      this.#slots.set(slot, new Map(ofSlot))
    }
    await this.#begin()
  }

  /**
   * Lets go of slots: waits up to `drainMs` for what is in flight, writes the final progress. At
   * the end of the flow the table keeps its partitions, for the last figures.
   */
  async release (
    slots: readonly number[], drainMs: number, keepInTable: boolean
  ): Promise<boolean> {
    for (const slot of slots) this.#slots.delete(slot)
    await this.#beginning.catch(() => {})
    const { lanes } = this.#options
    const mine = [...this.table.values()].filter(({ slot }) => slots.includes(slot))
    for (const partition of mine) partition.movingTo = undefined
    for (let lane = 0; lane < lanes.size; lane++) {
      lanes.revoke(lane, mine.filter(partition => partition.lane === lane).map(({ id }) => id))
    }
    const drained = await this.#untilReleased(mine, drainMs)
    await this.writeProgress().catch((thrown: unknown) => { this.#warn(thrown) })
    // Whoever lets go forgets. That the progress topic is gone may be why the group took the slots.
    if (drained) await this.#options.progress.mend().catch(thrown => { this.#warn(thrown) })
    if (!keepInTable) for (const partition of mine) this.table.remove(partition)
    return drained
  }

  onEvents (lane: number, events: NativeEvents): void {
    for (const partition of this.table.apply(events)) {
      if (partition.released && partition.movingTo !== undefined) this.#arrive(partition)
      else if (partition.state === 'faulted') void this.#faults.settle(partition)
      else this.#logMove(partition)
    }
    for (const { level, text } of events.logs) {
      // librdkafka repeats what it suffers; the partition states above say what it means.
      if (level <= 3) this.#options.log.warn({ lane }, text)
      else this.#options.log.debug({ lane }, text)
    }
    if (events.logsLost > 0n) {
      this.#options.log.warn({ lane }, `lane ${lane}: ${events.logsLost} log lines were too many`)
    }
    for (const wake of this.#wakers) wake()
  }

  onLaneLost (lane: number, error: ReplicatorError): void {
    this.#options.problems.count(error)
    this.#options.log.error({ lane, err: error }, error.message)
    this.#assign([...this.table.values()].filter(partition => partition.lane === lane))
  }

  /** Lets its lane go of the partition; `to` takes it where that one stopped. */
  move (partition: MirroredPartition, to: number): void {
    partition.movingTo = to
    this.#options.lanes.revoke(partition.lane, [partition.id])
  }

  /** Tries again what no verdict is on: what an operator does elsewhere heals it. */
  async retryFaulted (): Promise<void> {
    const { clock } = this.#options
    const isRetried = (partition: MirroredPartition): boolean => partition.state === 'faulted' &&
      partition.verdict === undefined && !this.#faults.isSettling(partition)
    const faulted = [...this.table.values()].filter(isRetried)
    if (faulted.length === 0) return
    // A topic that was missing may be back as another one, long enough to hold the wanted offset.
    await this.#learnTopicIds(faulted)
    const recreated = await this.#settleRecreated(faulted)
    const retried = faulted.filter(each => !recreated.includes(each) && isRetried(each))
    for (const partition of retried) partition.triedAtMs = clock.now()
    this.#assign(retried)
  }

  async writeProgress (): Promise<void> {
    const dirty = this.table.takeDirty()
    if (dirty.length === 0) return
    try {
      await this.#options.progress.write(dirty.map(partition => this.#slotRecord(partition)))
      this.#lastWriteMs = this.#options.clock.now()
    } catch (thrown) {
      this.table.markDirty(dirty)
      throw thrown
    }
  }

  /** All that is known of where partitions of owned slots stand. */
  slotRecords (): readonly SlotRecord[] {
    const begun = [...this.table.values()]
    const { producerId } = this.#options.producer
    const waiting = [...this.#slots].flatMap(([slot, restored]) => [...restored]
      .map(([key, progress]) => ({ slot, source: partitionOfKey(key), progress }))
      .filter(({ source }) => !this.table.has(source)))
    return [
      ...begun.map(partition => this.#slotRecord(partition)),
      ...waiting.map(({ slot, source, progress }): SlotRecord =>
        ({ slot, record: { kind: 'partition', source, progress, producerId } }))
    ]
  }

  /** Partitions in owned slots that cannot be begun; they are asked for again at each refresh. */
  get refused (): Iterable<RefusedPartition> { return this.#refused.values() }

  #refuse (partition: Unpositioned, error: ReplicatorError): void {
    this.#refused.set(partitionKey(partition), { partition, error })
    this.#options.problems.say(partitionKey(partition), error)
  }

  /** Begins every partition that is mirrored, owned and not begun. One call at a time. */
  async #begin (): Promise<void> {
    this.#beginning = this.#beginning.catch(() => {}).then(async () => { await this.#beginOnce() })
    await this.#beginning
  }

  async #beginOnce (): Promise<void> {
    const { config, progress, source, target } = this.#options
    const { ready, fresh } = this.#notBegun()
    this.#refused.clear()
    this.#take(ready)
    const { positions, problems } = await startPositions(
      source, target, fresh, config.settings['auto.offset.reset'])
    for (const { partition, error } of problems) this.#refuse(partition, error)
    if (positions.length === 0) return
    const known = await this.#begunElsewhere(positions.map(({ partition }) => partition))
    const begun = (await this.#allowed(positions.filter(({ partition }) =>
      !known.has(partitionKey(partition)))))
      .map(({ partition, progress }) =>
        ({ ...partition, progress: this.#topicIds.complete(partition, progress) }))
    // On record before the first record is sent: a crash right after it finds what was sent.
    await progress.write(begun.map(partition => this.#slotRecord(partition)))
    const resumed = positions.flatMap(({ partition }) => {
      const progress = known.get(partitionKey(partition))
      return progress === undefined ? [] : [{ ...partition, progress }]
    })
    this.#take([...begun, ...resumed].filter(({ slot }) => this.#slots.has(slot)))
  }

  /**
   * Progress of partitions that looked fresh when their slots were read. While a group forms two
   * processes may hold a slot for a moment, and the other one may have begun them and sent records
   * by now: the end of the target, where we would begin to look for ours, is behind those then.
   * Since it kept its position before it sent, looking after asking for that end finds it.
   */
  async #begunElsewhere (
    partitions: readonly Unpositioned[]
  ): Promise<ReadonlyMap<string, Progress>> {
    return await this.#options.restore([...new Set(partitions.map(({ slot }) => slot))])
  }

  /** Of those that were never mirrored, the ones that cannot double what is on the target. */
  async #allowed<Partition extends Unpositioned> (
    positions: ReadonlyArray<StartPosition<Partition>>
  ): Promise<ReadonlyArray<StartPosition<Partition>>> {
    const { config: { settings }, target } = this.#options
    if (settings['target.not.empty'] === 'begin') return positions
    const problems = await notEmptyOnTarget(target, positions)
    for (const { partition, error } of problems) this.#refuse(partition, error)
    const refused = new Set(problems.map(({ partition }) => partition))
    return positions.filter(({ partition }) => !refused.has(partition))
  }

  #notBegun (): { ready: Unplaced[], fresh: Unpositioned[] } {
    const slots = this.#options.config.settings['task.slots']
    const ready: Unplaced[] = []
    const fresh: Unpositioned[] = []
    for (const { topic, remoteTopic, partitions } of this.#topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const slot = slotOf(topic, partition, slots)
        const restored = this.#slots.get(slot)
        if (restored === undefined || this.table.has({ topic, partition })) continue
        const progress = restored.get(partitionKey({ topic, partition }))
        if (progress === undefined) fresh.push({ topic, remoteTopic, partition, slot })
        else ready.push({ topic, remoteTopic, partition, slot, progress })
      }
    }
    return { ready, fresh }
  }

  #take (partitions: readonly Unplaced[]): void {
    if (partitions.length === 0) return
    const chosen = assignLanes(partitions.length, this.#partitionsByLane())
    const added = partitions.map((partition, i) => this.table.add({
      ...partition,
      progress: this.#topicIds.complete(partition, partition.progress),
      lane: chosen[i] ?? 0
    }))
    this.#assign(added.filter(partition => this.#topicIds.changed(partition) === undefined))
    void this.#settleRecreated(added)
    this.#options.log.info({ partitions: partitions.length }, 'mirroring more partitions')
  }

  #partitionsByLane (): readonly number[] {
    const counts = Array.from({ length: this.#options.lanes.size }, () => 0)
    for (const { lane } of this.table.values()) counts[lane] = (counts[lane] ?? 0) + 1
    return counts
  }

  #assign (partitions: readonly MirroredPartition[], scanFrom?: bigint): void {
    const { lanes } = this.#options
    for (const partition of partitions) {
      // Its lane is told to go on, or was started again: it will not say that it let go.
      partition.movingTo = undefined
      partition.released = false
      // The next event may tell of the same fault: it is another one.
      partition.state = 'starting'
      partition.code = 0
    }
    for (let lane = 0; lane < lanes.size; lane++) {
      const ofLane = partitions.filter(partition => partition.lane === lane)
      lanes.assign(lane, ofLane.map(partition =>
        ({ ...assignmentOf(partition), ...(scanFrom === undefined ? {} : { scanFrom }) })))
    }
  }

  /** Its lane has let go of a partition that is on the move. */
  #arrive (partition: MirroredPartition): void {
    partition.lane = partition.movingTo ?? partition.lane
    // With a verdict on it nobody may take it.
    if (partition.verdict === undefined) this.#assign([partition])
  }

  /** A cluster that cannot be asked now is asked again with the next refresh of the topics. */
  async #learnTopicIds (topics: readonly TopicNames[]): Promise<void> {
    await this.#topicIds.learn(topics).catch((thrown: unknown) => { this.#warn(thrown) })
  }

  /** Puts partitions whose topics were made again to the policy; gives those partitions. */
  async #settleRecreated (
    partitions: readonly MirroredPartition[]
  ): Promise<readonly MirroredPartition[]> {
    const recreated = partitions.flatMap(partition => {
      const changed = this.#topicIds.changed(partition)
      return changed === undefined || partition.verdict !== undefined
        ? []
        : [{ partition, changed }]
    })
    await Promise.all(recreated.map(async ({ partition, changed: { id, side } }) => {
      await this.#faults.settleRecreated(partition, side, id)
    }))
    return recreated.map(({ partition }) => partition)
  }

  #logMove (partition: MirroredPartition): void {
    const { log } = this.#options
    const { topic, partition: number, state, code, detail } = partition
    const fields = { topic, partition: number, state }
    if (code !== 0) {
      const { text, name } = errorByCode(code)
      log.warn({ ...fields, error: name }, `${topic}-${number}: ${text}; retrying (${detail})`)
    } else {
      log.debug(fields, 'partition state')
    }
  }

  #slotRecord (partition: Unplaced): SlotRecord {
    const { topic, partition: number, progress, slot } = partition
    const { producerId } = this.#options.producer
    const source = { topic, partition: number }
    return { slot, record: { kind: 'partition', source, progress, producerId } }
  }

  async #untilReleased (
    partitions: readonly MirroredPartition[], drainMs: number
  ): Promise<boolean> {
    const { clock } = this.#options
    const deadline = clock.monotonic() + drainMs
    for (;;) {
      const left = partitions.filter(({ released }) => !released).length
      if (left === 0) return true
      const waitMs = deadline - clock.monotonic()
      if (waitMs <= 0) {
        this.#warn(new ReplicatorError('DRAIN_TIMED_OUT', `${left} partitions`))
        return false
      }
      await this.#nextEvents(waitMs)
    }
  }

  /** Resolves at the next events of any lane, or after `waitMs`. */
  async #nextEvents (waitMs: number): Promise<void> {
    const woken = new AbortController()
    const wake = (): void => { woken.abort() }
    this.#wakers.add(wake)
    await this.#options.clock.sleep(waitMs, woken.signal).catch(() => {})
    this.#wakers.delete(wake)
  }

  #warn (thrown: unknown): void {
    this.#options.problems.warn(thrown)
  }
}

function partitionOfKey (key: string): TopicPartition {
  const cut = key.lastIndexOf('/')
  return { topic: key.slice(0, cut), partition: Number(key.slice(cut + 1)) }
}

function slotOfKey (key: string, slots: number): number {
  const { topic, partition } = partitionOfKey(key)
  return slotOf(topic, partition, slots)
}
