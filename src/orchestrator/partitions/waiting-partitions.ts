// Groups the waiting partitions by cause: thousands may wait for one broker.
import type { Side } from '../config/property-path.ts'
import type { WaitingGroup } from '../observability/flow-problems.ts'
import { shownOf } from './shown-state.ts'
import { isStaleLeader } from './partition-state.ts'
import type { FlowPartition } from './partition-table.ts'
import type { ErrorName } from '../errors/error-table.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'

/** All brokers learn of a new leader within this time: shorter waits are not logged. */
const graceMs = 10_000
/**
 * If thousands of topics are created at once, a busy broker knows the last of them after tens of
 * seconds: of 2,000 after 75 s on a machine with a load of 14 a core. Readiness and metrics show
 * the wait meanwhile.
 */
const graceOfNewMs = 120_000
const newTopicErrors: ReadonlySet<string> = new Set<ErrorName>([
  'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE'
])

export function waitingGroups (
  partitions: Iterable<FlowPartition>, nowMs: number
): readonly WaitingGroup[] {
  const groups = new Map<string, WaitingGroup & { partitions: number }>()
  for (const partition of partitions) {
    const error = waitingFor(partition, nowMs)
    if (error === undefined) continue
    const side = sideOf(error)
    const key = `${error.errorName} ${side ?? ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { error, side, partitions: 1 })
    else group.partitions++
  }
  return [...groups.values()]
}

/** Lanes name the cluster first: "target east.orders-0 refused", "source broker 1 is not". */
export function sideOf ({ detail }: Pick<ReplicatorError, 'detail'>): Side | undefined {
  return /^(source|target) /.exec(detail)?.[1] as Side | undefined
}

/** The state as metrics and readiness show it: a faulted partition does not count as waiting. */
function waitingFor (partition: FlowPartition, nowMs: number): ReplicatorError | undefined {
  // The common case: nearly all of thousands of partitions.
  if (partition.trouble === undefined && partition.report.state !== 'waiting') return undefined
  const { error, state } = shownOf(partition, false)
  if (state !== 'waiting' || error === undefined) return undefined
  // A broker that has just returned learns of leaders within seconds, however long the outage was.
  const reportMs = isStaleLeader(error) ? partition.leaderSinceMs : partition.reportSinceMs
  const sinceMs = partition.trouble?.sinceMs ?? reportMs
  const isNew = partition.progress === undefined && newTopicErrors.has(error.errorName)
  return nowMs - sinceMs >= (isNew ? graceOfNewMs : graceMs) ? error : undefined
}
