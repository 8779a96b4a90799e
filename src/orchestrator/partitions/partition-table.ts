// What a flow knows of its topic-partitions: their ids, lanes, states and progress. The lanes tell,
// the flow asks. Progress that was not written yet is marked, so that a write takes just that.
import type { NativeEvents, PartitionAssignment, StateEvent } from '../../dataplane/index.ts'
import { partitionStates } from '../../dataplane/contract/contract-table.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { movedTo } from '../progress/leader-epochs.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import { withPoint } from '../progress/progress-history.ts'

export type PartitionState = (typeof partitionStates)[number]

export interface MirroredPartition extends TopicPartition {
  readonly id: number
  readonly remoteTopic: string
  readonly slot: number
  lane: number
  /** The lane that takes it as soon as its own has let go; undefined: it stays. */
  movingTo: number | undefined
  state: PartitionState
  /** Error code of the state, or of what is being retried; 0: none. */
  code: number
  detail: string
  /** Let go of by its lane; its progress is final. */
  released: boolean
  progress: Progress
  /** Of a fault: the source offset behind what cannot be mirrored, -1n: not known. */
  skipTo: bigint
  skipRecords: bigint
  /** Leader epoch of the batch before `skipTo`, -1: not known. */
  skipEpoch: number
  /** Why it is stopped until somebody decides, whatever its lane says; undefined: it is not. */
  verdict: ReplicatorError | undefined
  /** When it was tried again after a fault, epoch ms; undefined: it has been sound since. */
  triedAtMs: number | undefined
}

export interface NewPartition extends TopicPartition {
  readonly remoteTopic: string
  readonly slot: number
  readonly lane: number
  readonly progress: Progress
}

export class PartitionTable {
  readonly #byId = new Map<number, MirroredPartition>()
  readonly #byName = new Map<string, MirroredPartition>()
  readonly #dirty = new Set<MirroredPartition>()
  #nextId = 0

  get size (): number { return this.#byId.size }

  values (): IterableIterator<MirroredPartition> { return this.#byId.values() }

  byId (id: number): MirroredPartition | undefined { return this.#byId.get(id) }

  has (partition: TopicPartition): boolean { return this.#byName.has(partitionKey(partition)) }

  add (partition: NewPartition): MirroredPartition {
    const added: MirroredPartition = {
      ...partition,
      progress: withPoint(partition.progress),
      id: this.#nextId++,
      movingTo: undefined,
      state: 'starting',
      code: 0,
      detail: '',
      released: false,
      skipTo: -1n,
      skipRecords: -1n,
      skipEpoch: -1,
      verdict: undefined,
      triedAtMs: undefined
    }
    this.#byId.set(added.id, added)
    this.#byName.set(partitionKey(added), added)
    return added
  }

  remove (partition: MirroredPartition): void {
    this.#byId.delete(partition.id)
    this.#byName.delete(partitionKey(partition))
    this.#dirty.delete(partition)
  }

  /** Applies what a lane told; returns the partitions whose state or code changed. */
  apply (events: NativeEvents): readonly MirroredPartition[] {
    const { progress: rows } = events
    for (let row = 0; row < rows.length; row += 5) {
      const partition = this.#byId.get(Number(rows[row]))
      if (partition === undefined) continue
      partition.progress = {
        ...movedTo(partition.progress, rows[row + 1] ?? 0n, Number(rows[row + 4])),
        downstream: rows[row + 2] ?? 0n,
        sequence: Number(rows[row + 3])
      }
      partition.triedAtMs = undefined
      this.#dirty.add(partition)
    }
    return events.states.flatMap(event => this.#applyState(event) ?? [])
  }

  /** Partitions with progress since the last call; it is a point of their history now. */
  takeDirty (): readonly MirroredPartition[] {
    const dirty = [...this.#dirty]
    for (const partition of dirty) partition.progress = withPoint(partition.progress)
    this.#dirty.clear()
    return dirty
  }

  markDirty (partitions: readonly MirroredPartition[]): void {
    for (const partition of partitions) {
      if (this.#byId.get(partition.id) === partition) this.#dirty.add(partition)
    }
  }

  #applyState (event: StateEvent): MirroredPartition | undefined {
    const partition = this.#byId.get(event.id)
    if (partition === undefined) return undefined
    partition.released = event.released
    const state = partitionStates[event.state] ?? 'faulted'
    if (partition.state === state && partition.code === event.code) return undefined
    partition.state = state
    partition.code = event.code
    partition.detail = event.detail
    partition.skipTo = event.skipTo
    partition.skipRecords = event.skipRecords
    partition.skipEpoch = event.skipEpoch
    return partition
  }
}

export function assignmentOf (partition: MirroredPartition): PartitionAssignment {
  const { id, topic, remoteTopic, partition: number, progress } = partition
  const { upstream, downstream, sequence, leaderEpoch = -1 } = progress
  const position = { upstream, downstream, sequence, leaderEpoch }
  return { id, topic, remoteTopic, partition: number, ...position, batchBytesMax: 0 }
}
