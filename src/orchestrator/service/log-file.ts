// The file that --log-file names. A rotation needs no signal: before a line is written, at most
// once a second, the file looks whether its path still leads to it, and is opened again if not.
// With copytruncate the file stays the same, and lines are appended to what is left.
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs'
import type { LogOutput } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'

const checkMs = 1_000

/** The number of bytes that were written: fewer than all when the disk is full with them. */
type WriteSync = (file: number, bytes: Buffer) => number

export class LogFile implements LogOutput {
  readonly #path: string
  readonly #clock: Pick<Clock, 'now'>
  #file: number
  #checkedAt: number
  /** Lines that were not written since the last one that was: the disk was full. */
  #unwritten = 0
  #reason = ''
  /** The file ends within a line. */
  #isCut = false
  readonly #writeSync: WriteSync

  /** Throws the error of the system if the file cannot be opened. */
  constructor (path: string, clock: Pick<Clock, 'now'>, write: WriteSync = writeSync) {
    this.#path = path
    this.#clock = clock
    this.#writeSync = write
    this.#file = open(path)
    this.#checkedAt = clock.now()
  }

  write (line: string): void {
    this.#followPath()
    try {
      if (this.#unwritten > 0) {
        this.#append(`${this.#unwritten} log lines were not written before this line: ` +
          `${this.#reason}\n`)
        this.#unwritten = 0
      }
      this.#append(line)
    } catch (thrown) {
      // Mirroring continues without a log; the next line that can be written tells the number.
      this.#unwritten++
      this.#reason = String(thrown)
    }
  }

  close (): void { closeSync(this.#file) }

  /** The last bytes of a disk take a part of a line, without an error. */
  #append (line: string): void {
    const bytes = Buffer.from(this.#isCut ? `\n${line}` : line)
    const written = this.#writeSync(this.#file, bytes)
    if (written > 0) this.#isCut = written < bytes.length
    if (written < bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes fitted`)
  }

  #followPath (): void {
    const now = this.#clock.now()
    // A clock that was set back must not end the checks.
    if (Math.abs(now - this.#checkedAt) < checkMs) return
    this.#checkedAt = now
    try {
      const { dev, ino } = fstatSync(this.#file)
      const named = statSync(this.#path, { throwIfNoEntry: false })
      if (named?.ino === ino && named.dev === dev) return
      const file = open(this.#path)
      closeSync(this.#file)
      this.#file = file
      this.#isCut = false
    } catch {
      // The folder is missing or refuses the file: lines go to the old file until it does not.
    }
  }
}

function open (path: string): number { return openSync(path, 'a', 0o640) }
