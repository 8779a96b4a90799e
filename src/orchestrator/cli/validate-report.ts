// The findings of `longhaul validate`, for people as tables and for programs.
import type { FlowConfig } from '../config/config.ts'
import type { Difference } from '../config/differences.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { isAsAsked, namedInVain, type FlowCheck } from '../plan/flow-check.ts'
import { problemLines } from '../plan/problem-lines.ts'
import type { LeftOutTopic, PlannedTopic } from '../topics/topic-plan.ts'
import { reasonOf } from '../topics/topic-remarks.ts'
import { renderTable } from './table.ts'

export type FlowReport =
  | FlowCheck & { readonly error: undefined }
  /** Why the whole flow could not be checked. */
  | {
    readonly config: FlowConfig
    readonly check: undefined
    readonly progress: undefined
    readonly remarks: readonly []
    readonly differences: readonly []
    readonly error: ReplicatorError
  }

/** Whether the whole flow would fail to start. */
export function isRefused ({ error, progress }: FlowReport): boolean {
  return (error ?? progress?.error) !== undefined
}

/** Whether everything that the file names would be mirrored. */
export function isComplete (report: FlowReport): boolean {
  return report.error === undefined && isAsAsked(report)
}

function byTopic (one: { readonly topic: string }, other: { readonly topic: string }): number {
  return one.topic < other.topic ? -1 : 1
}

export function renderReports (reports: readonly FlowReport[], width: number): string {
  return reports.map(report => report.error === undefined
    ? renderCheck(report, width)
    : `${report.config.name}: ${report.error.message}`).join('\n\n')
}

type CheckedFlow = Extract<FlowReport, { readonly error: undefined }>

function renderCheck (
  { check, config, differences, progress, remarks }: CheckedFlow, width: number
): string {
  const { leftOut, problems, topics, warnings } = check
  const failed = new Set(problems.map(({ topic }) => topic))
  const good = topics.filter(({ topic }) => !failed.has(topic)).length
  const all = topics.length + leftOut.length +
    problems.filter(({ topic }) => !topics.some(planned => planned.topic === topic)).length
  return [
    `${config.name}: mirrors ${good} of the ${all} topics that ${config.source.alias} shows`,
    ...topics.length === 0 ? [] : [renderTopics(topics, failed, width)],
    ...leftOut.length === 0 ? [] : ['not mirrored:', renderLeftOut(config, leftOut, width)],
    ...progress.error === undefined ? [] : [`error: ${progress.error.message}`],
    ...problemLines(config, problems).map(text => `error: ${text}`),
    ...namedInVain(config, check).map(({ topic, reason }) =>
      `error: topics names ${topic}, which is not mirrored: ${reason}`),
    ...[...warnings, ...progress.warnings].map(warning => `warning: ${warning.message}`),
    ...remarks.map(remark => `warning: ${remark}`),
    ...differences.length === 0
      ? []
      : ['different from MirrorMaker 2:', renderDifferences(differences, width)]
  ].join('\n')
}

function renderTopics (
  topics: readonly PlannedTopic[], failed: ReadonlySet<string>, width: number
): string {
  const rows = topics.toSorted(byTopic).map(planned => {
    const { topic, remoteTopic, sourcePartitions } = planned
    const state = failed.has(topic) ? 'error, see below' : targetState(planned)
    return [topic, remoteTopic, String(sourcePartitions), state]
  })
  return renderTable(['topic', 'remote topic', 'partitions', 'on the target'], rows, width)
}

function renderDifferences (differences: readonly Difference[], width: number): string {
  const plain = (text: string): string => text.replaceAll('`', '')
  return renderTable(['MirrorMaker 2', 'Longhaul'],
    differences.map(({ longhaul, mirrorMaker }) => [plain(mirrorMaker), plain(longhaul)]), width)
}

function targetState ({ sourcePartitions, targetPartitions }: PlannedTopic): string {
  if (targetPartitions === 0) return 'to be created'
  if (targetPartitions === sourcePartitions) return 'exists'
  return targetPartitions < sourcePartitions
    ? `${targetPartitions}, to grow`
    : `exists with ${targetPartitions}`
}

function renderLeftOut (
  { source, target }: FlowConfig, leftOut: readonly LeftOutTopic[], width: number
): string {
  const rows = leftOut.toSorted(byTopic).map(({ topic, verdict }) =>
    [topic, reasonOf(verdict, source.alias, target.alias)])
  return renderTable(['topic', 'why'], rows, width)
}

export function reportForPrograms (
  { check, config, differences, error, progress, remarks }: FlowReport
): object {
  return {
    flow: config.name,
    topics: check?.topics ?? [],
    problems: [
      ...(check?.problems ?? []).map(({ topic, error }) => ({ topic, error: error.message })),
      ...check === undefined ? [] : namedInVain(config, check).map(({ topic, reason }) =>
        ({ topic, error: `topics names it, and it is not mirrored: ${reason}` }))
    ],
    leftOut: check?.leftOut ?? [],
    warnings: [
      ...[...check?.warnings ?? [], ...progress?.warnings ?? []].map(({ message }) => message),
      ...remarks
    ],
    differences,
    ...errorOf(error ?? progress?.error)
  }
}

function errorOf (error: ReplicatorError | undefined): { readonly error?: string } {
  return error === undefined ? {} : { error: error.message }
}
