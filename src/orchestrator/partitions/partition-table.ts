// The topic-partitions of a flow that this process mirrors, or is about to mirror, by id and by
// name; also which of them have progress that is not in the progress topic yet.
import type { PartitionAssignment } from '../../dataplane/index.ts'
import { withSpan } from '../offsets/offset-map.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { movedTo } from '../progress/leader-epochs.ts'
import { offsetMapOf } from '../progress/offset-map-record.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import { withPoint } from '../progress/progress-history.ts'
import {
  isSettled, newCondition, step, type LaneRequest, type PartitionCondition, type PartitionEvent
} from './partition-state.ts'

/** A topic-partition of the source, by its name on each cluster, and its slot. */
export interface SlotPartition extends TopicPartition {
  readonly remoteTopic: string
  readonly slot: number
}

export interface FlowPartition extends SlotPartition, PartitionCondition {
  /**
   * Identifies the partition to the lanes. Never reused, so that late events of a removed partition
   * match no other partition.
   */
  readonly id: number
}

type Row = { -readonly [Field in keyof FlowPartition]: FlowPartition[Field] }

export class PartitionTable {
  readonly #byId = new Map<number, Row>()
  readonly #byName = new Map<string, Row>()
  readonly #dirty = new Set<Row>()
  readonly #positioning = new Set<Row>()
  readonly #unsettled = new Set<Row>()
  readonly #changed = new Set<Row>()
  /** By slot: the partitions whose newest progress takeMoved() has not returned yet. */
  readonly #moved = new Map<number, Set<Row>>()
  #nextId = 0
  #version = 0

