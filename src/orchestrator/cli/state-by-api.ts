// The state of a flow from the API of a running process, which asks the other processes.
import { ApiClient } from '../api/api-client.ts'
import type { SilentProcess } from '../api/joined-answers.ts'
import type { Config } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import {
  unread, type FlowState, type MemberState, type PartitionState
} from './flow-state.ts'
import type { Terminal } from './terminal.ts'

interface FlowAnswer {
  readonly silent: readonly SilentProcess[]
  readonly notReady: ReadonlyArray<{ readonly text: string }>
}

interface PartitionAnswer extends Omit<PartitionState, 'sourceEnd' | 'batchesMerged'> {
  readonly highWatermark: string | null
  readonly pause: { readonly by: string, readonly reason: string } | null
  readonly reencodedByReason: { readonly merged?: number }
}

interface PartitionsAnswer {
  readonly partitions: readonly PartitionAnswer[]
  readonly next: string | null
}

const all = { processes: 'all' }

/** The API of --url; without --url no API. Undefined after the error was written to stderr. */
export function chooseApi (
  url: string | undefined, config: Config | undefined, terminal: Terminal
): { readonly api: ApiClient | undefined } | undefined {
  try {
    return {
      api: url === undefined ? undefined : new ApiClient(
        { url, token: config?.process['api.token'] ?? '', signal: terminal.stopped })
    }
  } catch (thrown) {
    terminal.stderr.write(`error: ${ReplicatorError.from(thrown).message}\n`)
    return undefined
  }
}

export async function stateByApi (
  flow: string, topic: string | undefined, api: ApiClient
): Promise<FlowState> {
  const path = `/flows/${encodeURIComponent(flow)}`
  try {
    const { notReady, silent } = await api.get<FlowAnswer>(path, all)
    const { members } = await api.get<{ readonly members: readonly MemberState[] }>(
      `${path}/members`)
    const partitions: PartitionState[] = []
    for await (const page of api.pages<PartitionsAnswer>(`${path}/partitions`, { ...all, topic })) {
      partitions.push(...page.partitions.map(({ highWatermark, reencodedByReason, ...each }) => ({
        topic: each.topic,
        partition: each.partition,
        state: each.state,
        reason: reasonOf(each),
        sinceMs: each.sinceMs,
        upstreamOffset: each.upstreamOffset,
        sourceEnd: highWatermark,
        lagRecords: each.lagRecords,
        lagSeconds: each.lagSeconds,
        batching: each.batching,
        batches: each.batches,
        batchesMerged: reencodedByReason.merged ?? 0
      })))
    }
    const problems = [...notReady.map(({ text }) => text), ...silent.map(silenceOf)]
    // A process whose address no other machine reaches is silent and may be healthy.
    return {
      flow, isHealthy: notReady.length === 0, problems, isUnread: false, unknown: [], partitions,
      members: members.map(({ address, name, slots, startedMs, version }) =>
        ({ name, version, address, startedMs, slots }))
    }
  } catch (thrown) {
    return unread(flow, ReplicatorError.from(thrown))
  }
}

/** A lane knows who has paused its partition, and not why. */
function reasonOf (
  { pause, reason, state }: Pick<PartitionAnswer, 'pause' | 'reason' | 'state'>
): string | null {
  return state === 'paused' && pause !== null ? `${pause.by}: ${pause.reason}` : reason
}

function silenceOf ({ address, process, reason }: SilentProcess): string {
  const where = address === '' ? '' : ` at ${address}`
  return `${process}${where} does not answer, so its partitions are missing here: ${reason}`
}
