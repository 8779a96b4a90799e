// A sum over members that come, go and begin again at 0, which itself never falls.
//
// Why: Prometheus reads a counter that falls as a restart and counts its whole value again. With a
// plain sum over partitions, one partition that moves away from a topic of ten would show up as a
// burst of everything that the other nine have ever mirrored.
//
// Invariants: (A) no entry of the sum ever falls. (B) What a member has counted stays in the sum
// after it is gone. (C) Only members of the latest observation are remembered, so the memory is
// bounded by what exists now.
import type { Count } from './snapshot.ts'

export interface SumMember {
  readonly key: string
  /** Changes when the member's counters begin again at 0; a fall of any of them says the same. */
  readonly incarnation: string
  readonly values: readonly Count[]
}

interface Seen {
  readonly incarnation: string
  readonly values: readonly number[]
}

export class CarriedSum {
  #seen = new Map<string, Seen>()
  readonly #totals: number[] = []

  get totals (): readonly number[] {
    return this.#totals
  }

  observe (members: Iterable<SumMember>): readonly number[] {
    const seen = new Map<string, Seen>()
    for (const { incarnation, key, values } of members) {
      const current = { incarnation, values: values.map(Number) }
      this.#add(current, this.#seen.get(key))
      seen.set(key, current)
    }
    this.#seen = seen
    return this.#totals
  }

  #add (current: Seen, earlier: Seen | undefined): void {
    const base = earlier !== undefined && !hasRestarted(current, earlier) ? earlier.values : []
    current.values.forEach((value, index) => {
      this.#totals[index] = (this.#totals[index] ?? 0) + value - (base[index] ?? 0)
    })
  }
}

/** All counters of a member restart together, so one that fell speaks for those that overtook. */
function hasRestarted (current: Seen, earlier: Seen): boolean {
  return current.incarnation !== earlier.incarnation ||
    earlier.values.some((value, index) => (current.values[index] ?? 0) < value)
}
