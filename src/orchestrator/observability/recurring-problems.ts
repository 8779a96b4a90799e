// Keeps the log short during a long problem. A problem is logged when it begins, soon after with
// its consequences, then once a minute with counts, and when it ends. A cluster that does not
// answer for ten minutes causes a dozen lines, however many topics, lanes and clients report it.
import type { Clock } from '../time/clock.ts'
import type { Log, LogFields } from './log.ts'

export interface ReportedProblem {
  /**
   * Identifies the problem: `cluster west`, or the text of an error. Reports with one key are one
   * problem.
   */
  readonly key: string
  readonly level: 'warn' | 'error'
  /** A whole line; later lines show the newest text. */
  readonly text: string
  readonly fields?: LogFields
  /** The problem is a state that is checked repeatedly: the checks are not counted. */
  readonly isState?: boolean
  /** The first line says all: the second one follows after a minute. */
  readonly isComplete?: boolean
  /** Not logged for now, because the line of another problem names this problem. */
  readonly isQuiet?: boolean
  /** Another line reports the end of the problem. */
  readonly endsQuietly?: boolean
}

interface OpenProblem {
  readonly sinceMs: number
  newest: ReportedProblem
  reportedMs: number
  loggedMs: number
  lines: number
  /** Reports since the last line. */
  unlogged: number
  /** By what they are of. */
  readonly notes: Map<string, string>
  /** A line has reported the consequences of the problem. */
  isNoted: boolean
  endsQuietly: boolean
}

/** The second line follows soon: by then the consequences of the problem are known. */
const secondLineMs = 10_000
const everyMs = 60_000
/**
 * librdkafka repeats an error after 30 s at the earliest: without a report for longer, it is over.
 */
const overMs = 40_000
/** Beyond this number the oldest problems are dropped without a last line: texts are unlimited. */
const openMax = 500

export class RecurringProblems {
  readonly #log: Log
  readonly #clock: Clock
  readonly #open = new Map<string, OpenProblem>()

  constructor (log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** Whether the problem lasts, and a line has reported it. */
  isReported (key: string): boolean { return (this.#open.get(key)?.lines ?? 0) > 0 }

  report (problem: ReportedProblem): void {
    const nowMs = this.#clock.monotonic()
    const { endsQuietly = false, isQuiet = false, isState = false, key } = problem
    const open = this.#open.get(key) ?? this.#openProblem(problem, nowMs)
    open.newest = problem
    open.reportedMs = nowMs
    open.endsQuietly ||= endsQuietly
    if (!isState) open.unlogged++
    if (open.lines === 0 && !isQuiet) this.#logFirst(open, nowMs)
  }

  /** Adds a text to the next line of an open problem, one text for each `of`; '': no text. */
  note (key: string, text: string, of = ''): void {
    const notes = this.#open.get(key)?.notes
    if (text === '') notes?.delete(of)
    else notes?.set(of, text)
  }

  /** The problem is over, and another line reports it. */
  end (key: string): void { this.#open.delete(key) }

  /** Writes the lines that are due. Call it about every second. */
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

  #openProblem (problem: ReportedProblem, nowMs: number): OpenProblem {
    const [oldest] = this.#open.keys()
    if (this.#open.size >= openMax && oldest !== undefined) this.#open.delete(oldest)
    const open: OpenProblem = {
      newest: problem, sinceMs: nowMs, reportedMs: nowMs, loggedMs: nowMs, lines: 0, unlogged: 0,
      notes: new Map(), isNoted: false, endsQuietly: false
    }
    this.#open.set(problem.key, open)
    return open
  }

  #logFirst (open: OpenProblem, nowMs: number): void {
    const { fields = {}, level, text } = open.newest
    this.#log[level](fields, text)
    Object.assign(open, { loggedMs: nowMs, lines: 1, unlogged: 0 })
  }

  #logAgain (open: OpenProblem, nowMs: number): void {
    const { lines, newest: { fields = {}, level, text }, notes, sinceMs, unlogged } = open
    const again = unlogged === 0 ? '' : `, reported ${unlogged} times more`
    const also = [...notes.values()].map(note => `; ${note}`).join('')
    this.#log[level](fields, `${text} [for ${secondsOf(nowMs - sinceMs)} s${again}${also}]`)
    const isNoted = open.isNoted || notes.size > 0
    Object.assign(open, { loggedMs: nowMs, lines: lines + 1, unlogged: 0, isNoted })
  }

  /** A problem that was logged once needs no last line. */
  #logOver (
    key: string, { endsQuietly, lines, newest, reportedMs, sinceMs }: OpenProblem
  ): void {
    if (lines < 2 || endsQuietly) return
    const seconds = secondsOf(reportedMs - sinceMs)
    this.#log.info(newest.fields ?? {}, `${key}: over after ${seconds} s`)
  }
}

function isDue (
  { isNoted, lines, loggedMs, newest, notes, unlogged }: OpenProblem,
  nowMs: number
): boolean {
  const { isComplete, isQuiet, isState } = newest
  // The consequences are logged once, as soon as they are known.
  if (notes.size > 0 && !isNoted && isQuiet !== true) return true
  if (isQuiet === true || (unlogged === 0 && notes.size === 0 && isState !== true)) return false
  return nowMs - loggedMs >= (lines === 1 && isComplete !== true ? secondLineMs : everyMs)
}

function secondsOf (ms: number): number {
  return Math.round(ms / 1000)
}
