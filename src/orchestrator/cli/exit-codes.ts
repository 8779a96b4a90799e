// Exit codes: for scripts, so they never change meaning. README.md lists them.

export const exitCodes = {
  ok: 0,
  /** Something went wrong while running; the log says what. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** No flow could be started: clusters unreachable, login refused, port taken. */
  notStarted: 3
} as const

export type ExitCode = number

/** A second signal ends the process as if the signal had killed it (POSIX: 128 + its number). */
export const signalExitCodes = { SIGINT: 130, SIGTERM: 143 } as const