  /** Whether there is progress that takeDirty() would return. */
  get isDirty (): boolean { return this.#dirty.size > 0 }

  get size (): number { return this.#byId.size }

  /** Changes whenever partitions were added, removed or moved to another lane. */
  get version (): number { return this.#version }

  /** The partitions in the state `positioning`: seldom more than a few of thousands. */
  get positioning (): ReadonlySet<FlowPartition> { return this.#positioning }

  /** The partitions that isSettled() excludes: seldom more than a few of thousands. */
  get unsettled (): ReadonlySet<FlowPartition> { return this.#unsettled }

  values (): IterableIterator<FlowPartition> { return this.#byId.values() }

  byId (id: number): FlowPartition | undefined { return this.#byId.get(id) }

  byName (partition: TopicPartition): FlowPartition | undefined {
    return this.#byName.get(partitionKey(partition))
  }

  add ({ partition, remoteTopic, slot, topic }: SlotPartition): FlowPartition {
    const added: Row = {
      ...newCondition(), topic, partition, remoteTopic, slot, id: this.#nextId++
    }
    this.#byId.set(added.id, added)
    this.#byName.set(partitionKey(added), added)
    this.#positioning.add(added)
    this.#unsettled.add(added)
    this.#changed.add(added)
    this.#version++
    return added
  }

  remove (partition: FlowPartition): void {
    this.#byId.delete(partition.id)
    this.#byName.delete(partitionKey(partition))
    this.#dirty.delete(partition)
    this.#positioning.delete(partition)
    this.#unsettled.delete(partition)
    this.#changed.delete(partition)
    this.#moved.get(partition.slot)?.delete(partition)
    this.#version++
  }

  /** Moves the partition as partition-state.ts says; returns the request for its lane. */
  apply (partition: FlowPartition, event: PartitionEvent, nowMs: number): LaneRequest {
    const { after, asks } = step(partition, event, nowMs)
    if (after.lane !== partition.lane) this.#version++
    Object.assign(partition, after)
    const row = this.#byId.get(partition.id)
    if (after.state !== 'positioning') this.#positioning.delete(partition)
    if (row === undefined) return asks // an event of a partition that was removed
    this.#changed.add(row)
    if (event.kind === 'position') this.#noteMoved(row)
    if (isSettled(row)) this.#unsettled.delete(row)
    else this.#unsettled.add(row)
    return asks
  }

  /**
   * Progress that a lane reports, in rows of five: id, upstream offset, downstream offset,
   * sequence, leader epoch. Returns the partitions that made progress.
   */
  advance (rows: BigInt64Array): readonly FlowPartition[] {
    const advanced = new Set<FlowPartition>()
    for (let row = 0; row < rows.length; row += 5) {
      const partition = this.#byId.get(Number(rows[row]))
      if (partition?.progress === undefined) continue
      const { progress } = partition
      const sequence = Number(rows[row + 3])
      partition.progress = {
        ...movedTo(progress, rows[row + 1] ?? 0n, Number(rows[row + 4])),
        downstream: rows[row + 2] ?? 0n,
        sequence,
        // The map begins before the markers that the lane has passed, not after them.
        ...sequence === progress.sequence ? { offsets: offsetMapOf(progress) } : {}
      }
      this.#dirty.add(partition)
      this.#changed.add(partition)
      this.#noteMoved(partition)
      advanced.add(partition)
    }
    return [...advanced]
  }

  /**
   * Where records are on the target, as a lane reports it in rows of six: id, and a span. Call it
   * before advance(): a map without records that the progress counts is wrong; a map that is ahead
   * of the progress is not.
   */
  place (rows: BigInt64Array): void {
    for (let row = 0; row < rows.length; row += 6) {
      const partition = this.#byId.get(Number(rows[row]))
      if (partition?.progress === undefined) continue
      const [, upstream = 0n, downstream = 0n, upstreamLength = 0n, downstreamLength = 0n,
        records = 0n] = rows.subarray(row, row + 6)
      const span = { upstream, downstream, upstreamLength, downstreamLength, records }
      const offsets = withSpan(offsetMapOf(partition.progress), span)
      partition.progress = { ...partition.progress, offsets }
    }
  }

  /** The same position, with more that is known of it. It is dirty then. */
  setProgress ({ id }: FlowPartition, progress: Progress): void {
    const row = this.#byId.get(id)
    if (row === undefined) return
    row.progress = progress
    this.#dirty.add(row)
  }

  /** Partitions whose condition or progress has changed since the last call. */
  takeChanged (): readonly FlowPartition[] {
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed
  }

  /** Partitions of the slot whose progress has begun or changed since the last call. */
  takeMoved (slot: number): readonly FlowPartition[] {
    const moved = [...this.#moved.get(slot) ?? []]
    this.#moved.delete(slot)
    return moved
  }

  /** Partitions with progress since the last call. That progress becomes a point of history. */
  takeDirty (isWanted: (slot: number) => boolean = () => true): readonly FlowPartition[] {
    const dirty = [...this.#dirty].filter(({ slot }) => isWanted(slot))
    for (const partition of dirty) {
      partition.progress = withPoint(positionOf(partition))
      this.#dirty.delete(partition)
    }
    return dirty
  }

  #noteMoved (row: Row): void {
    const moved = this.#moved.get(row.slot)
    if (moved === undefined) this.#moved.set(row.slot, new Set([row]))
    else moved.add(row)
  }

  /** For progress that could not be written; with false, for progress that must not be written. */
  markDirty (partitions: readonly FlowPartition[], isDirty = true): void {
    for (const { id } of partitions) {
      const row = this.#byId.get(id)
      if (row === undefined) continue
      if (isDirty) this.#dirty.add(row)
      else this.#dirty.delete(row)
    }
  }
}

/** As log lines and errors name it. */
export function nameOf ({ partition, topic }: SlotPartition): string {
  return `${topic}-${partition}`
}

/** The progress of a partition whose position is known: in every state except one. */
export function positionOf ({ partition, progress, state, topic }: FlowPartition): Progress {
  if (progress !== undefined) return progress
  throw new ReplicatorError('INTERNAL', `${topic}-${partition} is ${state} without a position`)
}

export function assignmentOf (partition: FlowPartition): PartitionAssignment {
  const { id, topic, remoteTopic, partition: number } = partition
  const { upstream, downstream, sequence, leaderEpoch = -1, topicIds } = positionOf(partition)
  const position = { upstream, downstream, sequence, leaderEpoch }
  const ids = {
    ...topicIds?.source === undefined ? {} : { topicId: topicIds.source },
    ...topicIds?.target === undefined ? {} : { remoteTopicId: topicIds.target }
  }
  return { id, topic, remoteTopic, partition: number, ...position, ...ids }
}
