// Whether partitions make progress while faults are about. Pure: what was seen each second, and for
// which seconds a fault excuses which partitions.

export interface SeenEnds {
  /** Records acknowledged by the source to its producers, and those readable on the target. */
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

/** A partition of which the source had more, and the target received nothing. */
export interface Standing {
  readonly partition: string
  readonly fromMs: number
  readonly toMs: number
}

export interface LivenessFindings {
  /** Of all partitions: seconds in which one stood still with no fault to excuse it. */
  readonly secondsBeyond: number
  /** The longest standstill under each fault, excused or not. */
  readonly longestByFault: Readonly<Record<string, number>>
  /** Of those beyond, for people. */
  readonly examples: readonly string[]
}

// The machine also runs brokers, mirrors and the load: so long a pause says nothing of a mirror.
const graceMs = 5_000
const examplesMax = 10

/**
 * Collects standings: one begins when the source is seen to have more than the target, and ends
 * when the target is seen to have received something since.
 */
export class StandingWatch {
  readonly standings: Standing[] = []
  readonly #seen = new Map<string, { readonly target: number, readonly behindSinceMs?: number }>()

  /** Ends that could not be asked for are left out: what was seen last still holds. */
  see (atMs: number, ends: ReadonlyMap<string, SeenEnds>): void {
    for (const [partition, { source, target }] of ends) {
      const before = this.#seen.get(partition)
      const hasMoved = before === undefined || target !== before.target
      if (hasMoved) this.#end(partition, atMs)
      const since = hasMoved ? atMs : before.behindSinceMs ?? atMs
      this.#seen.set(partition, { target, ...source > target ? { behindSinceMs: since } : {} })
    }
  }

  /** The partitions that have been standing still since this time or an earlier one. */
  standingSince (sinceMs: number): readonly string[] {
    return [...this.#seen].flatMap(([partition, { behindSinceMs = Infinity }]) =>
      behindSinceMs <= sinceMs ? [partition] : [])
  }

  /** Those that have not ended are standings, too. */
  finish (atMs: number): void {
    for (const partition of this.#seen.keys()) this.#end(partition, atMs)
  }

  #end (partition: string, atMs: number): void {
    const fromMs = this.#seen.get(partition)?.behindSinceMs
    if (fromMs !== undefined) this.standings.push({ partition, fromMs, toMs: atMs })
  }
}

/** What of the standings no excuse covers, longer than a pause of the machine. */
export function judgeLiveness (
  standings: readonly Standing[], excuses: readonly Excuse[]
): LivenessFindings {
  const longestByFault: Record<string, number> = {}
  const beyond: Array<Standing & { readonly beyondMs: number }> = []
  for (const standing of standings) {
    const own = excuses.filter(excuse => concerns(excuse, standing))
    for (const { fault } of own) {
      const seconds = (standing.toMs - standing.fromMs) / 1000
      longestByFault[fault] = Math.max(longestByFault[fault] ?? 0, seconds)
    }
    const beyondMs = uncoveredMs(standing, own) - graceMs
    if (beyondMs > 0) beyond.push({ ...standing, beyondMs })
  }
  const examples = beyond.toSorted((a, b) => b.beyondMs - a.beyondMs).slice(0, examplesMax)
    .map(({ beyondMs, fromMs, partition, toMs }) =>
      `${partition} stood still from ${inSeconds(fromMs)} to ${inSeconds(toMs)} s, ` +
      `${inSeconds(beyondMs)} s beyond what faults excuse`)
  const secondsBeyond = beyond.reduce((sum, { beyondMs }) => sum + beyondMs, 0) / 1000
  return { secondsBeyond, longestByFault, examples }
}

function concerns (excuse: Excuse, { fromMs, partition, toMs }: Standing): boolean {
  const { partitions } = excuse
  return (partitions === 'all' || partitions.has(partition)) &&
    excuse.fromMs < toMs && excuse.toMs > fromMs
}

/** Of the standing, the time in no excuse. */
function uncoveredMs ({ fromMs, toMs }: Standing, excuses: readonly Excuse[]): number {
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
