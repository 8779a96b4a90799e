// Repeatable randomness: the same numbers for the same seed, for loads and for schedules of faults.
import type { Random } from './clock.ts'

/** mulberry32. */
export function createRandom (seed: number): Random {
  let state = seed
  return () => {
    state = state + 0x6D2B79F5 | 0
    let mixed = Math.imul(state ^ state >>> 15, 1 | state)
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
  }
}
