// Choices by a source of random numbers, for schedules of faults and for loads.

import type { Random } from '../src/orchestrator/time/clock.ts'

/** An integer in [from, to]. */
export function between (random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1))
}

export function pick<Value> (random: Random, values: readonly Value[]): Value {
  const value = values[Math.floor(random() * values.length)]
  if (value === undefined) throw new Error('nothing to pick from')
  return value
}

export function shuffled<Value> (values: readonly Value[], random: Random): Value[] {
  return values.map(value => ({ value, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ value }) => value)
}
