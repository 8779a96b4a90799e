// Whether partitions make progress during faults. Pure: the observations of each second, and the
// seconds in which a fault explains that which partitions are stalled.

export interface SeenEnds {
  /** Records that the source acknowledged to its producers, and records readable on the target. */
  readonly source: number
  readonly target: number
}

/** From a fault: these partitions may be stalled in this time. */
export interface Excuse {
  readonly fault: string
  readonly fromMs: number
  readonly toMs: number
  readonly partitions: ReadonlySet<string> | 'all'
}

/** A time in which the source had more records of a partition, and the target received none. */
export interface Stall {
  readonly partition: string
  readonly fromMs: number
  readonly toMs: number
}

export interface LivenessFindings {
  /**
   * Seconds in which a partition was stalled without a fault that explains it, over all partitions.
   */
  readonly secondsBeyond: number
  /** The longest stall during each fault, explained or not. */
  readonly longestByFault: Readonly<Record<string, number>>
  /** The unexplained stalls, for people. */
  readonly examples: readonly string[]
}

// The machine also runs brokers, mirrors and the load: a stall this short does not show a defect.
const graceMs = 5_000
const examplesMax = 10

/**
 * Collects stalls: a stall begins when the source has more records than the target, and ends when
 * the target has received records since.
 */
export class StallWatch {
  readonly stalls: Stall[] = []
  readonly #seen = new Map<string, { readonly target: number, readonly behindSinceMs?: number }>()

  /** A partition whose end offset is not known keeps its last observation. */
  see (atMs: number, ends: ReadonlyMap<string, SeenEnds>): void {
    for (const [partition, { source, target }] of ends) {
      const before = this.#seen.get(partition)
      const hasMoved = before === undefined || target !== before.target
      if (hasMoved) this.#end(partition, atMs)
      const since = hasMoved ? atMs : before.behindSinceMs ?? atMs
      this.#seen.set(partition, { target, ...source > target ? { behindSinceMs: since } : {} })
    }
  }

  /** The partitions that have been stalled since this time or earlier. */
  stalledSince (sinceMs: number): readonly string[] {
    return [...this.#seen].flatMap(([partition, { behindSinceMs = Infinity }]) =>
      behindSinceMs <= sinceMs ? [partition] : [])
  }

  /** Stalls that have not ended count, too. */
  finish (atMs: number): void {
    for (const partition of this.#seen.keys()) this.#end(partition, atMs)
  }

  #end (partition: string, atMs: number): void {
    const fromMs = this.#seen.get(partition)?.behindSinceMs
    if (fromMs !== undefined) this.stalls.push({ partition, fromMs, toMs: atMs })
  }
}

/** The part of each stall that no fault explains, if it is longer than a pause of the machine. */
export function judgeLiveness (
  stalls: readonly Stall[], excuses: readonly Excuse[]
): LivenessFindings {
  const longestByFault: Record<string, number> = {}
  const beyond: Array<Stall & { readonly beyondMs: number }> = []
  for (const stall of stalls) {
    const own = excuses.filter(excuse => concerns(excuse, stall))
    for (const { fault } of own) {
      const seconds = (stall.toMs - stall.fromMs) / 1000
      longestByFault[fault] = Math.max(longestByFault[fault] ?? 0, seconds)
    }
    const beyondMs = uncoveredMs(stall, own) - graceMs
    if (beyondMs > 0) beyond.push({ ...stall, beyondMs })
  }
  const examples = beyond.toSorted((a, b) => b.beyondMs - a.beyondMs).slice(0, examplesMax)
    .map(({ beyondMs, fromMs, partition, toMs }) =>
      `${partition} was stalled from ${inSeconds(fromMs)} to ${inSeconds(toMs)} s, ` +
      `${inSeconds(beyondMs)} s longer than the faults explain`)
  const secondsBeyond = beyond.reduce((sum, { beyondMs }) => sum + beyondMs, 0) / 1000
  return { secondsBeyond, longestByFault, examples }
}

function concerns (excuse: Excuse, { fromMs, partition, toMs }: Stall): boolean {
  const { partitions } = excuse
  return (partitions === 'all' || partitions.has(partition)) &&
    excuse.fromMs < toMs && excuse.toMs > fromMs
}

/** The time of the stall that no excuse covers. */
function uncoveredMs ({ fromMs, toMs }: Stall, excuses: readonly Excuse[]): number {
  let uncovered = 0
  let at = fromMs
  for (const excuse of excuses.toSorted((a, b) => a.fromMs - b.fromMs)) {
    uncovered += Math.max(0, excuse.fromMs - at)
    at = Math.max(at, excuse.toMs)
  }
  return uncovered + Math.max(0, toMs - at)
}

function inSeconds (ms: number): string {
  return (ms / 1000).toFixed(1)
}
