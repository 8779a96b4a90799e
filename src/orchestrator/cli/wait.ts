// `longhaul wait FILE --caught-up`: returns when the flows have mirrored everything that their
// sources held at the start of the command; exit code 10 at the timeout. For cut-overs.
import type { ApiClient } from '../api/api-client.ts'
import { notMirroredName } from '../api/caught-up-route.ts'
import type { Config, FlowConfig } from '../config/config.ts'
import { parseDuration } from '../config/setting-kinds.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { untilCaughtUp } from '../flow/caught-up.ts'
import { openClusterPair } from '../flow/cluster-pair.ts'
import { refuseNeverRun, withFlowRecords } from '../flow/flow-records.ts'
import { plural } from '../observability/format.ts'
import { configureFlows, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { notMirroredText } from './named-topic.ts'
import { chooseApi } from './state-by-api.ts'
import { renderOutput } from './structured-output.ts'
import type { Terminal } from './terminal.ts'

export interface WaitOptions extends ConfigOptions {
  readonly flow?: string
  readonly topic?: string
  readonly timeout: string
  readonly url?: string
}

interface Wait {
  readonly topic: string | undefined
  readonly timeoutMs: number
}

interface WaitResult {
  readonly flow: string
  readonly isCaughtUp: boolean
  readonly waitedMs: number
  readonly partitions: number
  readonly behindPartitions: number
  /** An example. */
  readonly behind: string | null
}

export async function waitCaughtUp (
  file: string, options: WaitOptions, terminal: Terminal
): Promise<ExitCode> {
  const timeoutMs = parseDuration(options.timeout, 's')
  if (timeoutMs === undefined || timeoutMs < 0) {
    terminal.stderr.write(`error: --timeout=${options.timeout} is not a time, such as 90s or 10m\n`)
    return exitCodes.usage
  }
  const configured = configureFlows(file, options, terminal)
  if (configured === undefined) return exitCodes.usage
  const { config, flows } = configured
  const chosen = chooseApi(options.url, config, terminal)
  if (chosen === undefined) return exitCodes.usage
  const { api } = chosen
  const { topic } = options
  try {
    const results = await Promise.all(flows.map(async flow => api === undefined
      ? await waitOnRecord(flow, config, { topic, timeoutMs }, terminal)
      : await waitByApi(flow, { topic, timeoutMs }, api)))
    // A mistyped name must not look as if the topic had caught up.
    if (topic !== undefined && results.every(({ partitions }) => partitions === 0)) {
      for (const flow of flows) terminal.stderr.write(`error: ${notMirroredText(topic, flow)}\n`)
      return exitCodes.failed
    }
    terminal.stdout.write(renderOutput(options.output, results, () =>
      results.map(textOf).join('\n')))
    return results.every(({ isCaughtUp }) => isCaughtUp) ? exitCodes.ok : exitCodes.unhealthy
  } catch (thrown) {
    terminal.stderr.write(`error: ${ReplicatorError.from(thrown).message}\n`)
    return failureExit(thrown)
  }
}

async function waitOnRecord (
  flow: FlowConfig, config: Config, { timeoutMs, topic }: Wait, terminal: Terminal
): Promise<WaitResult> {
  const { clock, stopped } = terminal
  const clusters = await openClusterPair(flow, stopped)
  try {
    await refuseNeverRun(flow, clusters.target)
    const log = openLog(config, terminal, terminal.stderr)
    return await withFlowRecords({ flow, log, clock }, async records => {
      const { behind, isCaughtUp, partitions, waitedMs } = await untilCaughtUp({
        source: clusters.source,
        selection: flow.topics,
        isolation: flow.settings['isolation.level'],
        topic,
        timeoutMs,
        positionsOf: async (wanted, signal) =>
          await records.positionsOf(wanted, signal),
        clock,
        signal: stopped
      })
      const [example] = behind
      return {
        flow: flow.name,
        isCaughtUp,
        waitedMs,
        partitions,
        behindPartitions: behind.length,
        behind: example === undefined ? null : behindText({
          ...example,
          end: String(example.end),
          upstreamOffset: example.upstream === undefined ? null : String(example.upstream)
        })
      }
    })
  } finally {
    await clusters.close()
  }
}

interface BehindAnswer {
  readonly topic: string
  readonly partition: number
  readonly end: string
  readonly upstreamOffset: string | null
}

type CaughtUpAnswer = Omit<WaitResult, 'behind'> & { readonly behind: readonly BehindAnswer[] }

interface ErrorAnswer {
  readonly error: { readonly name: string, readonly text: string }
}

async function waitByApi (
  { name }: FlowConfig, { timeoutMs, topic }: Wait, api: ApiClient
): Promise<WaitResult> {
  const answer = await api.get<CaughtUpAnswer | ErrorAnswer>(
    `/flows/${encodeURIComponent(name)}/caught-up`, { topic, timeout: `${timeoutMs}ms` },
    { statuses: [404, 504], waitMs: timeoutMs })
  if ('error' in answer) {
    if (answer.error.name !== notMirroredName) {
      throw new ReplicatorError('API_UNREACHABLE', `${api.origin}: ${answer.error.text}`)
    }
    // Another flow of the file may mirror the topic.
    return {
      flow: name, isCaughtUp: true, waitedMs: 0, partitions: 0, behindPartitions: 0, behind: null
    }
  }
  const [example] = answer.behind
  return {
    flow: answer.flow,
    isCaughtUp: answer.isCaughtUp,
    waitedMs: answer.waitedMs,
    partitions: answer.partitions,
    behindPartitions: answer.behindPartitions,
    behind: example === undefined ? null : behindText(example)
  }
}

function behindText ({ end, partition, topic, upstreamOffset }: BehindAnswer): string {
  return `${topic}-${partition} is at source offset ${upstreamOffset ?? '(none)'} of ${end}`
}

function textOf ({ behind, behindPartitions, flow, partitions, waitedMs }: WaitResult): string {
  const after = `after ${(waitedMs / 1000).toFixed(1)} s`
  return behind === null
    ? `${flow}: caught up ${after}, ${plural(partitions, 'partition')}`
    : `${flow}: ${behindPartitions} of ${partitions} partitions are behind ${after}, for ` +
      `example ${behind}`
}
