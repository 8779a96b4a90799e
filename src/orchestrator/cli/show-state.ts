// `longhaul topics|lag|members FILE` and `longhaul partitions list FILE`: the state of flows, from
// the clusters alone, or with --url from a running process.
import { formatSeconds } from '../observability/format.ts'
import type { FlowConfig } from '../config/config.ts'
import { configureFlows, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import {
  stateExit, topicsOf, unknownText, type FlowState, type MemberState, type PartitionState,
  type TopicState
} from './flow-state.ts'
import { notMirroredText } from './named-topic.ts'
import { chooseApi, stateByApi } from './state-by-api.ts'
import { stateOnRecord } from './state-on-record.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface StateOptions extends ConfigOptions {
  readonly flow?: string
  readonly topic?: string
  readonly state?: string
  readonly url?: string
}

export type StateKind = 'topics' | 'lag' | 'members' | 'partitions'

interface Shown {
  readonly rows: readonly object[]
  readonly head: readonly string[]
  readonly cells: ReadonlyArray<readonly string[]>
}

export async function showState (
  kind: StateKind, file: string, options: StateOptions, terminal: Terminal
): Promise<ExitCode> {
  const configured = configureFlows(file, options, terminal)
  if (configured === undefined) return exitCodes.usage
  const { config, flows } = configured
  const { topic, url } = options
  const chosen = chooseApi(url, config, terminal)
  if (chosen === undefined) return exitCodes.usage
  const { api } = chosen
  const states = await Promise.all(flows.map(async flow => api === undefined
    ? await stateOnRecord(flow, config, terminal)
    : await stateByApi(flow.name, topic, api)))
  const shown = states.map(state => shownOf(kind, state, options))
  const width = tableWidth(terminal)
  terminal.stdout.write(renderOutput(options.output,
    states.map(({ flow, isHealthy, problems, unknown }, i) =>
      ({ flow, isHealthy, problems, unknown, [kind]: shown[i]?.rows ?? [] })),
    () => states.map((state, i) => renderFlow(kind, state, shown[i], width)).join('\n\n')))
  return missesTopic(kind, options, flows, states, terminal) ? exitCodes.failed : stateExit(states)
}

/** True after a line for each flow: no flow that could be read mirrors the topic. */
function missesTopic (
  kind: StateKind, { topic }: StateOptions, flows: readonly FlowConfig[],
  states: readonly FlowState[], { stderr }: Terminal
): boolean {
  if (topic === undefined || kind === 'members' || states.some(({ isUnread }) => isUnread)) {
    return false
  }
  if (states.some(({ partitions }) => partitions.some(each => each.topic === topic))) return false
  for (const flow of flows) stderr.write(`error: ${notMirroredText(topic, flow)}\n`)
  return true
}

function shownOf (kind: StateKind, state: FlowState, options: StateOptions): Shown {
  const partitions = state.partitions.filter(each =>
    (options.topic ?? each.topic) === each.topic && (options.state ?? each.state) === each.state)
  switch (kind) {
    case 'members': return showMembers(state.members)
    case 'partitions': return showPartitions(partitions)
    case 'topics': return showTopics(topicsOf(partitions))
    case 'lag': return options.topic === undefined
      ? showTopics(topicsOf(partitions).toSorted(byLag))
      : showPartitions(partitions.toSorted(byLag))
  }
}

/** The largest lag first. */
function byLag (
  one: { readonly lagRecords: number | null }, other: { readonly lagRecords: number | null }
): number {
  return (other.lagRecords ?? -1) - (one.lagRecords ?? -1)
}

function showTopics (rows: readonly TopicState[]): Shown {
  return {
    rows,
    head: ['topic', 'partitions', 'faulted', 'paused', 'records behind', 'time behind',
      'batching'],
    cells: rows.map(each => [
      each.topic, String(each.partitions), countText(each.faulted), String(each.paused),
      countText(each.lagRecords), timeText(each.lagSecondsMax), batchingText(each)
    ])
  }
}

function showPartitions (rows: readonly PartitionState[]): Shown {
  return {
    rows,
    head: ['partition', 'state', 'source offset', 'source end', 'records behind', 'time behind',
      'reason'],
    cells: rows.map(each => [
      `${each.topic}-${each.partition}`, each.state, each.upstreamOffset ?? '-',
      each.sourceEnd ?? '-', countText(each.lagRecords), timeText(each.lagSeconds),
      each.reason ?? ''
    ])
  }
}

function showMembers (rows: readonly MemberState[]): Shown {
  return {
    rows,
    head: ['process', 'version', 'address', 'started', 'slots'],
    cells: rows.map(({ address, name, slots, startedMs, version }) => [
      name, version, address === '' ? '-' : address, new Date(startedMs).toISOString(),
      countText(slots?.length ?? null)
    ])
  }
}

function renderFlow (
  kind: StateKind, { flow, problems, unknown }: FlowState, shown: Shown | undefined, width: number
): string {
  const table = shown === undefined || shown.cells.length === 0
    ? []
    : [renderTable(shown.head, shown.cells, width)]
  const missing = kind === 'members' ? undefined : unknownText(unknown)
  return [flow, ...table, ...problems, ...missing === undefined ? [] : [missing]].join('\n')
}

export function countText (count: number | null): string {
  return count === null ? '-' : String(count)
}

function batchingText ({ batching, mergedShare }: TopicState): string {
  const share = mergedShare === null || batching === 'pass-through'
    ? ''
    : `, ${Math.round(mergedShare * 100)} % merged`
  return `${batching ?? '-'}${share}`
}

export function timeText (seconds: number | null): string {
  return seconds === null ? '-' : formatSeconds(seconds)
}
