// What a start of a flow would change on both clusters, as far as the clusters can tell: topics,
// settings, ACLs, offsets of consumer groups, and the topics of Longhaul itself. Changes nothing.
import { TopicAclSync } from '../acls/topic-acl-sync.ts'
import type { TopicAcl } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { SettingChange } from '../topics/topic-config-sync.ts'
import { TopicConfigSync } from '../topics/topic-config-sync.ts'
import { RefusedSettings } from '../topics/refused-settings.ts'
import type { PlannedTopic } from '../topics/topic-plan.ts'
import { planOfBatches, type TopicBatches } from './batch-plan.ts'
import { checkFlow, type FlowCheck, type FlowLook } from './flow-check.ts'
import { planGroups, type GroupPlan } from './group-plan.ts'
import { planOwnTopics, type OwnTopic } from './own-topics.ts'

export type TopicChange = 'create' | 'grow' | 'settings' | 'none'

export interface TopicOutlook extends PlannedTopic {
  readonly change: TopicChange
  /** Of a topic that is created: all settings that it gets, from null. */
  readonly settings: readonly SettingChange[]
  /** Why the change, or the topic, would fail; undefined: it would not. */
  readonly problem: string | undefined
  readonly batches: TopicBatches | undefined
}

export interface AclPlan {
  readonly create: readonly TopicAcl[]
  /** Why no ACL is copied; undefined: ACLs are copied. */
  readonly off: string | undefined
}

export interface FlowPlan extends FlowCheck {
  readonly topics: readonly TopicOutlook[]
  readonly ownTopics: readonly OwnTopic[]
  readonly acls: AclPlan
  readonly groups: GroupPlan
  /** Parts of the plan that a cluster refused or did not answer; the other parts are whole. */
  readonly failures: readonly string[]
}

/** Rejects if the flow cannot be examined at all. */
export async function planFlow (look: FlowLook): Promise<FlowPlan> {
  const checked = await checkFlow(look)
  const { check } = checked
  const failures: string[] = []
  const part = async <Part>(work: Promise<Part>, otherwise: Part): Promise<Part> => {
    try {
      return await work
    } catch (thrown) {
      look.signal.throwIfAborted()
      failures.push(ReplicatorError.from(thrown).message)
      return otherwise
    }
  }
  const mirrored = check.topics
  const existing = mirrored.filter(({ targetPartitions }) => targetPartitions > 0)
  const [configs, ownTopics, acls, groups, batches] = await Promise.all([
    part(planConfigs(look, existing, failures), new Map<string, readonly SettingChange[]>()),
    part(planOwnTopics(look, checked.refused), []),
    part(planAcls(look, mirrored.map(({ topic }) => topic)), { create: [], off: undefined }),
    part(planGroups(look), { off: undefined, groups: [], shareGroups: [], failures: [] }),
    part(planOfBatches(look, check), new Map<string, TopicBatches>())
  ])
  const problems = new Map(check.problems.map(({ error, topic }) => [topic, error.message]))
  const created = new Map([...check.created].map(([topic, settings]) =>
    [topic, Object.entries(settings).map(([name, to]) => ({ name, from: null, to }))]))
  const grown = new Set(check.grown)
  return {
    ...checked,
    topics: mirrored.map(planned => {
      const { topic } = planned
      const settings = created.get(topic) ?? configs.get(topic) ?? []
      const change = created.has(topic)
        ? 'create'
        : grown.has(topic) ? 'grow' : settings.length > 0 ? 'settings' : 'none'
      return {
        ...planned, change, settings, problem: problems.get(topic), batches: batches.get(topic)
      }
    }),
    ownTopics,
    acls,
    groups,
    failures
  }
}

/** Whether a start with this file would change either cluster, besides mirroring records. */
export function changesAnything ({ acls, groups, ownTopics, topics }: FlowPlan): boolean {
  return topics.some(({ change }) => change !== 'none') ||
    ownTopics.some(({ isMissing, settings }) => isMissing || settings.length > 0) ||
    acls.create.length > 0 || groups.groups.some(({ commits }) => commits.length > 0)
}

async function planConfigs (
  { clusters: { source, target }, config, signal }: FlowLook, topics: readonly PlannedTopic[],
  failures: string[]
): Promise<ReadonlyMap<string, readonly SettingChange[]>> {
  const { configProperties, settings } = config
  if (!settings['sync.topic.configs.enabled']) return new Map()
  const sync = new TopicConfigSync(
    { source, target, configProperties, refused: new RefusedSettings() })
  const { changes, failure, warnings } = await sync.planOnce(topics, signal)
  for (const error of [failure, ...warnings]) {
    if (error !== undefined) failures.push(error.message)
  }
  return changes
}

async function planAcls (
  { clusters: { source, target }, config: { settings, topics: selection }, signal }: FlowLook,
  topics: readonly string[]
): Promise<AclPlan> {
  if (!settings['sync.topic.acls.enabled']) {
    return { create: [], off: 'sync.topic.acls.enabled=false' }
  }
  const sync = new TopicAclSync({
    source,
    target,
    selection: () => selection,
    copiesPrefixed: settings['sync.topic.acls.prefixed.enabled'],
    deletes: settings['sync.topic.acls.delete.enabled']
  })
  const { create, withoutAuthorizer } = await sync.planOnce(topics, signal)
  return {
    create, off: withoutAuthorizer && `${withoutAuthorizer} has no authorizer`
  }
}
