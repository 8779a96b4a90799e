// The result of `longhaul plan`, for people as tables and for programs as JSON or YAML.
import type { FlowConfig } from '../config/config.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import { plural } from '../observability/format.ts'
import { isAsAsked, namedInVain } from '../plan/flow-check.ts'
import { changesAnything, type FlowPlan, type TopicOutlook } from '../plan/flow-plan.ts'
import type { PlannedGroup } from '../plan/group-plan.ts'
import { problemLines } from '../plan/problem-lines.ts'
import { reasonOf } from '../topics/topic-remarks.ts'
import { renderTable } from './table.ts'

export type PlanReport =
  | { readonly config: FlowConfig, readonly plan: FlowPlan, readonly error: undefined }
  | { readonly config: FlowConfig, readonly plan: undefined, readonly error: ReplicatorError }

/** The flow would not start, or a cluster did not answer. */
export function isImpossible ({ error, plan }: PlanReport): boolean {
  return error !== undefined || plan.progress.error !== undefined
}

/** Every topic that the file names would be mirrored, and the whole plan is known. */
export function isSound ({ plan }: PlanReport): boolean {
  return plan !== undefined && isAsAsked(plan) && plan.failures.length === 0
}

export function plansChanges ({ plan }: PlanReport): boolean {
  return plan !== undefined && changesAnything(plan)
}

export function renderPlans (reports: readonly PlanReport[], width: number): string {
  return reports.map(({ config, error, plan }) => error === undefined
    ? renderPlan(plan, width)
    : `${config.name}: ${error.message}`).join('\n\n')
}

function renderPlan (plan: FlowPlan, width: number): string {
  const { acls, check, config, groups, ownTopics, topics } = plan
  const { alias } = config.target
  const changed = topics.filter(({ change }) => change !== 'none').length
  const leftOut = check.leftOut.length
  const missing = ownTopics.filter(({ isMissing }) => isMissing)
  return [
    `${config.name}: would change ${changed} of the ${topics.length} topics that it mirrors to ` +
      alias,
    ...table(['topic', 'remote topic', `change on ${alias}`, 'batches', 'why'],
      topics.map(topicRow), width),
    ...leftOut === 0
      ? []
      : [`does not mirror ${leftOut} topics; longhaul validate says why for each`],
    ...missing.map(({ cluster, holds, topic }) => `creates the topic of ${holds}: ${topic} on ` +
      cluster),
    ...ownTopics.filter(({ settings }) => settings.length > 0).map(({ cluster, settings, topic }) =>
      `corrects ${topic} on ${cluster}: ${settingsText(settings)}`),
    acls.off === undefined
      ? `adds ${acls.create.length} ACLs on ${alias}; removes none at its start`
      : `copies no ACLs: ${acls.off}`,
    ...table(['topic', 'pattern', 'principal', 'host', 'operation', 'permission'],
      acls.create.map(({ host, name, operation, pattern, permission, principal }) =>
        [name, pattern, principal, host, operation, permission]), width),
    groups.off === undefined
      ? `commits offsets of ${groups.groups.filter(commits).length} of ` +
        `${groups.groups.length} consumer groups on ${alias}`
      : `commits no offsets of consumer groups: ${groups.off}`,
    ...table(['group', 'offsets that would be committed'],
      groups.groups.map(({ group, why }) => [group, why]), width),
    ...notices(plan)
  ].join('\n')
}

function commits ({ commits }: PlannedGroup): boolean { return commits.length > 0 }

function topicRow (topic: TopicOutlook): readonly string[] {
  return [topic.topic, topic.remoteTopic, changeText(topic), batchesText(topic),
    (topic.batches?.why ?? []).join('; ')]
}

function changeText (
  { change, problem, settings, sourcePartitions, targetPartitions }: TopicOutlook
): string {
  if (problem !== undefined) return 'error, see below'
  const altered = change === 'create'
    ? settings.map(({ name, to }) => `${name}=${to}`).join(', ')
    : settingsText(settings)
  switch (change) {
    case 'create':
      return `create, ${plural(sourcePartitions, 'partition')}` +
        (altered === '' ? '' : ` with ${altered}`)
    case 'grow': return [`${targetPartitions} to ${sourcePartitions} partitions`,
      ...altered === '' ? [] : [altered]].join(', ')
    case 'settings': return altered
    case 'none': return 'none'
  }
}

function settingsText (settings: TopicOutlook['settings']): string {
  return settings.map(({ from, name, to }) =>
    `${name}: ${from ?? 'not set'} to ${to ?? 'its default'}`).join(', ')
}

function batchesText ({ batches }: TopicOutlook): string {
  if (batches === undefined) return 'not sampled'
  const { codecs, passing, sampled, verdict } = batches
  switch (verdict) {
    case 'pass': return `pass (${sampled} sampled, ${codecs.join(', ')})`
    case 're-encode': return `re-encoded (${sampled} sampled)`
    case 'mixed': return `${passing} of ${sampled} pass, the others are re-encoded`
    case 'no records':
    case 'unknown': return verdict
  }
}

function table (
  head: readonly string[], rows: ReadonlyArray<readonly string[]>, width: number
): readonly string[] {
  return rows.length === 0 ? [] : [renderTable(head, rows, width)]
}

function notices ({ check, config, failures, groups, progress, remarks }: FlowPlan):
readonly string[] {
  return [
    ...errorsOf({ check, config, progress }).map(text => `error: ${text}`),
    ...failures.map(text => `error: ${text}`),
    ...[...check.warnings, ...progress.warnings].map(({ message }) => `warning: ${message}`),
    ...[...remarks, ...groups.failures].map(text => `warning: ${text}`)
  ]
}

function errorsOf (
  { check, config, progress }: Pick<FlowPlan, 'check' | 'config' | 'progress'>
): readonly string[] {
  return [
    ...progress.error === undefined ? [] : [progress.error.message],
    ...problemLines(config, check.problems),
    ...namedInVain(config, check).map(({ reason, topic }) =>
      `topics names ${topic}, which is not mirrored: ${reason}`)
  ]
}

/** Offsets are strings: a number of JSON may lose digits. */
export function plansForPrograms (reports: readonly PlanReport[]): readonly object[] {
  return reports.map(({ config, error, plan }) => plan === undefined
    ? { flow: config.name, error: error.message }
    : {
        flow: config.name,
        changes: changesAnything(plan),
        topics: plan.topics.map(({ batches = null, problem = null, ...topic }) =>
          ({ ...topic, problem, batches })),
        notMirrored: plan.check.leftOut.map(({ topic, verdict }) => ({
          topic, why: reasonOf(verdict, config.source.alias, config.target.alias)
        })),
        ownTopics: plan.ownTopics.map(({ cluster, holds, isMissing, settings, topic }) => ({
          topic,
          cluster,
          holds,
          change: isMissing ? 'create' : settings.length > 0 ? 'settings' : 'none',
          settings
        })),
        acls: { create: plan.acls.create, off: plan.acls.off ?? null },
        groups: {
          off: plan.groups.off ?? null,
          groups: plan.groups.groups.map(({ commits, group, why }) => ({
            group,
            why,
            commits: commits.map(({ downstream, partition, topic, upstream }) => ({
              topic, partition, sourceOffset: String(upstream), targetOffset: String(downstream)
            }))
          })),
          shareGroups: plan.groups.shareGroups
        },
        errors: [...errorsOf(plan), ...plan.failures],
        warnings: [
          ...[...plan.check.warnings, ...plan.progress.warnings].map(({ message }) => message),
          ...plan.remarks, ...plan.groups.failures
        ]
      })
}
