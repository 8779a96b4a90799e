// Turns what lanes report about partitions into events of the partition state machine.
import type { NativeEvents, StateEvent } from '../../dataplane/index.ts'
import { partitionStates as laneStates } from '../../dataplane/contract/contract-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { LaneReport, PartitionEvent } from './partition-state.ts'
import type { FlowPartition, PartitionTable } from './partition-table.ts'

export interface LaneEventsOptions {
  readonly table: PartitionTable
  readonly moves: PartitionMoves
  readonly onError: (error: ReplicatorError) => void
}

export class LaneEvents {
  readonly #options: LaneEventsOptions

  constructor (options: LaneEventsOptions) {
    this.#options = options
  }

  /** Progress first: a state in the same report is the state after that progress. */
  take (lane: number, events: NativeEvents): void {
    const { table } = this.#options
    table.place(events.spans)
    this.sound(table.advance(events.progress))
    for (const event of events.states) {
      const partition = table.byId(event.id)
      if (partition?.lane === lane) this.#tryMove(partition, eventOf(event))
    }
  }

  /** These partitions were seen to be mirrored, so any earlier trouble is over. */
  sound (partitions: readonly FlowPartition[]): void {
    for (const partition of partitions) {
      if (partition.state === 'retrying') this.#tryMove(partition, { kind: 'sound' })
    }
  }

  /** An illegal event is dropped alone: the other events are still applied. */
  #tryMove (partition: FlowPartition, event: PartitionEvent): void {
    const { moves, onError } = this.#options
    try {
      moves.move(partition, event)
    } catch (thrown) {
      onError(ReplicatorError.from(thrown))
    }
  }
}

function eventOf (event: StateEvent): PartitionEvent {
  const { code, detail, skipEpoch, skipRecords, skipTo } = event
  const state = laneStates[event.state] ?? 'faulted'
  const report: LaneReport = { state, code, detail, skipTo, skipRecords, skipEpoch }
  if (event.released) return { kind: 'release', report }
  return { kind: state === 'faulted' ? 'fault' : 'report', report }
}
