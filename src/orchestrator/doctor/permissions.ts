// Which permissions of the table in flow/required-acls.ts the brokers report as missing. The
// operations on topics and clusters are looked up (KIP-430), those on groups are tried. What a
// start would create is validated by the start check.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { groupOf } from '../cluster/flow-group.ts'
import type { FlowConfig } from '../config/config.ts'
import type { Side } from '../config/property-path.ts'
import {
  neededPermissions, type Operation, type PermissionRow, type Resource
} from '../flow/required-acls.ts'
import { ownTopicsOf } from '../plan/own-topics.ts'
import {
  examinedTopicsMax, listed, seenIn, type Check, type CheckContext, type Finding } from './check.ts'

/** What the brokers of one side allow. */
export interface Allowed {
  /**
   * By topic; undefined: the broker does not report operations; empty: the principal may not see
   * whether the topic exists. Without topics that do not exist.
   */
  readonly topics: ReadonlyMap<string, readonly string[] | undefined>
  readonly cluster: readonly string[] | undefined
}

/** A permission that the brokers do not grant, on some resources. */
export interface Missing extends Pick<PermissionRow, 'operation' | 'resource' | 'side' | 'why'> {
  readonly names: readonly string[]
}

/** Pure. `topicsOf`: the existing topics of a resource. */
export function missingPermissions (
  needed: readonly PermissionRow[], allowed: Readonly<Record<Side, Allowed>>,
  topicsOf: (resource: Resource, side: Side) => readonly string[]
): readonly Missing[] {
  return needed.flatMap(({ operation, resource, side, why }): readonly Missing[] => {
    const { cluster, topics } = allowed[side]
    const name = kafkaName(operation)
    if (resource === 'cluster') {
      return cluster === undefined || cluster.includes(name)
        ? []
        : [{ operation, resource, side, why, names: ['cluster'] }]
    }
    const names = topicsOf(resource, side).filter(topic => {
      const operations = topics.get(topic)
      if (operations === undefined) return false
      // A topic that the principal may describe exists, and need not be created.
      return operation === 'Create' ? operations.length === 0 : !operations.includes(name)
    })
    return names.length === 0 ? [] : [{ operation, resource, side, why, names }]
  })
}

/** DescribeConfigs is DESCRIBE_CONFIGS in Kafka's protocol. */
function kafkaName (operation: Operation): string {
  return operation.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
}

export const permissionsCheck: Check = {
  name: 'permissions',
  run: async context => {
    const { clusters, config } = context
    const topicsOf = topicsIn(config, context.flow.check.topics)
    const needed = neededPermissions(config)
    const lookUp = async (side: Side): Promise<Allowed> => await allowedOn(clusters[side],
      [...new Set(needed.filter(row => row.side === side)
        .flatMap(({ resource }) => topicsOf(resource, side)))])
    const [source, target] = await Promise.all([lookUp('source'), lookUp('target')])
    const missing = missingPermissions(needed, { source, target }, topicsOf)
    const findings = [
      ...missing.map(({ names, operation, resource, side, why }): Finding => ({
        severity: 'problem',
        about: config[side].alias,
        measured: `no ${operation} on ${resource === 'cluster' ? 'the cluster' : listed(names)}: ` +
          `Longhaul ${why}`,
        advice: 'Grant it; `longhaul acls FILE` prints the commands'
      })),
      ...await groupFindings(context),
      ...unreported(context, { source, target })
    ]
    return findings.length > 0
      ? findings
      : [{
          severity: 'ok',
          about: config.name,
          measured: `the brokers grant what ${needed.length} rows of the permissions need`
        }]
  }
}

