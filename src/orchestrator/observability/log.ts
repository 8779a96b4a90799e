// Structured logs: an interface in front of pino, so that no other file imports pino. Lines are
// written to a given output (stderr in main) at the time of the call: pino's worker transports are
// not used, because the process holds native modules that must not load in such workers.
import { pino, stdSerializers, type Logger } from 'pino'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { logLevels, type LogLevel } from './log-levels.ts'
import { formatPrettyLine } from './pretty-log.ts'
import { redactFields } from './redact.ts'

/** Flat names and plain values; an Error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  error (fields: LogFields, text: string): void
  warn (fields: LogFields, text: string): void
  info (fields: LogFields, text: string): void
  debug (fields: LogFields, text: string): void
  /** A log whose lines all carry these fields. */
  child (fields: LogFields): Log
}

export interface ProcessLog extends Log {
  /** Sets the level of this log and its children. */
  setLevel (level: LogLevel): void
}

export interface LogOutput {
  /** One line, line feed included. */
  write (line: string): void
}

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  readonly output: LogOutput
  readonly clock: Clock
  /** Only for 'pretty', and only if the output is a terminal without NO_COLOR. */
  readonly color?: boolean
}

export function createLog (options: LogOptions): ProcessLog {
  const { clock, format, level, output } = options
  const color = options.color ?? false
  const lines = format === 'json'
    ? output
    : { write: (line: string) => { output.write(formatPrettyLine(line, color)) } }
  const logger = pino({
    level: 'trace', // children would keep a level of their own
    // The collector of the log lines knows host name and process id.
    base: null,
    messageKey: 'text',
    timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError }
  }, lines)
  return new PinoLog(logger, { level })
}

/** For tests and for library use: drops every line. */
export const silentLog: Log = {
  error () {},
  warn () {},
  info () {},
  debug () {},
  child () { return silentLog }
}

/** Operating errors without a stack; program errors, which nobody expected, with a stack. */
function serializeError (err: unknown): unknown {
  if (!(err instanceof Error)) return err
  if (!(err instanceof ReplicatorError) || err.errorName === 'INTERNAL') {
    return stdSerializers.err(err)
  }
  const { code, detail, errorName, message, setting } = err
  return { type: err.name, message, code, error: errorName, detail, setting }
}

/** Most texts end in the message of their error, which contains its detail: neither is repeated. */
function lineFields (fields: LogFields, text: string): Record<string, unknown> {
  const { err } = fields
  const redacted = redactFields(fields)
  if (!(err instanceof ReplicatorError) || err.errorName === 'INTERNAL' ||
    !text.includes(err.message)) return redacted
  const { code, errorName, setting } = err
  return { ...redacted, err: { type: err.name, code, error: errorName, setting } }
}

class PinoLog implements ProcessLog {
  readonly #logger: Logger
  /** The level of a log and all its children. */
  readonly #threshold: { level: LogLevel }

  constructor (logger: Logger, threshold: { level: LogLevel }) {
    this.#logger = logger
    this.#threshold = threshold
  }

  setLevel (level: LogLevel): void { this.#threshold.level = level }

  error (fields: LogFields, text: string): void {
    if (this.#isWritten('error')) this.#logger.error(lineFields(fields, text), text)
  }

  warn (fields: LogFields, text: string): void {
    if (this.#isWritten('warn')) this.#logger.warn(lineFields(fields, text), text)
  }

  info (fields: LogFields, text: string): void {
    if (this.#isWritten('info')) this.#logger.info(lineFields(fields, text), text)
  }

  debug (fields: LogFields, text: string): void {
    if (this.#isWritten('debug')) this.#logger.debug(lineFields(fields, text), text)
  }

  child (fields: LogFields): Log {
    return new PinoLog(this.#logger.child(redactFields(fields)), this.#threshold)
  }

  #isWritten (level: LogLevel): boolean {
    return logLevels.indexOf(level) >= logLevels.indexOf(this.#threshold.level)
  }
}
