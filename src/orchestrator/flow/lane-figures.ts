// The counters of the lanes of a flow. A lane returns only the rows that have changed, because most
// of thousands of partitions are quiet; this class keeps all rows. The counts of a partition that
// its lane is assigned again, after a retry or a skip, begin at 0; they continue here: whoever
// sees only the row of now and then cannot tell that the counts began again and have overtaken.
import {
  decodeLane, decodePartitions, type LaneCounters, type NativeStats, type PartitionCounters
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
}

interface Known extends LaneFigure {
  readonly rows: Map<number, PartitionCounters>
  readonly incarnation: number
  /** Released by the lane, which has reported their last counts. */
  readonly final: readonly number[]
  /** By the id of the partition: the last counts of its earlier assignments to the lane. */
  readonly earlier: Map<number, PartitionCounters>
  /** By source broker: when it last reported no new records of its quiet partitions, epoch ms. */
  readonly quietMs: ReadonlyMap<bigint, number>
}

const stopped = BigInt(partitionStates.indexOf('stopped'))

export class LaneFigures {
  readonly #lanes: LanePool
  readonly #known: Array<Known | undefined> = []
  /** Lanes that did not answer the last time: rows may be missing. */
  readonly #unanswered = new Set<number>()
  #version = 0

  constructor (lanes: LanePool) {
    this.#lanes = lanes
  }

  /** A new object whenever a partition gets its first row or loses its last one. */
  get version (): number { return this.#version }

  /** Asks every lane. A lane that does not answer keeps its last figures. */
  async collect (): Promise<readonly FreshRow[]> {
    const lanes = Array.from({ length: this.#lanes.size }, (_, lane) => lane)
    return (await Promise.all(lanes.map(async lane => await this.#ask(lane)))).flat()
  }

  rowOf (lane: number, id: number): PartitionCounters | undefined {
    return this.#known[lane]?.rows.get(id)
  }

  /** When the source last reported no new records of the partition, epoch ms; undefined: never. */
  quietMs (lane: number, id: number): number | undefined {
    const known = this.#known[lane]
    const node = known?.rows.get(id)?.quietNode
    return node === undefined || node < 0n ? undefined : known?.quietMs.get(node)
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
    // A restarted lane holds no partitions, and has not reported yet.
    const isSameLane = before?.incarnation === incarnation
    const goesOn = isSameLane && !stats.isWhole
    const rows = goesOn ? before.rows : new Map<number, PartitionCounters>()
    if (!goesOn || before.final.length > 0) this.#version++
    const earlier = isSameLane ? before.earlier : new Map<number, PartitionCounters>()
    const fresh: PartitionCounters[] = []
    // A partition that the lane was assigned again has two rows, the stopped one first.
    for (const row of decodePartitions(stats)) {
      const id = Number(row.id)
      if (!rows.has(id)) this.#version++
      const last = rows.get(id) ?? (isSameLane ? before.rows.get(id) : undefined)
      if (last?.state === stopped) earlier.set(id, last)
      const whole = added(row, earlier.get(id))
      rows.set(id, whole)
      fresh.push(whole)
    }
    const reported = new Set(fresh.map(({ id }) => Number(id)))
    for (const id of goesOn ? before.final : []) if (!reported.has(id)) rows.delete(id)
    for (const id of earlier.keys()) if (!rows.has(id)) earlier.delete(id)
    const final = fresh.filter(row => row.state === stopped && rows.get(Number(row.id)) === row)
      .map(({ id }) => Number(id))
    const quietMs = new Map(pairsOf(stats.quietAnswers))
    const counters = decodeLane(stats)
    this.#known[lane] = { lane, stats, counters, rows, incarnation, final, earlier, quietMs }
    return fresh.map(row => ({ lane, row }))
  }
}

/** Those that begin at 0 with an assignment, and only grow. */
const counts = ['latencySumMs', 'records', 'batches', 'bytes', 'passedThrough', 'reencodedOldMagic',
  'reencodedCompacted', 'reencodedMidBatch', 'reencodedLogAppendTime', 'reencodedCodec',
  'reencodedTooLarge', 'reencodedMerged', 'droppedControl', 'droppedEmpty', 'droppedAborted',
  'droppedLooped', 'droppedStale', 'loopedRecords', 'resumedRecords', 'doubledRecords', 'retries'
] as const satisfies ReadonlyArray<keyof PartitionCounters>

function added (row: PartitionCounters, earlier: PartitionCounters | undefined): PartitionCounters {
  if (earlier === undefined) return row
  // The columns of a row are getters of its class, which spreading would leave out.
  return Object.create(row, Object.fromEntries(counts.map(name =>
    [name, { value: row[name] + earlier[name] }]))) as PartitionCounters
}

function pairsOf (rows: BigInt64Array): ReadonlyArray<readonly [bigint, number]> {
  return Array.from({ length: rows.length / 2 }, (_, row) =>
    [rows[2 * row] ?? -1n, Number(rows[2 * row + 1])] as const)
}
