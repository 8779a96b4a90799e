// The problems of a configuration. Problems are values: they are collected and shown together, so
// that the user can correct a file in one round.
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'

/** Collects problems while a configuration is read. Equal warnings are kept once. */
export class Findings {
  readonly problems: ReplicatorError[] = []
  readonly #warnings = new Map<string, string>()
  readonly #isStrict: boolean
  /**
   * Properties whose value could not be filled in: further problems would only follow from that.
   */
  readonly #unfilled = new Set<string>()

  /** `isStrict` (--strict): a property without effect is refused. */
  constructor (isStrict = false) {
    this.#isStrict = isStrict
  }

  get warnings (): readonly string[] { return [...this.#warnings.values()] }

  /** A reference to another place, such as `${env:NAME}`, has no value. */
  refuseUnfilled (detail: string, setting: string): void {
    this.#unfilled.delete(setting) // two references of one value are two problems
    this.refuse('CONFIG_INVALID', detail, setting)
    this.#unfilled.add(setting)
  }

  refuse (error: ErrorName, detail: string, setting?: string): void {
    if (setting !== undefined && this.#unfilled.has(setting)) return
    if (this.problems.some(known => known.detail === detail)) return
    this.problems.push(
      new ReplicatorError(error, detail, setting === undefined ? {} : { setting }))
  }

  /**
   * A property has no effect, which is a warning unless the reading is strict. `once` as in warn.
   */
  ignore (once: string, text: string, setting: string): void {
    if (this.#isStrict) this.refuse('CONFIG_NO_EFFECT', text, setting)
    else this.warn(once, text)
  }

  /** `once` identifies the subject of the warning: a second warning about it is dropped. */
  warn (once: string, text: string): void {
    if (!this.#warnings.has(once)) this.#warnings.set(once, text)
  }
}
