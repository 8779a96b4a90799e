// Exit codes. Scripts depend on them, so no code ever changes its meaning. docs/operations.md lists
// them.

export const exitCodes = {
  ok: 0,
  /** An error occurred while the command ran; the log names it. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** No flow could be started: clusters unreachable, login refused, port taken. */
  notStarted: 3,
  /** `status`: no process runs a flow of the file. `doctor`: it found a problem. */
  unhealthy: 10,
  /** `plan`: a start would change a cluster. */
  changes: 11
} as const

export type ExitCode = number

/** A second signal ends the process as if the signal had killed it (POSIX: 128 + its number). */
export const signalExitCodes = { SIGINT: 130, SIGTERM: 143 } as const
