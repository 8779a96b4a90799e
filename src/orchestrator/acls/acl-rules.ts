// Which ACLs remote topics have: the rules of MirrorMaker 2's source connector, plus prefixed
// patterns and deletions if the settings ask for them. Pure.
import type { TopicAcl } from '../cluster/cluster-admin.ts'
import { judgeTopic, type TopicSelection } from '../policy/topic-filter.ts'

export interface AclRules {
  readonly selection: TopicSelection
  /** The topics of the source that are mirrored now. */
  readonly topics: readonly string[]
  /** Whether ACLs of prefixed patterns and of `*` are copied, too. */
  readonly copiesPrefixed: boolean
}

/** Kafka's limit for the length of a topic name. */
const nameLengthMax = 249
/** A literal pattern with this name matches all topics. */
const allTopics = '*'

/**
 * The ACLs on the target that follow from those of the source. ALLOW WRITE is not copied: only the
 * mirror writes to remote topics. A principal that is allowed ALL on the source topic gets READ on
 * the remote topic.
 */
export function remoteAcls (acls: readonly TopicAcl[], rules: AclRules): readonly TopicAcl[] {
  const wanted = new Map<string, TopicAcl>()
  for (const acl of acls) {
    const isAllowed = acl.permission === 'ALLOW'
    if (isAllowed && acl.operation === 'WRITE') continue
    const pattern = remotePattern(acl, rules)
    if (pattern === undefined) continue
    const operation = isAllowed && acl.operation === 'ALL' ? 'READ' : acl.operation
    const remote = { ...acl, ...pattern, operation }
    wanted.set(aclKey(remote), remote)
  }
  return [...wanted.values()]
}

type Pattern = Pick<TopicAcl, 'name' | 'pattern'>

function remotePattern (
  { name, pattern }: Pattern, { copiesPrefixed, selection, topics }: AclRules
): Pattern | undefined {
  const { policy } = selection
  switch (pattern) {
    case 'LITERAL': {
      if (name === allTopics) return copiesPrefixed ? allRemoteTopics(policy) : undefined
      if (judgeTopic(selection, name) !== 'mirrored') return undefined
      return within({ name: policy.remoteTopic(name), pattern })
    }
    case 'PREFIXED': {
      if (!copiesPrefixed || !topics.some(topic => topic.startsWith(name))) return undefined
      return within({ name: policy.remotePrefix(name), pattern })
    }
    default: return undefined // a kind of pattern of a later Kafka version
  }
}

/** Undefined if remote topics have no prefix: `*` would also match the target's own topics. */
function allRemoteTopics (policy: TopicSelection['policy']): Pattern | undefined {
  const prefix = policy.remotePrefix('')
  return prefix === '' ? undefined : within({ name: prefix, pattern: 'PREFIXED' })
}

function within (pattern: Pattern): Pattern | undefined {
  return pattern.name.length <= nameLengthMax ? pattern : undefined
}

/** The same text for equal ACLs. */
export function aclKey (
  { host, name, operation, pattern, permission, principal }: TopicAcl
): string {
  return [pattern, name, principal, host, operation, permission].join('\n')
}

export interface AclChanges {
  readonly create: readonly TopicAcl[]
  readonly delete: readonly TopicAcl[]
}

/**
 * `previous`: the ACLs that were wanted before. Those that are no longer wanted are deleted. An ACL
 * that exists only on the target is in neither list, and is kept.
 */
export function aclChanges (
  wanted: readonly TopicAcl[], onTarget: readonly TopicAcl[], previous: readonly TopicAcl[]
): AclChanges {
  const existing = new Set(onTarget.map(aclKey))
  const kept = new Set(wanted.map(aclKey))
  return {
    create: wanted.filter(acl => !existing.has(aclKey(acl))),
    delete: previous.filter(acl => existing.has(aclKey(acl)) && !kept.has(aclKey(acl)))
  }
}
