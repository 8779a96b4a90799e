// A sum over members that come, go and begin again at 0, which itself never falls.
//
// Why: Prometheus reads a counter that falls as a restart and counts its whole value again. With a
// plain sum over partitions, one partition that moves away from a topic of ten would show up as a
// burst of everything that the other nine have ever mirrored.
//
// Invariants: (A) no entry of the sum ever falls. (B) What a member has counted stays in the sum
// after it is gone. (C) Only members of the latest observation are remembered, so the memory is
// bounded by what exists now.
import type { Count, LaneSnapshot } from './snapshot.ts'

export interface SumMember {
  readonly key: string
  /** Changes when the member's counters begin again at 0; so does a counter that falls. */
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

/** All counters of a member restart together, so one that fell speaks for those that overtook. */
function hasRestarted (current: SumMember, earlier: SumMember): boolean {
  if (current.incarnation !== earlier.incarnation) return true
  for (let index = 0; index < earlier.values.length; index++) {
    if ((current.values[index] ?? 0) < (earlier.values[index] ?? 0)) return true
  }
  return false
}

/** The counters of a lane. A lane that was started again has another incarnation. */
export function laneMember (lane: LaneSnapshot, values: readonly Count[]): SumMember {
  return {
    key: String(lane.lane), incarnation: laneIncarnation(lane), values: values.map(Number)
  }
}

export function laneIncarnation ({ incarnation, lane }: LaneSnapshot): string {
  return `${lane}.${incarnation}`
}
