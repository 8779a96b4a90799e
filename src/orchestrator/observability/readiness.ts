// Whether records flow, and if not, why not: derived from the totals of the flows. Pure. /readyz,
// longhaul_flow_not_ready and the log show the same reasons.
import type { FlowTotals } from './flow-ledger.ts'
import { plural } from './format.ts'
import type { ClusterHealth, PartitionSnapshot, SlotHealth } from './snapshot.ts'

export const notReadyReasons = [
  'state', 'cluster', 'slots', 'faulted', 'stalled', 'progress'
] as const
export type NotReadyReason = (typeof notReadyReasons)[number]

export interface NotReady {
  readonly reason: NotReadyReason
  /** A sentence that names the flow. */
  readonly text: string
}

/** Batches on a long link, even with retries, are acknowledged within this time. */
const stallMs = 10_000
/** A group needs this long to hand over slots between processes. */
const slotsMs = 10_000
/** A new leader of a progress partition is found within this time. */
const unwrittenMs = 60_000

export function notReady (flow: FlowTotals, nowMs: number): readonly NotReady[] {
  const name = `${flow.source}->${flow.target}`
  if (flow.state !== 'running') {
    const why = flow.reason === undefined ? '' : `: ${flow.reason}`
    return [{ reason: 'state', text: `${name} is ${flow.state}${why}` }]
  }
  return [
    ...clusterTroubles(flow, nowMs).map(text => ({ reason: 'cluster' as const, text })),
    ...slotTroubles(flow, nowMs).map(text => ({ reason: 'slots' as const, text })),
    ...faults(flow, nowMs).map(text => ({ reason: 'faulted' as const, text })),
    ...stalls(flow, nowMs).map(text => ({ reason: 'stalled' as const, text })),
    ...unwrittenProgress(flow, nowMs).map(text => ({ reason: 'progress' as const, text }))
  ].map(({ reason, text }) => ({ reason, text: `${name}: ${text}` }))
}

/**
 * What an operator must know although records may flow. No reason to be not ready: during a rolling
 * restart with other settings the new process would never be ready, and the restart never continue.
 */
export function readinessWarnings (
  { differingMembers = [], source, target }: FlowTotals
): readonly string[] {
  return differingMembers.map(({ message }) => `${source}->${target}: ${message}`)
}

function clusterTroubles (
  { clusters, loginRefusals, source, target }: FlowTotals, nowMs: number
): string[] {
  if (clusters === undefined) return [...loginRefusals]
  const troubles: ReadonlyArray<readonly [string, ClusterHealth]> =
    [[source, clusters.source], [target, clusters.target]]
  return [...loginRefusals, ...troubles.flatMap(([alias, { answeredMs, error }]) =>
    error === undefined
      ? []
      : [`${alias} has not answered for ${seconds(nowMs - answeredMs)}: ${error.message}`])]
}

/** A process without slots stands by for another process, and counts as ready. */
function slotTroubles ({ slots }: FlowTotals, nowMs: number): string[] {
  if (slots === undefined || nowMs - slots.sinceMs < slotsMs) return []
  const { owned, reason, sinceMs, total, waiting } = slots
  const why = reason === undefined ? '' : `: ${reason.message}`
  if (isUnowned(slots)) {
    const shares = `${owned} of ${total} slots`
    return [`this process owns ${shares}, and nobody is known to own the others, ` +
      `for ${seconds(nowMs - sinceMs)}${why}`]
  }
  return waiting === 0 ? [] : [`${plural(waiting, 'slot')} of ${total} cannot be acquired${why}`]
}

function isUnowned ({ owned, total, unownedByAnybody }: SlotHealth): boolean {
  return unownedByAnybody ?? (owned < total && owned === 0)
}

function faults (flow: FlowTotals, nowMs: number): string[] {
  const { faulted, faultedPartitionsMax: max, topicProblems } = flow
  if (max < 0 || faulted.count + topicProblems.length <= max) return []
  const partitions = faulted.example === undefined
    ? []
    : [`${faulted.count} of ${plural(faulted.total, 'partition')} ` +
      `${faulted.count === 1 ? 'is' : 'are'} faulted, for example ` +
      describeFault(faulted.example, nowMs)]
  const [problem] = topicProblems
  const topics = problem === undefined
    ? []
    : [`${plural(topicProblems.length, 'topic')} cannot be mirrored, for example ` +
      `${problem.topic}: ${problem.reason}`]
  return [...partitions, ...topics]
}

function describeFault (
  { partition, reason, sinceMs, topic }: PartitionSnapshot, nowMs: number
): string {
  const since = sinceMs === undefined ? '' : ` for ${seconds(nowMs - sinceMs)}`
  return `${topic}-${partition}${since}: ${reason}`
}

function stalls ({ stall, throttle }: FlowTotals, nowMs: number): string[] {
  // A batch that is larger than the limit of some seconds is no stall, and partitions with a
  // backlog share the limit in turns. A partition that waits for something else has a reason.
  const isHeld = throttle?.isWaiting === true
  const { fetchableRecords, flowSinceMs, partitions } = stall
  if (!isHeld && flowSinceMs !== undefined && nowMs - flowSinceMs >= stallMs) {
    return [`the target has acknowledged nothing for ${seconds(nowMs - flowSinceMs)}, and the ` +
      `source has up to ${fetchableRecords} records more`]
  }
  const found = isHeld ? partitions.filter(({ reason }) => reason !== '') : partitions
  const [first] = found
  if (first === undefined) return []
  const waits = first.reason === '' ? '' : ` (${first.state}: ${first.reason})`
  const { length } = found
  const stalled = length === 1 ? '1 partition is' : `${length} partitions are`
  return [`${stalled} stalled although the source has more records, for example ` +
    `${first.topic}-${first.partition} with ${first.lagRecords ?? 0} records${waits}`]
}

/** Mirroring continues; the next owner would scan the target from the last written position. */
function unwrittenProgress ({ progressUnwrittenMs, target }: FlowTotals, nowMs: number): string[] {
  if (progressUnwrittenMs === undefined || nowMs - progressUnwrittenMs < unwrittenMs) return []
  return [`${target} has not acknowledged progress for ${seconds(nowMs - progressUnwrittenMs)}; ` +
    'records are mirrored, and a restart would scan the target for those since then']
}

function seconds (ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`
}
