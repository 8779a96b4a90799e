// The one error class. It carries a row of the error table; code that catches it reads the row.
import type { ErrorScope } from './error-row.ts'
import { errorByCode, errorByName, type ErrorName, type NamedErrorRow } from './error-table.ts'

export interface ReplicatorErrorOptions {
  readonly cause?: unknown
  /** The configuration property that causes the error or that solves it. */
  readonly setting?: string
  /** What the operator should do in this case, if that is more exact than the row's action. */
  readonly action?: string
  /** Alias of the cluster that caused it; by default that of the cause. */
  readonly cluster?: string
}

/** An error of the data plane: a code, and what happened (names and numbers, no advice). */
export interface NativeFailure {
  readonly code: number
  readonly detail: string
}

export class ReplicatorError extends Error {
  override readonly name = 'ReplicatorError'
  readonly row: NamedErrorRow
  readonly detail: string
  readonly setting: string | undefined
  readonly cluster: string | undefined

  constructor (
    of: ErrorName | NamedErrorRow, detail: string, options: ReplicatorErrorOptions = {}
  ) {
    const named = typeof of === 'string' ? errorByName(of) : of
    const row = options.action === undefined ? named : { ...named, action: options.action }
    super(errorMessage(row, detail), 'cause' in options ? { cause: options.cause } : undefined)
    this.row = row
    this.detail = detail
    this.setting = options.setting
    this.cluster = options.cluster ??
      (options.cause instanceof ReplicatorError ? options.cause.cluster : undefined)
  }

  get code (): number { return this.row.code }
  get errorName (): string { return this.row.name }
  get retriable (): boolean { return this.row.retriable }
  get scope (): ErrorScope { return this.row.scope }
  get action (): string { return this.row.action }

  /**
   * A login or a certificate that is refused now may be accepted later, once the broker knows the
   * password or trusts the authority.
   */
  get isLoginRefused (): boolean { return loginErrors.has(this.row.name) }

  static fromNative (failure: NativeFailure, options?: ReplicatorErrorOptions): ReplicatorError {
    return new ReplicatorError(errorByCode(failure.code), failure.detail, options)
  }

  /** Any thrown value as a ReplicatorError; any other class means an error in the program. */
  static from (thrown: unknown): ReplicatorError {
    if (thrown instanceof ReplicatorError) return thrown
    const detail = thrown instanceof Error ? thrown.message : String(thrown)
    return new ReplicatorError('INTERNAL', detail, { cause: thrown })
  }
}

const loginErrors: ReadonlySet<string> = new Set<ErrorName>([
  'CLUSTER_LOGIN_REFUSED', '_AUTHENTICATION', 'SASL_AUTHENTICATION_FAILED', '_SSL'
])

/** `text: detail. Action. (NAME)`: one line that is complete in a log or on a terminal. */
function errorMessage (row: NamedErrorRow, detail: string): string {
  const seen = detail === '' ? row.text : `${row.text}: ${detail}`
  const sentence = /[.?!]$/.test(seen) ? seen : `${seen}.`
  return `${capitalised(sentence)} ${row.action}. (${row.name})`
}

function capitalised (text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
