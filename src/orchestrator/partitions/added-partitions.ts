// Adds the partitions of wanted topics in owned slots to the table, and refuses those that cannot
// be mirrored. Called every second; with thousands of partitions, a call examines them only if
// something may have changed.
import type { PartitionMoves } from './partition-moves.ts'
import type { PartitionEvent } from './partition-state.ts'
import type { FlowPartition, PartitionTable } from './partition-table.ts'
import type { SlotPositions } from './slot-positions.ts'
import type { WantedTopics } from './wanted-topics.ts'

export interface AddedPartitionsOptions {
  readonly table: PartitionTable
  readonly positions: SlotPositions
  readonly wanted: WantedTopics
  readonly moves: PartitionMoves
}

export class AddedPartitions {
  readonly #options: AddedPartitionsOptions
  /** The versions of everything that decides which partitions belong in the table. */
  #upToDate = ''

  constructor (options: AddedPartitionsOptions) {
    this.#options = options
  }

  /** Returns whether partitions may have been added. */
  add (): boolean {
    const { moves, positions, table, wanted } = this.#options
    // A partition in the state `positioning` may be refused or retried when its topic changes.
    if (this.#upToDate === this.#versions() && table.positioning.size === 0) return false
    const refused: Array<readonly [FlowPartition, PartitionEvent]> = []
    for (const { error, partitions, remoteTopic, topic, usable } of wanted.values()) {
      for (const owned of positions.partitionsOf(topic, remoteTopic, partitions)) {
        const partition = table.byName(owned) ?? table.add(owned)
        if (partition.state !== 'positioning') continue
        if (owned.partition >= usable) {
          refused.push([partition, { kind: 'refusal', error, retryAtMs: Infinity }])
        } else if (partition.trouble?.retryAtMs === Infinity) {
          refused.push([partition, { kind: 'retry' }])
        }
      }
    }
    this.#upToDate = this.#versions()
    moves.moveAll(refused)
    return true
  }

  #versions (): string {
    const { positions, table, wanted } = this.#options
    return `${wanted.version} ${positions.version} ${table.version}`
  }
}
