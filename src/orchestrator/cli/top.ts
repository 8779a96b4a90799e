// `longhaul top [FILE]`: flows with their states, and the busiest topics, repeatedly until q.
// The state is that of `topics` and `lag`: from the clusters alone, or with --url from a process.
// Rates follow from two readings, so the first screen has none. With -o json or yaml, and off a
// terminal, there is one reading.
import { setMaxListeners } from 'node:events'
import type { ApiClient } from '../api/api-client.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { formatCount } from '../observability/format.ts'
import { configure, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import {
  stateExit, topicsOf, unknownText, type FlowState, type PartitionState
} from './flow-state.ts'
import { countText, timeText } from './show-state.ts'
import { chooseApi, stateByApi } from './state-by-api.ts'
import { stateOnRecord } from './state-on-record.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface TopOptions extends ConfigOptions { readonly url?: string }

/** One reading of all flows. */
export interface Reading {
  readonly atMs: number
  readonly flows: readonly FlowState[]
}

type Read = () => Promise<readonly FlowState[]>

const refreshMs = 2_000
const clearScreen = '\u001b[H\u001b[2J'
const topicsShownMax = 15
const problemsShownMax = 5

export async function top (
  file: string | undefined, options: TopOptions, terminal: Terminal
): Promise<ExitCode> {
  const ended = new AbortController()
  const signal = AbortSignal.any([terminal.stopped, ended.signal])
  // Each request of a reading waits for the end, too, and one reading has many at a time.
  setMaxListeners(Infinity, signal)
  const read = readerOf(file, options, { ...terminal, stopped: signal })
  if (read === undefined) return exitCodes.usage
  const isLive = terminal.stdout.isTTY === true && options.output === 'table'
  const close = isLive ? terminal.onKey?.(key => { if (isEnd(key)) ended.abort() }) : undefined
  try {
    let before: Reading | undefined
    for (;;) {
      const now: Reading = { atMs: terminal.clock.monotonic(), flows: await read() }
      if (signal.aborted) return exitCodes.ok
      const text = renderOutput(options.output, now.flows.map(summaryOf),
        () => renderTop(now, before, tableWidth(terminal)))
      terminal.stdout.write(isLive ? `${clearScreen}${text}q: quit\n` : text)
      if (!isLive) return stateExit(now.flows)
      before = now
      await terminal.clock.sleep(refreshMs, signal).catch(() => {})
      if (signal.aborted) return exitCodes.ok
    }
  } finally {
    close?.()
  }
}

/** As `topics` prints a flow, with its members. */
function summaryOf ({ flow, isHealthy, members, partitions, problems, unknown }: FlowState) {
  return { flow, isHealthy, problems, unknown, members, topics: topicsOf(partitions) }
}

/** In the mode in which single keys arrive, Ctrl-C is a key, too. */
function isEnd (key: string): boolean { return /^[qQ\u0003]/.test(key) }

/** Undefined after the reason was written to stderr. */
function readerOf (
  file: string | undefined, options: TopOptions, terminal: Terminal
): Read | undefined {
  const config = file === undefined ? undefined : configure(file, options, terminal)
  if (file !== undefined && config === undefined) return undefined
  const chosen = chooseApi(options.url, config, terminal)
  if (chosen === undefined) return undefined
  const { api } = chosen
  if (api !== undefined) return async () => await readByApi(api)
  if (config !== undefined) {
    return async () => await Promise.all(config.flows.map(
      async flow => await stateOnRecord(flow, config, terminal)))
  }
  terminal.stderr.write('error: name a file, or a process with --url http://127.0.0.1:9584\n')
  return undefined
}

async function readByApi (api: ApiClient): Promise<readonly FlowState[]> {
  try {
    const { flows } = await api.get<{ flows: ReadonlyArray<{ flow: string }> }>('/flows')
    return await Promise.all(flows.map(async ({ flow }) => await stateByApi(flow, undefined, api)))
  } catch (thrown) {
    const problem = ReplicatorError.from(thrown).message
    return [{
      flow: 'all flows', isHealthy: false, isUnread: true, problems: [problem], unknown: [],
      members: [], partitions: []
    }]
  }
}

export function renderTop (now: Reading, before: Reading | undefined, width: number): string {
  const flows = now.flows.map(flow => {
    const rate = rateOf(flow.partitions, flow.flow, now, before)
    return [
      flow.flow, flow.isUnread ? 'unknown' : flow.isHealthy ? 'healthy' : 'not healthy',
      String(flow.members.length), rateText(rate), lagText(flow.partitions), statesText(flow)
    ]
  })
  const topics = now.flows.flatMap(flow => topicsOf(flow.partitions).map(topic => {
    const own = flow.partitions.filter(each => each.topic === topic.topic)
    return { flow: flow.flow, ...topic, rate: rateOf(own, flow.flow, now, before) }
  })).sort((one, other) => (other.rate ?? 0) - (one.rate ?? 0) ||
    (other.lagRecords ?? 0) - (one.lagRecords ?? 0))
  const problems = now.flows.flatMap(({ flow, problems: own }) =>
    own.map(problem => `${flow}: ${problem}`))
  const left = problems.length - problemsShownMax
  const missing = unknownText([...new Set(now.flows.flatMap(({ unknown }) => unknown))])
  return [
    renderTable(['flow', 'health', 'processes', 'records/s', 'records behind', 'partitions'],
      flows, width),
    ...topics.length === 0
      ? []
      : [renderTable(['topic', 'flow', 'partitions', 'records/s', 'records behind', 'time behind',
          'faulted', 'paused'],
        topics.slice(0, topicsShownMax).map(each => [
          each.topic, each.flow, String(each.partitions), rateText(each.rate),
          countText(each.lagRecords),
          timeText(each.lagSecondsMax),
          countText(each.faulted), String(each.paused)
        ]), width)],
    ...topics.length > topicsShownMax
      ? [`${topics.length - topicsShownMax} topics that are less busy are not shown`]
      : [],
    ...problems.slice(0, problemsShownMax),
    ...left > 0 ? [`${left} more problems: longhaul partitions list`] : [],
    ...missing === undefined ? [] : [missing]
  ].join('\n')
}

/** Source offsets passed since the earlier reading, each second; undefined: not known. */
function rateOf (
  partitions: readonly PartitionState[], flow: string, { atMs }: Reading,
  before: Reading | undefined
): number | undefined {
  const earlier = before?.flows.find(each => each.flow === flow)
  const seconds = (atMs - (before?.atMs ?? atMs)) / 1000
  if (earlier === undefined || seconds <= 0) return undefined
  const offsets = new Map(earlier.partitions.map(each =>
    [`${each.topic}-${each.partition}`, each.upstreamOffset]))
  return partitions.reduce((sum, each) => {
    const from = offsets.get(`${each.topic}-${each.partition}`)
    if (from === undefined || from === null || each.upstreamOffset === null) return sum
    // A partition whose topic was recreated begins at a lower offset.
    return sum + Math.max(0, Number(BigInt(each.upstreamOffset) - BigInt(from)))
  }, 0) / seconds
}

function rateText (rate: number | undefined): string {
  return rate === undefined ? '-' : formatCount(Math.round(rate))
}

function lagText (partitions: readonly PartitionState[]): string {
  const known = partitions.flatMap(({ lagRecords }) => lagRecords ?? [])
  return known.length === 0 ? '-' : String(known.reduce((sum, each) => sum + each, 0))
}

/** `48 running, 1 faulted`, the most frequent first. */
function statesText ({ partitions }: FlowState): string {
  const counts = new Map<string, number>()
  for (const { state } of partitions) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts].sort(([, one], [, other]) => other - one)
    .map(([state, count]) => `${count} ${state}`).join(', ')
}
