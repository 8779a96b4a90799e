// The kinds of rows in the config table: how each value is written, checked and shown. A kind
// parses a text or refuses it; it never guesses.
import type { forwarderSettings } from '../../dataplane/contract/contract-table.ts'

export const redacted = '[redacted]'

export type ForwarderSetting = keyof typeof forwarderSettings
export type Importance = 'high' | 'medium' | 'low'

/**
 * The Java client that a property belongs to where MirrorMaker 2 writes it with a role prefix.
 * `group`: the consumers of the target, which share the slots of the flow. `worker`: MirrorMaker
 * 2's Connect worker at the target, which serves all flows. `cluster worker`: the same, where
 * MirrorMaker 2 reads `B.NAME` alone.
 */
export type SettingRole =
  | 'consumer' | 'producer' | 'either' | 'group' | 'worker' | 'cluster worker'

export function isOfWorker (role: SettingRole | undefined): boolean {
  return role === 'worker' || role === 'cluster worker'
}

export interface RowText<Value> {
  readonly doc: string
  readonly importance: Importance
  readonly default: Value
  /** The first version of Longhaul with the setting. */
  readonly since?: string
  readonly secret?: boolean
  /**
   * Whether a value above the range is lowered with a warning: MirrorMaker 2 accepts larger values.
   */
  readonly isLowered?: true
  /** `A.consumer.NAME` or `B.producer.NAME` also sets it. */
  readonly role?: SettingRole
  /** Other names of the setting: former names of MirrorMaker 2, names of librdkafka. */
  readonly alias?: readonly string[]
  /** The setting of the Forwarder that holds the value. */
  readonly forwarder?: ForwarderSetting
  /** The command-line flag, in commander's syntax. */
  readonly flag?: string
}

export interface Row<Value> extends RowText<Value> {
  readonly since: string
  /** The allowed values, for a person. */
  readonly range: string
  parse (text: string): Value | undefined
  /** The largest allowed value, if the text is a larger one. */
  largest (text: string): Value | undefined
  /** What the user should know about an allowed value. */
  remark (text: string): string | undefined
  /** What the user can do about a value that is not allowed, besides choosing an allowed one. */
  readonly wayOut: string | undefined
  show (value: Value): string
  /** The number that the Forwarder receives. */
  toNumber (value: Value): number
}

interface Kind<Value> {
  readonly range: string
  parse (text: string): Value | undefined
  largest? (text: string): Value | undefined
  remark? (text: string): string | undefined
  readonly wayOut?: string
  show? (value: Value): string
  toNumber? (value: Value): number
}

export function row<Value> (text: RowText<Value>, kind: Kind<Value>): Row<Value> {
  return {
    since: '0.1.0',
    ...text,
    range: kind.range,
    parse: written => kind.parse(written.trim()),
    largest: written => kind.largest?.(written.trim()),
    remark: written => kind.remark?.(written.trim()),
    wayOut: kind.wayOut,
    show: kind.show ?? String,
    toNumber: kind.toNumber ?? Number
  }
}

interface Limits { readonly min: number, readonly max: number }

export function integer (spec: RowText<number> & Limits): Row<number> {
  const { min, max, ...text } = spec
  return row(text, {
    range: `${min} to ${max}`,
    parse: written => within(parseInteger(written), spec),
    largest: written => below(parseInteger(written), spec)
  })
}

/** The replication factor of a topic; -1 is the default of the brokers. */
export function replicationFactor (spec: RowText<number>): Row<number> {
  return row(spec, {
    range: '-1, or 1 to 32767',
    parse: written => {
      const factor = within(parseInteger(written), { min: -1, max: 32_767 })
      return factor === 0 ? undefined : factor
    }
  })
}

/** A number of bytes, plain or with a unit: `65536`, `64KiB`, `1MB`. */
export function bytes (spec: RowText<number> & Limits): Row<number> {
  const { min, max, ...text } = spec
  return row(text, {
    range: `${showBytes(min)} to ${showBytes(max)}`,
    parse: written => within(parseBytes(written), spec),
    largest: written => below(parseBytes(written), spec),
    show: showBytes
  })
}

