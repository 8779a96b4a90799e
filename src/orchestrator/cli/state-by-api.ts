// The state of a flow from the API of a running process: its own partitions, and all members.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ApiClient } from './api-client.ts'
import {
  unread, type FlowState, type MemberState, type PartitionState
} from './flow-state.ts'

interface FlowAnswer {
  readonly notReady: ReadonlyArray<{ readonly text: string }>
}

interface PartitionsAnswer {
  readonly partitions: ReadonlyArray<Omit<PartitionState, 'sourceEnd'> & {
    readonly highWatermark: string | null
  }>
  readonly next: string | null
}

const pageMax = '1000'

export async function stateByApi (
  flow: string, topic: string | undefined, api: ApiClient
): Promise<FlowState> {
  const path = `/flows/${encodeURIComponent(flow)}`
  try {
    const { notReady } = await api.get<FlowAnswer>(path)
    const { members } = await api.get<{ readonly members: readonly MemberState[] }>(
      `${path}/members`)
    const partitions: PartitionState[] = []
    for (let after: string | undefined | null = undefined; after !== null;) {
      const page: PartitionsAnswer = await api.get(`${path}/partitions`,
        { topic, limit: pageMax, after })
      partitions.push(...page.partitions.map(({ highWatermark, ...each }) => ({
        topic: each.topic,
        partition: each.partition,
        state: each.state,
        reason: each.reason,
        sinceMs: each.sinceMs,
        upstreamOffset: each.upstreamOffset,
        sourceEnd: highWatermark,
        lagRecords: each.lagRecords,
        lagSeconds: each.lagSeconds
      })))
      after = page.next
    }
    const problems = notReady.map(({ text }) => text)
    const isHealthy = problems.length === 0
    return {
      flow, isHealthy, problems, isUnread: false, partitions,
      members: members.map(({ address, name, slots, startedMs, version }) =>
        ({ name, version, address, startedMs, slots }))
    }
  } catch (thrown) {
    return unread(flow, ReplicatorError.from(thrown).message)
  }
}
