// How many processes mirror a flow now, as `longhaul status` shows it. The number is unknown if the
// consumer group of the flow cannot be described: 0 would look like an outage.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { groupOf, groupSize } from '../cluster/flow-group.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'

/** The number, or why it is unknown. */
export type ProcessCount = number | ReplicatorError

/** Never rejects. */
export async function countProcesses (
  target: Pick<ClusterAdmin, 'describeGroups'>, flow: string
): Promise<ProcessCount> {
  return await groupSize(target, groupOf(flow)).catch((thrown: unknown) =>
    ReplicatorError.from(thrown))
}

/** One line, and a second one with the reason if the number is unknown. */
export function processLines (flow: string, count: ProcessCount): readonly string[] {
  const line = (processes: string): string => `${flow}: ${processes} in ${groupOf(flow)}`
  if (typeof count !== 'number') {
    return [line('an unknown number of processes'), `  ${count.message}`]
  }
  return [line(count === 1 ? '1 process' : `${count} processes`)]
}

export function processJson (count: ProcessCount): object {
  return typeof count === 'number'
    ? { processes: count, processesUnknown: null }
    : { processes: null, processesUnknown: count.message }
}

/** Of all flows of the file. */
export function processExit (counts: readonly ProcessCount[]): ExitCode {
  if (counts.includes(0)) return exitCodes.unhealthy
  return counts.every(count => typeof count === 'number') ? exitCodes.ok : exitCodes.failed
}
