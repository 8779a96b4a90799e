// `longhaul groups FILE`: where the consumer groups of each flow's source continue on its target,
// from the clusters alone, or with --url from a running process. Changes nothing.
import type { ApiClient } from '../api/api-client.ts'
import type { Config, FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { openClusterPair } from '../flow/cluster-pair.ts'
import { refuseNeverRun } from '../flow/flow-records.ts'
import { groupPositionsOnRecord } from '../plan/group-plan.ts'
import { configureFlows, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { chooseApi } from './state-by-api.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface GroupsOptions extends ConfigOptions {
  readonly flow?: string
  readonly group?: string
  readonly url?: string
}

/** As the API names it. */
interface GroupState {
  readonly group: string
  readonly offsets: ReadonlyArray<{
    readonly remoteTopic: string
    readonly partition: number
    /** Committed on the source. */
    readonly sourceOffset: string
    readonly targetOffset: string
  }>
}

interface FlowGroups {
  readonly flow: string
  /** What could not be read. */
  readonly problems: readonly string[]
  readonly groups: readonly GroupState[]
}

type Read = FlowGroups & {
  /** Why the flow could not be read at all. */
  readonly error?: ReplicatorError
}

interface GroupsAnswer {
  readonly asOfMs: number | null
  readonly groups: readonly GroupState[]
  readonly next: string | null
}

export async function showGroups (
  file: string, options: GroupsOptions, terminal: Terminal
): Promise<ExitCode> {
  const configured = configureFlows(file, options, terminal)
  if (configured === undefined) return exitCodes.usage
  const { config, flows } = configured
  const chosen = chooseApi(options.url, config, terminal)
  if (chosen === undefined) return exitCodes.usage
  const { api } = chosen
  const { group } = options
  const read = await Promise.all(flows.map(async (flow): Promise<Read> => {
    try {
      return api === undefined
        ? await groupsOnRecord(flow, group, config, terminal)
        : await groupsByApi(flow.name, group, api)
    } catch (thrown) {
      const error = ReplicatorError.from(thrown)
      return { flow: flow.name, problems: [error.message], groups: [], error }
    }
  }))
  const shown = read.map(({ flow, groups, problems }) => ({ flow, problems, groups }))
  terminal.stdout.write(renderOutput(options.output, shown,
    () => shown.map(each => renderFlow(each, tableWidth(terminal))).join('\n\n')))
  if (shown.some(({ problems }) => problems.length > 0)) {
    return failureExit(...read.map(({ error }) => error))
  }
  if (group === undefined || shown.some(({ groups }) => groups.length > 0)) return exitCodes.ok
  terminal.stderr.write(`error: ${group} has no committed offset that a flow can translate: ` +
    'check the name of the group, groups and groups.exclude\n')
  return exitCodes.failed
}

async function groupsOnRecord (
  flow: FlowConfig, wanted: string | undefined, config: Config, terminal: Terminal
): Promise<FlowGroups> {
  const { clock, stopped: signal } = terminal
  const clusters = await openClusterPair(flow, signal)
  try {
    await refuseNeverRun(flow, clusters.target)
    const log = openLog(config, terminal, terminal.stderr)
    const found = await groupPositionsOnRecord({ clock, clusters, config: flow, log, signal })
    const { failures, positions } = await found.read(signal)
    return {
      flow: flow.name,
      problems: failures.map(({ message }) => message),
      groups: positions.filter(({ group }) => (wanted ?? group) === group)
        .map(({ group, offsets }) => ({
          group,
          offsets: offsets.map(({ downstream, partition, topic, upstream }) => ({
            remoteTopic: topic,
            partition,
            sourceOffset: String(upstream),
            targetOffset: String(downstream)
          }))
        }))
    }
  } finally {
    await clusters.close()
  }
}

/** A process reads the groups once a minute or more often, if a duty of the flow needs them. */
async function groupsByApi (
  flow: string, group: string | undefined, api: ApiClient
): Promise<FlowGroups> {
  const groups: GroupState[] = []
  let isRead = true
  const pages = api.pages<GroupsAnswer>(`/flows/${encodeURIComponent(flow)}/groups`,
    { processes: 'all', group })
  for await (const page of pages) {
    groups.push(...page.groups)
    isRead = page.asOfMs !== null
  }
  const problem = `no process of ${flow} has read the groups: neither sync.group.offsets.enabled ` +
    'nor emit.checkpoints.enabled is on, or the first reading has not ended; without --url the ' +
    'clusters are asked'
  return { flow, problems: isRead ? [] : [problem], groups }
}

function renderFlow ({ flow, groups, problems }: FlowGroups, width: number): string {
  const rows = groups.flatMap(({ group, offsets }) =>
    offsets.map(({ partition, remoteTopic, sourceOffset, targetOffset }) =>
      [group, remoteTopic, String(partition), sourceOffset, targetOffset]))
  const head = ['group', 'remote topic', 'partition', 'source offset', 'target offset']
  const table = rows.length === 0 ? [] : [renderTable(head, rows, width)]
  const none = rows.length + problems.length === 0
    ? ['no consumer group has an offset that can be translated']
    : []
  return [flow, ...table, ...none, ...problems].join('\n')
}
