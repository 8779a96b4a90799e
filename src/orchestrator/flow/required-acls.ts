// THE table of the permissions that a flow needs from an authorizer without allow.everyone.
// `longhaul acls` prints them; docs/security.md lists the rows, and tests grant exactly these.
// Pure.
import { groupOf } from '../cluster/flow-group.ts'
import type { FlowConfig, FlowEnd } from '../config/config.ts'
import type { Side } from '../config/property-path.ts'
import { heartbeatsTopic, progressTopicPrefix } from '../policy/replication-policy.ts'
import { fixedPartOf, type RenameRule } from '../policy/topic-rename.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'

export type Operation =
  'Read' | 'Write' | 'Create' | 'Alter' | 'Describe' | 'DescribeConfigs' | 'AlterConfigs'

export type Resource =
  'source topics' | 'remote topics' | 'progress topic' | 'heartbeats topic' | 'group' | 'cluster' |
  'consumer groups' | 'checkpoints topic' | 'offset syncs topic' | 'inbound progress topics' |
  'canary topic'

type Switch =
  'sync.topic.configs.enabled' | 'sync.topic.acls.enabled' | 'sync.group.offsets.enabled' |
  'emit.checkpoints.enabled' | 'emit.offset-syncs.enabled' | 'same.names.both.ways' |
  'canary.enabled'

export interface PermissionRow {
  readonly side: Side
  readonly resource: Resource
  readonly operation: Operation
  readonly why: string
  /** Only flows with one of these settings true need the permission; absent: all flows. */
  readonly settings: readonly Switch[]
}

function rows (
  side: PermissionRow['side'], resource: Resource, operations: Readonly<Record<string, string>>,
  ...settings: readonly Switch[]
): readonly PermissionRow[] {
  return Object.entries(operations).map(([operation, why]) =>
    ({ side, resource, operation: operation as Operation, why, settings }))
}

const heartbeatsNeed = {
  Create: 'creates the topic of heartbeats',
  Write: 'writes heartbeats'
}

const offsetSyncsNeed = {
  Create: 'creates the topic of offset syncs',
  Write: 'writes offset syncs'
}

export const permissionRows: readonly PermissionRow[] = [
  ...rows('source', 'source topics', {
    Read: 'reads records',
    DescribeConfigs: 'reads the settings of the source topics for remote topics'
  }),
  ...rows('source', 'heartbeats topic', heartbeatsNeed),
  ...rows('source', 'offset syncs topic', offsetSyncsNeed, 'emit.offset-syncs.enabled'),
  ...rows('source', 'canary topic', {
    Create: 'creates the topic of the canary',
    Write: 'writes canary records'
  }, 'canary.enabled'),
  ...rows('target', 'remote topics', {
    Create: 'creates remote topics',
    Write: 'writes records',
    Alter: 'adds partitions',
    Read: 'reads after a restart what the target holds'
  }),
  ...rows('target', 'remote topics', {
    DescribeConfigs: 'compares the settings of remote topics',
    AlterConfigs: 'changes the settings of remote topics as those of the source topics change'
  }, 'sync.topic.configs.enabled'),
  ...rows('source', 'cluster', {
    Describe: 'reads the ACLs of the source topics'
  }, 'sync.topic.acls.enabled'),
  ...rows('target', 'cluster', {
    Describe: 'compares the ACLs of the remote topics',
    Alter: 'copies ACLs to the remote topics'
  }, 'sync.topic.acls.enabled'),
  ...rows('target', 'progress topic', {
    Create: 'creates the progress topic',
    Write: 'writes progress',
    Read: 'reads progress at the start',
    DescribeConfigs: 'checks that the progress topic keeps progress',
    AlterConfigs: 'corrects the settings of a progress topic that exists already'
  }),
  ...rows('target', 'heartbeats topic', heartbeatsNeed),
  ...rows('target', 'offset syncs topic', offsetSyncsNeed, 'emit.offset-syncs.enabled'),
  ...rows('source', 'consumer groups', {
    Describe: 'reads the offsets of consumer groups'
  }, 'sync.group.offsets.enabled', 'emit.checkpoints.enabled'),
  // librdkafka asks for the coordinator of each consumer's group, also of one that never joins it.
  ...rows('source', 'group', {
    Describe: 'reads records again for exact offsets, canary records, and what flows back have ' +
      'announced'
  }, 'sync.group.offsets.enabled', 'emit.checkpoints.enabled', 'same.names.both.ways',
  'canary.enabled'),
  ...rows('target', 'checkpoints topic', {
    Create: 'creates the topic of checkpoints',
    Write: 'writes checkpoints'
  }, 'emit.checkpoints.enabled'),
  ...rows('target', 'consumer groups', {
    Read: 'commits the offsets of consumer groups'
  }, 'sync.group.offsets.enabled'),
  ...rows('source', 'inbound progress topics', {
    Read: 'finds what other flows have brought under the same names, and leaves it out'
  }, 'same.names.both.ways'),
  ...rows('target', 'inbound progress topics', {
    Read: 'finds which other flows write to the target under the same names'
  }, 'same.names.both.ways'),
  ...rows('target', 'group', { Read: 'joins the group in which processes share the flow' })
]

export interface NamePattern {
  readonly type: 'literal' | 'prefixed'
  readonly name: string
}

export interface RequiredAcl extends NamePattern {
  readonly cluster: string
  readonly bootstrapServers: string
  readonly principal: string
  readonly resource: 'topic' | 'group' | 'cluster'
  readonly operations: readonly Operation[]
  readonly reasons: readonly string[]
}

/** The placeholder for a principal that only its certificate or token names. */
export const unknownPrincipal = 'User:PRINCIPAL'

