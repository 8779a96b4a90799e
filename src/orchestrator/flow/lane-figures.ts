// What the lanes of a flow have counted. A lane answers with the rows that have changed, because
// most of thousands of partitions are quiet; this puts them together to all rows.
import {
  adoptTimes, decodeLane, decodePartitions, type LaneCounters, type NativeStats,
  type PartitionCounters
} from '../../dataplane/index.ts'
import { partitionStates } from '../../dataplane/contract/contract-table.ts'
import type { LanePool } from '../lanes/lane-pool.ts'

export interface LaneFigure {
  readonly lane: number
  readonly stats: NativeStats
  readonly counters: LaneCounters
  /** By the id of the partition. */
  readonly rows: ReadonlyMap<number, PartitionCounters>
}

/** A row that a lane has just reported. */
export interface FreshRow {
  readonly lane: number
  readonly row: PartitionCounters
  /** Something has changed in it, besides the times of what the source has said again. */
  readonly isNews: boolean
}

interface Known extends LaneFigure {
  readonly rows: Map<number, PartitionCounters>
  readonly incarnation: number
  /** Released by the lane: it has told their last counts. */
  readonly final: readonly number[]
}

const stopped = BigInt(partitionStates.indexOf('stopped'))

export class LaneFigures {
  readonly #lanes: LanePool
  readonly #known: Array<Known | undefined> = []
  /** Lanes whose last answer did not come: rows may be missing. */
  readonly #unanswered = new Set<number>()
  #version = 0

  constructor (lanes: LanePool) {
    this.#lanes = lanes
  }

  /** Another one whenever partitions have a row that had none, or have one no longer. */
  get version (): number { return this.#version }

  /** Asks every lane. One that does not answer keeps its last figures. */
  async collect (): Promise<readonly FreshRow[]> {
    const lanes = Array.from({ length: this.#lanes.size }, (_, lane) => lane)
    return (await Promise.all(lanes.map(async lane => await this.#ask(lane)))).flat()
  }

  rowOf (lane: number, id: number): PartitionCounters | undefined {
    return this.#known[lane]?.rows.get(id)
  }

  values (): readonly LaneFigure[] {
    return this.#known.flatMap(known => known ?? [])
  }

  async #ask (lane: number): Promise<readonly FreshRow[]> {
    const isWhole = this.#unanswered.has(lane) || this.#known[lane] === undefined
    this.#unanswered.add(lane)
    const stats = await this.#lanes.stats(lane, isWhole)
    if (stats === undefined) return []
    this.#unanswered.delete(lane)
    return this.#merge(lane, stats)
  }

  #merge (lane: number, stats: NativeStats): readonly FreshRow[] {
    const { incarnation } = this.#lanes.stateOf(lane)
    const before = this.#known[lane]
    // A lane that was started again holds nothing of what it held, and has not told anything yet.
    const goesOn = before?.incarnation === incarnation && !stats.isWhole
    const rows = goesOn ? before.rows : new Map<number, PartitionCounters>()
    if (!goesOn || before.final.length > 0) this.#version++
    if (goesOn) for (const id of before.final) rows.delete(id)
    const fresh = decodePartitions(stats).map(row => ({ lane, row, isNews: this.#put(rows, row) }))
    // A partition that the lane released and got again has a row of each, the released one first.
    const final = fresh.map(({ row }) => row)
      .filter(row => row.state === stopped && rows.get(Number(row.id)) === row)
      .map(({ id }) => Number(id))
    this.#known[lane] = { lane, stats, counters: decodeLane(stats), rows, incarnation, final }
    return fresh
  }

  /** Returns whether the row says anything new. */
  #put (rows: Map<number, PartitionCounters>, row: PartitionCounters): boolean {
    const id = Number(row.id)
    const known = rows.get(id)
    if (known !== undefined && adoptTimes(known, row)) return false
    if (known === undefined) this.#version++
    rows.set(id, row)
    return true
  }
}
