// What became of the canary records: compares those on the target with those on the source. Pure.
//
//   source    6  7  8  9 10 11 12        the order in which they were written
//   target    6  7  7  8 10
//                   |     |              7 is doubled: it is at a second offset of the target
//                   |     `- 9 is lost: 10 has arrived, and a mirror keeps the order
//                   `------
//   11 and 12 are outstanding, and late after some time
//
// Why the log of the source, and not what this process has written: a write without an answer may
// be on the source or not, a producer that retries may write twice, and an earlier owner of the
// duty wrote records, too. What is on the source must be on the target, exactly once.
//
// Invariants: (A) outstanding records are in the order of the source. (B) A record is counted as
// arrived or lost once. (C) Nothing is lost before the first arrival: a flow may begin in the
// middle of the source. (D) Memory is bounded: the writer stops at outstandingMax, `matchedMax`
// bounds the rest.
import type { CanaryFigures } from './canary-figures.ts'
import type { CanaryProgress } from './canary-record.ts'

export interface CanarySighting {
  readonly id: string
  readonly offset: bigint
}

export interface CanaryAccountOptions {
  readonly figures: Pick<CanaryFigures, 'add' | 'addLatency'>
  /** Of the last record on the source; undefined: the account begins at the ends of both logs. */
  readonly progress: CanaryProgress | undefined
  /** When an outstanding record is late. */
  readonly lateMs: number
}

interface Outstanding extends CanarySighting {
  /** When its time began; monotonic. */
  sinceMs: number
  /** Whether its latency is worth counting: this process wrote it, and was never in the way. */
  isTimed: boolean
  isLate: boolean
}

interface Match {
  readonly id: string
  readonly source: bigint
  readonly target: bigint
}

/** The writer stops here: the flow is stopped, and more records would show nothing new. */
export const outstandingMax = 1_000
/** How many of the last arrivals are remembered, to recognize one that arrives again. */
const matchedMax = 100
/** Writes that the log of the source has not shown yet: normally one. */
const writingMax = 100

export class CanaryAccount {
  readonly #options: CanaryAccountOptions
  /** When the writes of this process began, until the source shows the record; monotonic. */
  readonly #writing = new Map<string, number>()
  #outstanding: Outstanding[] = []
  #matched: Match[] = []
  #isAligned: boolean
  /** After the last arrival. */
  #targetNext: bigint
  /** After the last record that the source has shown. */
  #sourceNext: bigint

  constructor (options: CanaryAccountOptions) {
    this.#options = options
    const { progress } = options
    this.#isAligned = progress !== undefined
    this.#targetNext = progress?.counted.target ?? 0n
    this.#sourceNext = progress?.counted.source ?? 0n
  }

  get outstanding (): number { return this.#outstanding.length }

  /** For the next record. Undefined before the first arrival. */
  get progress (): CanaryProgress | undefined {
    const [first] = this.#matched
    if (!this.#isAligned || first === undefined) return this.#options.progress
    return {
      context: { source: first.source, target: first.target },
      counted: {
        source: this.#outstanding[0]?.offset ?? this.#sourceNext, target: this.#targetNext
      }
    }
  }

  /** This process writes the record now. */
  writing (id: string, nowMs: number): void {
    this.#writing.set(id, nowMs)
    const [oldest] = this.#writing.keys()
    if (oldest !== undefined && this.#writing.size > writingMax) this.#writing.delete(oldest)
  }

  /** The log of the source has the record. */
  onSource ({ id, offset }: CanarySighting, nowMs: number): void {
    const sinceMs = this.#writing.get(id)
    this.#writing.delete(id)
    if (offset >= this.#sourceNext) this.#sourceNext = offset + 1n
    this.#outstanding.push(
      { id, offset, sinceMs: sinceMs ?? nowMs, isTimed: sinceMs !== undefined, isLate: false })
  }

  /** The log of the target has the record. Call it once the source has shown all before it. */
  onTarget ({ id, offset }: CanarySighting, nowMs: number): boolean {
    const { figures, progress } = this.#options
    const isCounted = offset < (progress?.counted.target ?? 0n)
    const at = this.#outstanding.findIndex(each => each.id === id)
    const found = this.#outstanding[at]
    if (found === undefined) {
      const known = this.#matched.findLast(match => match.id === id)
      // The same offset: the target lost its end, or the log is read again.
      const isDoubled = known !== undefined && known.target !== offset
      if (isDoubled && !isCounted) figures.add('doubled')
      return false
    }
    const countedOnSource = progress?.counted.source ?? 0n
    const missed = this.#outstanding.slice(0, at)
      .filter(each => each.offset >= countedOnSource).length
    if (this.#isAligned) figures.add('lost', missed)
    this.#isAligned = true
    this.#outstanding = this.#outstanding.slice(at + 1)
    this.#matched.push({ id, source: found.offset, target: offset })
    if (this.#matched.length > matchedMax) this.#matched.shift()
    if (offset >= this.#targetNext) this.#targetNext = offset + 1n
    if (isCounted) return false
    figures.add('arrived')
    if (found.isTimed) figures.addLatency(Math.max(0, nowMs - found.sinceMs))
    return true
  }

  /** The mirror is paused, or nobody could look: the time until now does not count. */
  excuse (nowMs: number): void {
    for (const each of this.#outstanding) {
      each.sinceMs = nowMs
      each.isTimed = false
    }
  }

  /** Counts records that have become late; returns the age of the oldest outstanding record. */
  judge (nowMs: number): number {
    if (!this.#isAligned) return 0
    let oldestMs = 0
    for (const each of this.#outstanding) {
      const ageMs = nowMs - each.sinceMs
      oldestMs = Math.max(oldestMs, ageMs)
      if (each.isLate || ageMs < this.#options.lateMs) continue
      each.isLate = true
      this.#options.figures.add('late')
    }
    return oldestMs
  }
}