/** The rows that the settings of a flow ask for. */
export function neededPermissions ({ settings }: FlowConfig): readonly PermissionRow[] {
  return permissionRows.filter(row =>
    row.settings.length === 0 || row.settings.some(each => settings[each]))
}

/** One row for each cluster, principal and resource, however many flows need it. */
export function requiredAcls (flows: readonly FlowConfig[]): readonly RequiredAcl[] {
  const found = new Map<string, RequiredAcl>()
  for (const flow of flows) {
    for (const row of neededPermissions(flow)) {
      const end = flow[row.side]
      for (const pattern of patternsOf(flow, row)) {
        const resource = kindOf(row.resource)
        const principal = principalOf(end)
        const key = [end.alias, principal, resource, pattern.type, pattern.name].join('\n')
        const acl = found.get(key) ?? {
          cluster: end.alias,
          bootstrapServers: end.admin.properties['bootstrap.servers'] ?? '',
          principal,
          resource, ...pattern, operations: [], reasons: []
        }
        if (acl.operations.includes(row.operation)) continue
        found.set(key, {
          ...acl,
          operations: [...acl.operations, row.operation],
          reasons: [...acl.reasons, `${row.operation}: ${row.why}`]
        })
      }
    }
  }
  return [...found.values()].toSorted((one, other) => one.cluster.localeCompare(other.cluster))
}

function principalOf ({ admin: { properties } }: FlowEnd): string {
  const user = properties['sasl.username'] ?? shortName(properties['sasl.kerberos.principal'])
  return user === undefined ? unknownPrincipal : `User:${user}`
}

/** The name of a Kerberos principal as brokers shorten it by default: `m` of `m/host@REALM`. */
function shortName (principal: string | undefined): string | undefined {
  return principal?.split(/[/@]/, 1)[0]
}

function kindOf (resource: Resource): RequiredAcl['resource'] {
  switch (resource) {
    case 'cluster': return 'cluster'
    case 'group':
    case 'consumer groups': return 'group'
    default: return 'topic'
  }
}

function patternsOf (
  flow: FlowConfig, { resource, side }: PermissionRow
): readonly NamePattern[] {
  switch (resource) {
    case 'source topics': return sourcePatterns(flow).map(all)
    case 'remote topics': return widest([
      ...sourcePatterns(flow).map(({ type, name }): NamePattern => ({
        type,
        name: type === 'literal' ? flow.policy.remoteTopic(name) : flow.policy.remotePrefix(name)
      })),
      ...flow.settings['topic.rename'].map(renamedPattern)
    ]).map(all)
    case 'progress topic':
      return [{ type: 'literal', name: progressTopicOf(flow.source.alias) }]
    case 'inbound progress topics':
      return [{ type: 'prefixed', name: progressTopicPrefix }]
    case 'heartbeats topic':
      return flow.heartbeats.some(pair => pair.side === side) ? [heartbeats] : []
    case 'cluster': return [{ type: 'literal', name: 'kafka-cluster' }]
    case 'checkpoints topic': return [{ type: 'literal', name: flow.policy.checkpointsTopic }]
    case 'canary topic':
      return flow.canary === undefined ? [] : [{ type: 'literal', name: flow.canary.topic }]
    case 'offset syncs topic':
      return flow.offsetSyncs.side === side
        ? [{ type: 'literal', name: flow.offsetSyncs.topic }]
        : []
    case 'consumer groups': return widest(flow.groups.groups.map(expression =>
      patternOf(expression, /^[\w.-]+$/.test(unescaped(expression))))).map(all)
    case 'group': return [{ type: 'literal', name: groupOf(flow.name) }]
  }
}

function renamedPattern (rule: RenameRule): NamePattern {
  const { isWhole, text } = fixedPartOf(rule)
  return { type: isWhole ? 'literal' : 'prefixed', name: text }
}

const heartbeats: NamePattern = { type: 'literal', name: heartbeatsTopic }

/** An authorizer matches every name by `*`, not by an empty prefix. */
function all ({ type, name }: NamePattern): NamePattern {
  return type === 'prefixed' && name === '' ? { type: 'literal', name: '*' } : { type, name }
}

function sourcePatterns ({ topics }: FlowConfig): readonly NamePattern[] {
  const { filter } = topics
  const listed = filter.topics.map(expression =>
    patternOf(expression, filter.names.includes(unescaped(expression))))
  const { canary } = topics
  return widest([
    ...listed,
    ...topics.heartbeats ? [heartbeats] : [],
    ...canary === undefined ? [] : [{ type: 'literal', name: canary } as const]
  ])
}

/**
 * An authorizer knows only names and prefixes: an expression becomes the text before its first
 * special character.
 */
function patternOf (expression: string, isName: boolean): NamePattern {
  if (isName) return { type: 'literal', name: unescaped(expression) }
  const isAlternative = expression.includes('|')
  const [begin = ''] = isAlternative ? [''] : /^(?:[\w-]|\\[.-])*(?![*?{])/.exec(expression) ?? []
  return { type: 'prefixed', name: unescaped(begin) }
}

function unescaped (expression: string): string { return expression.replace(/\\([.-])/g, '$1') }

/** Without the rows that a wider row covers. */
function widest (patterns: readonly NamePattern[]): readonly NamePattern[] {
  const wide = patterns.filter(({ type }) => type === 'prefixed')
  return patterns.filter((pattern, i) => !wide.some(other => other !== pattern &&
    pattern.name.startsWith(other.name) &&
    (pattern.type === 'literal' || pattern.name !== other.name || patterns.indexOf(other) < i)))
}
