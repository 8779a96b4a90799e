// What a command may do with its surroundings, handed in by main: so that commands can be run by
// tests, and nothing below reads the process's globals.
import type { Clock } from '../time/clock.ts'

export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write (text: string): unknown
}

export interface Terminal {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Aborted by the first SIGTERM or SIGINT, or when the parent of an `npm run` is gone. */
  readonly stopped: AbortSignal
}
