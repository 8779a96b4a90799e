// A sum over members that appear, disappear and restart at 0; the sum itself never falls.
//
// Why: Prometheus treats a counter that falls as restarted and counts its whole value again. With a
// plain sum over partitions, one partition that leaves a topic of ten would appear as a burst of
// all records that the other nine have ever mirrored.
//
// Invariants: (A) no entry of the sum ever falls. (B) The counts of a member stay in the sum after
// the member disappears. (C) Only members of the latest observation are remembered, so the number
// of present members bounds the memory.
import type { Count, LaneSnapshot } from './snapshot.ts'

export interface SumMember {
  readonly key: string
  /** Changes when the member's counters restart at 0; a counter that falls has the same effect. */
  readonly incarnation: string
  readonly values: readonly number[]
}

export class CarriedSum {
  #seen = new Map<string, SumMember>()
  readonly #totals: number[] = []

  get totals (): readonly number[] {
    return this.#totals
  }

  observe (members: Iterable<SumMember>): readonly number[] {
    const seen = new Map<string, SumMember>()
    for (const member of members) {
      this.#add(member, this.#seen.get(member.key))
      seen.set(member.key, member)
    }
    this.#seen = seen
    return this.#totals
  }

  // Plain loops: this runs for each counter of each partition, every second.
  #add (current: SumMember, earlier: SumMember | undefined): void {
    const { values } = current
    const goesOn = earlier !== undefined && !hasRestarted(current, earlier)
    const base = goesOn ? earlier.values : []
    for (let index = 0; index < values.length; index++) {
      this.#totals[index] = (this.#totals[index] ?? 0) + (values[index] ?? 0) - (base[index] ?? 0)
    }
  }
}

/** All counters of a member restart together, so one fallen counter shows that all restarted. */
function hasRestarted (current: SumMember, earlier: SumMember): boolean {
  if (current.incarnation !== earlier.incarnation) return true
  for (let index = 0; index < earlier.values.length; index++) {
    if ((current.values[index] ?? 0) < (earlier.values[index] ?? 0)) return true
  }
  return false
}

/** The counters of a lane. A restarted lane has another incarnation. */
export function laneMember (lane: LaneSnapshot, values: readonly Count[]): SumMember {
  return {
    key: String(lane.lane), incarnation: laneIncarnation(lane), values: values.map(Number)
  }
}

export function laneIncarnation ({ incarnation, lane }: LaneSnapshot): string {
  return `${lane}.${incarnation}`
}