/** A time in milliseconds, plain or with a unit: `5000`, `5s`. */
export function milliseconds (spec: RowText<number> & Limits): Row<number> {
  const { min, max, ...text } = spec
  return row(text, {
    range: `${showDuration(min)} to ${showDuration(max)}`,
    parse: written => within(parseDuration(written, 'ms'), spec),
    largest: written => below(parseDuration(written, 'ms'), spec),
    show: showDuration
  })
}

/**
 * A time whose plain number means seconds, like MirrorMaker 2's `*.interval.seconds`; value in s.
 */
export function seconds (spec: RowText<number> & Limits): Row<number> {
  const { min, max, ...text } = spec
  const secondsOf = (written: string) => {
    const ms = parseDuration(written, 's')
    return ms === undefined ? undefined : ms / 1000
  }
  return row({ ...text, isLowered: true }, {
    range: `${min} to ${max} (seconds)`,
    parse: written => within(secondsOf(written), spec),
    largest: written => below(secondsOf(written), spec)
  })
}

/** An interval in seconds; a negative one switches its duty off, as in MirrorMaker 2. */
export function interval (spec: RowText<number>): Row<number> {
  const secondsOfYear = 366 * 86_400
  const kind = seconds({ ...spec, min: -secondsOfYear, max: secondsOfYear })
  return {
    ...kind,
    range: `1 to ${secondsOfYear} (seconds); a negative one switches off`
  }
}

const truth: ReadonlyMap<string, boolean> = new Map([['true', true], ['false', false]])

export function flag (spec: RowText<boolean>): Row<boolean> {
  return row(spec, {
    range: 'true or false',
    parse: written => truth.get(written.toLowerCase())
  })
}

/** Like Java's parseBoolean: any text other than `true` is false, also `true # a comment`. */
export function javaFlag (spec: RowText<boolean>): Row<boolean> {
  return row(spec, {
    range: 'true or false',
    parse: written => written.toLowerCase() === 'true',
    remark: written => truth.has(written.toLowerCase())
      ? undefined
      : 'it is not true or false, and means false, as with MirrorMaker 2'
  })
}

/** One of several words, in any case. The Forwarder receives the index of the word in the list. */
export function choice<const Value extends string> (
  spec: RowText<Value> & { readonly of: readonly Value[] }
): Row<Value> {
  const { of, ...text } = spec
  return row<Value>(text, {
    range: of.join(', '),
    parse: written => of.find(value => value.toLowerCase() === written.toLowerCase()),
    toNumber: value => of.indexOf(value)
  })
}

/** The value that replaces a Java class, and a remark for its user. */
export interface KnownClass<Value> {
  readonly means: Value
  readonly remark?: string
}

/**
 * A Java class that Longhaul replaces by its own code; MirrorMaker 2's classes by their short
 * names.
 */
export function javaClass<const Value extends string> (
  spec: RowText<Value> & {
    readonly of: readonly Value[]
    readonly known?: Readonly<Record<string, KnownClass<Value>>>
    readonly wayOut: string
  }
): Row<Value> {
  const { of, known = {}, wayOut, ...text } = spec
  const classOf = (written: string): KnownClass<Value> | undefined => {
    const short = written.replace(/^org\.apache\.kafka\.connect\.mirror\./, '')
    const means = of.find(value => value === short)
    if (means !== undefined) return { means }
    return Object.hasOwn(known, written) ? known[written] : undefined
  }
  return row<Value>(text, {
    range: of.join(', '),
    parse: written => classOf(written)?.means,
    remark: written => classOf(written)?.remark,
    wayOut
  })
}

export function string (
  spec: RowText<string> & { readonly range: string, readonly pattern?: RegExp }
): Row<string> {
  const { range, pattern, ...text } = spec
  return row(text, {
    range,
    parse: written => pattern === undefined || pattern.test(written) ? written : undefined
  })
}

