// Which ACLs remote topics have: the rules of MirrorMaker 2's source connector, and beyond them
// prefixed patterns and deletions where the file asks for them. Pure.
import type { TopicAcl } from '../cluster/cluster-admin.ts'
import { judgeTopic, type TopicSelection } from '../policy/topic-filter.ts'

export interface AclRules {
  readonly selection: TopicSelection
  /** Topics of the source that are mirrored now. */
  readonly topics: readonly string[]
  /** Whether prefixed patterns and `*` are copied, too. */
  readonly copiesPrefixed: boolean
}

/** Kafka's own limit for the name of a topic. */
const nameLengthMax = 249
/** A literal pattern of this name is one of all topics. */
const allTopics = '*'

/**
 * The ACLs on the target that follow from those of the source. To write is not copied: the mirror
 * alone writes remote topics. Who may do everything on the source topic may read the remote topic.
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
    default: return undefined // a kind of pattern that a later Kafka may bring
  }
}

/** Undefined where remote topics have no prefix: `*` would open the target's own topics, too. */
function allRemoteTopics (policy: TopicSelection['policy']): Pattern | undefined {
  const prefix = policy.remotePrefix('')
  return prefix === '' ? undefined : within({ name: prefix, pattern: 'PREFIXED' })
}

function within (pattern: Pattern): Pattern | undefined {
  return pattern.name.length <= nameLengthMax ? pattern : undefined
}

/** Equal for equal ACLs. */
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
 * `previous` are the ACLs that were wanted before: those of them that are wanted no more are
 * deleted. An ACL that only the target has is in no list, and stays.
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
