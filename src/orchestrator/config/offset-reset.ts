// The start positions of partitions that were never mirrored: auto.offset.reset, and
// start.positions for topics by name.
import { wholeNameRegex, type RegexProblem } from '../policy/regex-list.ts'
import { row, splitList, type Row, type RowText } from './setting-kinds.ts'

export type OffsetReset = 'earliest' | 'latest' | 'none' |
  { readonly byDurationMs: number } | { readonly atMs: number }

export interface TopicStart {
  readonly expression: string
  readonly reset: OffsetReset
}

export interface TopicStarts {
  of (topic: string): OffsetReset
  /** Whether the start of any topic depends on when Longhaul first sees the topic. */
  readonly isRelative: boolean
}

export type ParsedTopicStarts =
  | { readonly ok: true, readonly starts: TopicStarts }
  | { readonly ok: false, readonly problems: readonly RegexProblem[] }

const resetWords: Readonly<Record<string, OffsetReset>> = {
  earliest: 'earliest',
  latest: 'latest',
  none: 'none',
  smallest: 'earliest',
  beginning: 'earliest',
  largest: 'latest',
  end: 'latest',
  error: 'none'
}

const resetRange = 'earliest, latest, none, by_duration:P3DT12H (ISO 8601), 2026-11-27T08:00:00Z'

/**
 * As the Java consumer writes it, with the duration of KIP-1106; as librdkafka writes it; or the
 * time of the first record.
 */
export function offsetReset (spec: RowText<OffsetReset>): Row<OffsetReset> {
  return row<OffsetReset>(spec, { range: resetRange, parse: parseReset, show: showReset })
}

/** `PATTERN@POSITION`, separated by commas. */
export function topicStarts (
  spec: RowText<readonly TopicStart[]>
): Row<readonly TopicStart[]> {
  return row<readonly TopicStart[]>(spec, {
    range: `comma-separated REGEX@POSITION, a position being one of ${resetRange}`,
    parse: written => {
      const starts = splitList(written).map(parseTopicStart)
      return starts.every(start => start !== undefined) ? starts : undefined
    },
    show: starts => starts.map(({ expression, reset }) => `${expression}@${showReset(reset)}`)
      .join(', ')
  })
}

/** The first expression that matches a topic decides, or else `otherwise`. */
export function compileTopicStarts (
  starts: readonly TopicStart[], otherwise: OffsetReset
): ParsedTopicStarts {
  const compiled = starts.map(({ expression, reset }) =>
    ({ reset, regex: wholeNameRegex(expression) }))
  const problems = compiled.flatMap(({ regex }) => 'reason' in regex ? [regex] : [])
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    starts: {
      of: topic => compiled.find(({ regex }) =>
        !('reason' in regex) && regex.test(topic))?.reset ?? otherwise,
      isRelative: [otherwise, ...starts.map(({ reset }) => reset)].some(isRelative)
    }
  }
}

/** Whether the start of a partition depends on when Longhaul looks it up. */
export function isRelative (reset: OffsetReset): boolean {
  return reset !== 'earliest' && reset !== 'none'
}

function parseTopicStart (written: string): TopicStart | undefined {
  const at = written.lastIndexOf('@')
  const reset = at <= 0 ? undefined : parseReset(written.slice(at + 1).trim())
  return reset === undefined ? undefined : { expression: written.slice(0, at).trim(), reset }
}

function parseReset (written: string): OffsetReset | undefined {
  const [word = '', duration] = written.split(/:(.*)/s)
  if (word.toLowerCase() === 'by_duration') {
    const byDurationMs = duration === undefined ? undefined : parseIsoDuration(duration)
    return byDurationMs === undefined ? undefined : { byDurationMs }
  }
  // With its zone: the processes of a flow may run in different zones.
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/i.test(written)) {
    const atMs = Date.parse(written)
    return Number.isNaN(atMs) ? undefined : { atMs }
  }
  const named = written.toLowerCase()
  return Object.hasOwn(resetWords, named) ? resetWords[named] : undefined
}

function showReset (reset: OffsetReset): string {
  if (typeof reset === 'string') return reset
  return 'atMs' in reset
    ? new Date(reset.atMs).toISOString()
    : `by_duration:PT${reset.byDurationMs / 1000}S`
}

/** Milliseconds of `P3DT4H5M6.5S`: the syntax of Java's Duration, without a sign. */
function parseIsoDuration (written: string): number | undefined {
  const parts = /^P(?:(\d+)D)?(T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d{1,9})?)S)?)?$/i
    .exec(written.trim())
  if (parts === null) return undefined
  const [, days, time, hours, minutes, seconds] = parts
  const isEmpty = [days, hours, minutes, seconds].every(part => part === undefined)
  if (isEmpty || time?.toUpperCase() === 'T') return undefined
  const inMs: ReadonlyArray<readonly [string | undefined, number]> =
    [[days, 86_400_000], [hours, 3_600_000], [minutes, 60_000], [seconds, 1000]]
  const ms = inMs.reduce((sum, [count = '0', unit]) =>
    sum + Number(count.replace(',', '.')) * unit, 0)
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined
}