/** A text that no message, log line or command shows. */
export function secret (
  spec: RowText<string> & { readonly range: string, readonly pattern: RegExp }
): Row<string> {
  const { range, pattern, ...text } = spec
  return row({ ...text, secret: true }, {
    range,
    parse: written => pattern.test(written) ? written : undefined,
    show: value => value === '' ? '' : redacted
  })
}

/** Comma-separated; white space around an item and empty items are ignored. */
/** `pattern`: of each item. */
export function list (
  spec: RowText<readonly string[]> & { readonly range: string, readonly pattern?: RegExp }
): Row<readonly string[]> {
  const { pattern = /./, range, ...text } = spec
  return row(text, {
    range,
    parse: written => {
      const items = splitList(written)
      return items.every(item => pattern.test(item)) ? items : undefined
    },
    show: items => items.join(', ')
  })
}

export function splitList (written: string): readonly string[] {
  return written.split(',').map(item => item.trim()).filter(item => item !== '')
}

/** Kafka's codecs in the order of their numbers, as compression.type names them. */
const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type CodecName = (typeof codecNames)[number]

/**
 * Codecs in order of preference. The Forwarder receives four bits for each, the first one lowest.
 */
export function codecList (spec: RowText<readonly CodecName[]>): Row<readonly CodecName[]> {
  return row(spec, {
    range: `${codecNames.join(', ')}, each once and the preferred one first`,
    parse: written => {
      const items = splitList(written.toLowerCase())
      const codecs = items.flatMap(item => codecNames.find(name => name === item) ?? [])
      return codecs.length === new Set(items).size && codecs.length === items.length
        ? codecs
        : undefined
    },
    show: codecs => codecs.join(', '),
    toNumber: codecs => codecs.reduceRight(
      (number, codec) => number * 16 + codecNames.indexOf(codec) + 1, 0)
  })
}

const byteUnits: Readonly<Record<string, number>> = {
  b: 1, kb: 1000, mb: 1000 ** 2, gb: 1000 ** 3, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3
}

const millisecondsOf: Readonly<Record<string, number>> = {
  ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000
}

export function parseBytes (written: string): number | undefined {
  return parseWithUnit(written, byteUnits, 'b')
}

/** Milliseconds; a number without a unit has the unit of the property's name. */
export function parseDuration (written: string, unit: 'ms' | 's'): number | undefined {
  return parseWithUnit(written, millisecondsOf, unit)
}

function parseWithUnit (
  written: string, units: Readonly<Record<string, number>>, plainUnit: string
): number | undefined {
  const [, sign = '', number = '', unit] =
    /^([+-]?)(\d+(?:\.\d+)?)(?:\s*([a-z]+))?$/i.exec(written) ?? []
  const name = (unit ?? plainUnit).toLowerCase()
  if (number === '' || !Object.hasOwn(units, name)) return undefined
  // A plain number is an integer; a number with a unit must result in one: half a byte is an error.
  if (unit === undefined && number.includes('.')) return undefined
  const value = Number(sign + number) * (units[name] as number)
  const whole = Math.round(value)
  return Math.abs(value - whole) < 1e-6 && Number.isSafeInteger(whole) ? whole + 0 : undefined
}

export function showBytes (value: number): string {
  return showWithUnit(value, [['GiB', 1024 ** 3], ['MiB', 1024 ** 2], ['KiB', 1024]], '')
}

export function showDuration (value: number): string {
  return showWithUnit(value, [['h', 3_600_000], ['m', 60_000], ['s', 1000]], 'ms')
}

function showWithUnit (
  value: number, units: ReadonlyArray<readonly [string, number]>, smallest: string
): string {
  const fit = units.find(([, size]) => Math.abs(value) >= size && value % size === 0)
  return fit === undefined ? `${value}${smallest}` : `${value / fit[1]}${fit[0]}`
}

function parseInteger (written: string): number | undefined {
  return /^[+-]?\d+$/.test(written) ? Number(written) : undefined
}

function below (value: number | undefined, { max }: Limits): number | undefined {
  return value !== undefined && value > max ? max : undefined
}

function within (value: number | undefined, { min, max }: Limits): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}
