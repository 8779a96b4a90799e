// Keeps the log readable while something lasts. A problem is logged when it begins, soon after with
// what came of it, then once a minute with counts, and when it is over. A cluster that is away for
// ten minutes is a dozen lines, however many topics, lanes and clients notice it.
import type { Clock } from '../time/clock.ts'
import type { Log, LogFields } from './log.ts'

export interface ReportedProblem {
  /** What lasts. Reports of one key are one problem: `cluster west`, or the text of an error. */
  readonly key: string
  readonly level: 'warn' | 'error'
  /** A whole line; the newest one is shown in later lines. */
  readonly text: string
  readonly fields?: LogFields
  /** It is a state that is looked at again and again: looks are not counted. */
  readonly isState?: boolean
}

interface OpenProblem {
  readonly level: 'warn' | 'error'
  readonly sinceMs: number
  reportedMs: number
  loggedMs: number
  lines: number
  /** Reports since the last line, and in all. */
  unlogged: number
  total: number
  text: string
  fields: LogFields
  isState: boolean
  note: string
}

/** The second line follows soon: by then it is known what the problem has come to. */
const secondLineMs = 10_000
const everyMs = 60_000
/** Clients retry every few seconds at most; what was not reported for longer is over. */
const overMs = 20_000
/** Further ones are dropped, oldest first, without a last line: texts may hold anything. */
const openMax = 500

export class RecurringProblems {
  readonly #log: Log
  readonly #clock: Clock
  readonly #open = new Map<string, OpenProblem>()

  constructor (log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  isOpen (key: string): boolean { return this.#open.has(key) }

  report ({ fields = {}, isState = false, key, level, text }: ReportedProblem): void {
    const nowMs = this.#clock.monotonic()
    const open = this.#open.get(key)
    if (open !== undefined) {
      const more = isState ? 0 : 1
      const unlogged = open.unlogged + more
      const total = open.total + 1
      Object.assign(open, { reportedMs: nowMs, unlogged, total, text, fields, isState })
      return
    }
    const [oldest] = this.#open.keys()
    if (this.#open.size >= openMax && oldest !== undefined) this.#open.delete(oldest)
    this.#open.set(key, {
      level, text, fields, isState, sinceMs: nowMs, reportedMs: nowMs, loggedMs: nowMs, lines: 1,
      unlogged: 0, total: 1, note: ''
    })
    this.#log[level](fields, text)
  }

  /** What else is to stand in the next line of an open problem; '' takes it back. */
  note (key: string, text: string): void {
    const open = this.#open.get(key)
    if (open !== undefined) open.note = text
  }

  /** Logs what is due. Call it every second or so. */
  tick (): void {
    const nowMs = this.#clock.monotonic()
    for (const [key, open] of this.#open) {
      if (nowMs - open.reportedMs >= overMs) {
        this.#open.delete(key)
        this.#logOver(key, open)
      } else if (isDue(open, nowMs)) {
        this.#logAgain(open, nowMs)
      }
    }
  }

  #logAgain (open: OpenProblem, nowMs: number): void {
    const { fields, level, note, sinceMs, text, unlogged } = open
    const again = unlogged === 0 ? '' : `, ${unlogged} times more`
    const also = note === '' ? '' : `; ${note}`
    this.#log[level](fields, `${text} [for ${secondsOf(nowMs - sinceMs)} s${again}${also}]`)
    Object.assign(open, { loggedMs: nowMs, lines: open.lines + 1, unlogged: 0 })
  }

  /** A problem that came once and left no trace needs no second line. */
  #logOver (key: string, { fields, reportedMs, sinceMs, total }: OpenProblem): void {
    if (total === 1) return
    this.#log.info(fields, `${key}: over after ${secondsOf(reportedMs - sinceMs)} s`)
  }
}

function isDue (
  { isState, lines, loggedMs, note, unlogged }: OpenProblem, nowMs: number
): boolean {
  if (unlogged === 0 && note === '' && !isState) return false
  return nowMs - loggedMs >= (lines === 1 ? secondLineMs : everyMs)
}

function secondsOf (ms: number): number {
  return Math.round(ms / 1000)
}
