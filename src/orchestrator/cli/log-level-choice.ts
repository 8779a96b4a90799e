// The log level of the process: that of an operator's order, else that of the file.
import type { LogLevel } from '../observability/log-levels.ts'
import type { ProcessLog } from '../observability/log.ts'

export class LogLevelChoice {
  readonly #log: Pick<ProcessLog, 'setLevel'>
  #ofFile: LogLevel
  #ordered: LogLevel | undefined

  constructor (ofFile: LogLevel, log: Pick<ProcessLog, 'setLevel'>) {
    this.#ofFile = ofFile
    this.#log = log
  }

  setFile (level: LogLevel): void {
    this.#ofFile = level
    this.#apply()
  }

  /** Undefined: the level of the file counts again. */
  order (level: LogLevel | undefined): void {
    this.#ordered = level
    this.#apply()
  }

  #apply (): void { this.#log.setLevel(this.#ordered ?? this.#ofFile) }
}