/** The existing topics of a resource, and those that the flow keeps for itself. Pure. */
export function topicsIn (
  config: FlowConfig, topics: CheckContext['flow']['check']['topics']
): (resource: Resource, side: Side) => readonly string[] {
  const some = topics.slice(0, examinedTopicsMax)
  const own = ownTopicsOf(config)
  const held = (holds: string, side: Side): readonly string[] =>
    own.filter(each => each.holds === holds && each.side === side).map(({ topic }) => topic)
  return (resource, side) => {
    switch (resource) {
      case 'source topics': return some.map(({ topic }) => topic)
      case 'remote topics': return some.filter(({ targetPartitions }) => targetPartitions > 0)
        .map(({ remoteTopic }) => remoteTopic)
      case 'progress topic': return held('progress', side)
      case 'heartbeats topic': return held('heartbeats', side)
      case 'checkpoints topic': return held('checkpoints', side)
      case 'offset syncs topic': return held('offset syncs', side)
      case 'canary topic': return held('canary records', side)
      // The brokers report their operations on topics and on the cluster only; the topics of other
      // flows are not those of the file.
      case 'cluster':
      case 'consumer groups':
      case 'group':
      case 'inbound progress topics': return []
    }
  }
}

async function allowedOn (admin: ClusterAdmin, names: readonly string[]): Promise<Allowed> {
  const [described, { operations }] = await Promise.all([
    names.length === 0 ? [] : admin.describeTopics(names, { withOperations: true }),
    admin.describeCluster({ withOperations: true })
  ])
  return {
    cluster: operations,
    topics: new Map(described.flatMap(({ error, name, operations }) => {
      if (error === undefined) return [[name, operations] as const]
      return error.errorName === 'TOPIC_AUTHORIZATION_FAILED' ? [[name, []] as const] : []
    }))
  }
}

/** A group on one side, and why the flow needs it. */
export interface NeededGroup extends Pick<PermissionRow, 'operation' | 'side' | 'why'> {
  readonly group: string
}

/** The flow's own group, and those that the file names without an expression. Pure. */
export function neededGroups (config: FlowConfig): readonly NeededGroup[] {
  const named = config.groups.groups.filter(each => /^[\w-]+$/.test(each))
    .slice(0, examinedGroupsMax)
  return neededPermissions(config).flatMap(({ operation, resource, side, why }) => {
    const groups = resource === 'group'
      ? [groupOf(config.name)]
      : resource === 'consumer groups' ? named : []
    return groups.map(group => ({ operation, side, why, group }))
  })
}

const examinedGroupsMax = 100

/**
 * A group that does not exist yet shows a missing DESCRIBE, too; READ includes DESCRIBE. A broker
 * that is asked for a group creates the topic of committed offsets if it has none; the doctor must
 * change nothing, so it does not ask then.
 */
async function groupFindings ({ clusters, config }: CheckContext): Promise<readonly Finding[]> {
  const needed = neededGroups(config)
  const found = await Promise.all((['source', 'target'] as const).map(async side => {
    const own = needed.filter(each => each.side === side)
    const [offsets] = await clusters[side].describeTopics(['__consumer_offsets'])
    if (own.length === 0 || offsets?.error?.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') return []
    const described = await clusters[side].groupOffsets(own.map(({ group }) => group))
    return own.flatMap(({ group, operation, why }, i): readonly Finding[] => {
      const error = described[i]?.error
      return error?.errorName !== 'GROUP_AUTHORIZATION_FAILED'
        ? []
        : [{
            severity: 'problem',
            about: config[side].alias,
            measured: `${seenIn(error)}; Longhaul ${why}`,
            advice: `Grant ${operation.toUpperCase()} on the group ${group}; ` +
              '`longhaul acls FILE` prints the command'
          }]
    })
  }))
  return found.flat()
}

function unreported (
  { config }: CheckContext, allowed: Readonly<Record<Side, Allowed>>
): readonly Finding[] {
  return (['source', 'target'] as const).filter(side => allowed[side].cluster === undefined)
    .map(side => ({
      severity: 'note',
      about: config[side].alias,
      measured: 'the brokers do not report which operations they allow (Kafka before 2.3)',
      advice: 'Compare the ACLs with what `longhaul acls FILE` prints'
    }))
}
