// The state of a flow from its progress topic and both clusters: no process needs to run.
import type { Config, FlowConfig } from '../config/config.ts'
import type { TopicSettings } from '../config/config-table.ts'
import type { FlowState, PartitionState } from './flow-state.ts'
import { unknownOnRecord, unknownState, unread } from './flow-state.ts'
import { lagOf, statusOf, type PartitionStatus } from './status.ts'
import type { Terminal } from './terminal.ts'

export async function stateOnRecord (
  flow: FlowConfig, config: Config, terminal: Terminal
): Promise<FlowState> {
  const { error, members, partitions, processes } = await statusOf(flow, config, terminal)
  if (error !== undefined) return unread(flow.name, error)
  const stopped = partitions.flatMap(({ problem }) => problem ?? [])
  const problems = [
    ...processes === 0 ? [`no process runs ${flow.name}`] : [],
    ...typeof processes === 'number' ? [] : [processes.message],
    ...new Set(stopped)
  ]
  return {
    flow: flow.name,
    isHealthy: problems.length === 0,
    problems,
    isUnread: false,
    unknown: unknownOnRecord,
    members: members.map(({ address, build, name, slots, startedMs }) =>
      ({ name, version: build, address, startedMs, slots: slots ?? null })),
    partitions: partitions.map(each => partitionState(each, flow.ofTopic(each.topic).batching))
  }
}

function partitionState (
  status: PartitionStatus, batching: TopicSettings['batching']
): PartitionState {
  const { end, partition, paused, problem, topic, upstream } = status
  const lag = lagOf(status)
  return {
    topic,
    partition,
    state: stateOf(status, lag),
    reason: problem ?? paused ?? null,
    sinceMs: null,
    upstreamOffset: upstream === undefined ? null : String(upstream),
    sourceEnd: end === undefined ? null : String(end),
    lagRecords: lag === undefined ? null : Number(lag),
    lagSeconds: lag === 0n ? 0 : null,
    batching,
    batches: null,
    batchesMerged: null
  }
}

function stateOf (
  { paused, problem, upstream }: PartitionStatus, lag: bigint | undefined
): string {
  if (paused !== undefined) return 'paused'
  if (problem !== undefined) return 'faulted'
  // A partition without a position may be about to begin, or faulted before it could.
  if (upstream === undefined) return unknownState
  return lag === 0n ? 'caught-up' : unknownState
}
