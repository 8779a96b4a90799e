// The streams, environment, clock and stop signal that main passes to a command. Tests pass others,
// and no command reads the globals of the process.
import type { Clock } from '../time/clock.ts'

export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write (text: string): unknown
}

/** By no-color.org: NO_COLOR counts if it is set to anything but the empty string. */
export function hasColor ({ environment }: Pick<Terminal, 'environment'>): boolean {
  return (environment['NO_COLOR'] ?? '') === ''
}

export interface Terminal {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Aborted by the first SIGTERM or SIGINT, or when the parent of an `npm run` ends. */
  readonly stopped: AbortSignal
  /** Sets the function that each SIGHUP calls; the next call replaces it. */
  onHangUp (listener: () => void): void
  /** The command of this process, to start it again: node, its options, program and arguments. */
  readonly command?: readonly string[]
  /** Tells the process that started this one in the background that the flows have started. */
  onStarted? (): void
  /** Calls the listener for each key, and returns how to end that; absent: there are no keys. */
  onKey? (listener: (key: string) => void): () => void
}
