// Exit codes. Scripts depend on them, so no code ever changes its meaning. docs/operations.md lists
// them.
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'

export const exitCodes = {
  ok: 0,
  /** An error occurred while the command ran; the log names it. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** A cluster is unreachable or refuses the login; no flow could be started: port taken. */
  notStarted: 3,
  /** `status`: no process runs a flow of the file. `doctor`: it found a problem. */
  unhealthy: 10,
  /** `plan`: a start would change a cluster. */
  changes: 11
} as const

export type ExitCode = number

/** Of a command that ended with these errors. An unreachable cluster has one code everywhere. */
export function failureExit (...errors: readonly unknown[]): ExitCode {
  return errors.some(isOfCluster) ? exitCodes.notStarted : exitCodes.failed
}

const clusterErrors: ReadonlySet<string> = new Set<ErrorName>([
  'CLUSTER_UNREACHABLE', 'CLUSTER_LOGIN_REFUSED'
])

function isOfCluster (error: unknown): boolean {
  return error instanceof ReplicatorError &&
    (clusterErrors.has(error.errorName) || isOfCluster(error.cause))
}

/** A second signal ends the process as if the signal had killed it (POSIX: 128 + its number). */
export const signalExitCodes = { SIGINT: 130, SIGTERM: 143 } as const
