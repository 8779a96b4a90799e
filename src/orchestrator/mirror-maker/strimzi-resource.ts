// Converts Strimzi's KafkaMirrorMaker2 resource, v1beta2 and v1, to the configurations of the
// connectors that Strimzi creates for it. Pure.
import { workerGroup, workerOffsets, type ConnectorConfig } from './connector-config.ts'
import { fieldsOf, listOf, textsOf, type Fields } from './parsed-value.ts'
import { loginOf } from './strimzi-login.ts'

export interface StrimziConfigs {
  readonly configs: readonly ConnectorConfig[]
  /** Properties of the resource that the user must add to the file by hand. */
  readonly warnings: readonly string[]
}

const connectors = {
  sourceConnector: 'MirrorSourceConnector',
  checkpointConnector: 'MirrorCheckpointConnector',
  heartbeatConnector: 'MirrorHeartbeatConnector'
} as const

/** Fields of a mirror, and the connector property to which Strimzi writes each of them. */
const patterns: ReadonlyArray<readonly [property: string, setting: string]> = [
  ['topics', 'topicsPattern'],
  ['topics.exclude', 'topicsExcludePattern'],
  ['topics.exclude', 'topicsBlacklistPattern'],
  ['groups', 'groupsPattern'],
  ['groups.exclude', 'groupsExcludePattern'],
  ['groups.exclude', 'groupsBlacklistPattern']
]

/** Undefined: the value is not a KafkaMirrorMaker2 resource. */
export function strimziConfigsOf (value: unknown): StrimziConfigs | undefined {
  const resource = fieldsOf(value)
  if (resource['kind'] !== 'KafkaMirrorMaker2') return undefined
  const spec = fieldsOf(resource['spec'])
  const mirrors = listOf(spec['mirrors']).map(mirror => ({ mirror, ...pairOf(mirror, spec) }))
  const clusters = new Map(mirrors.flatMap(({ source, target }) => [source, target])
    .map(cluster => [aliasOf(cluster), cluster]))
  return {
    configs: mirrors.flatMap(({ mirror, source, target }) =>
      configsOf(mirror, source, target, workerOf(spec))),
    warnings: [
      ...mirrors.flatMap(({ mirror, source, target }) =>
        remarksOn(mirror, `${aliasOf(source)}->${aliasOf(target)}`)),
      ...[...clusters.values()].flatMap(cluster => [
        ...'bootstrapServers' in cluster
          ? []
          : [`the resource has no bootstrapServers of cluster ${aliasOf(cluster)}: write ` +
            `${aliasOf(cluster)}.bootstrap.servers`],
        ...loginOf(aliasOf(cluster), cluster).warnings
      ])
    ]
  }
}

/** Contents of the resource that a properties file cannot express, or expresses in another way. */
function remarksOn (mirror: Fields, flow: string): readonly string[] {
  const source = fieldsOf(mirror['sourceConnector'])
  const isPaused = source['pause'] === true || source['state'] === 'paused' ||
    source['state'] === 'stopped'
  return [
    ...'sourceConnector' in mirror
      ? []
      : [`the mirror ${flow} has no sourceConnector, so it mirrors no records: write ` +
        `${flow}.topics with an empty value to mirror none here, either`],
    ...isPaused
      ? [`the source connector of ${flow} is paused; the flow runs: write ${flow}.enabled = ` +
        'false until it is wanted']
      : []
  ]
}

/** In v1 each mirror contains its clusters; in v1beta2 mirrors name clusters by alias. */
function pairOf (
  mirror: Fields, spec: Fields
): { readonly source: Fields, readonly target: Fields } {
  const named = (alias: unknown): Fields =>
    listOf(spec['clusters']).find(cluster => cluster['alias'] === alias) ?? { alias }
  return {
    source: 'source' in mirror ? fieldsOf(mirror['source']) : named(mirror['sourceCluster']),
    target: 'target' in spec ? fieldsOf(spec['target']) : named(mirror['targetCluster'])
  }
}

/**
 * The names of the workers at the target. v1 has fields for them; v1beta2 has them in the
 * configuration of the workers' cluster.
 */
function workerOf (spec: Fields): ConnectorConfig {
  const target = textsOf(spec['target'])
  const connect = listOf(spec['clusters']).find(({ alias }) => alias === spec['connectCluster'])
  const config = textsOf(connect?.['config'])
  return {
    [workerGroup]: target['groupId'] ?? config['group.id'] ?? 'mirrormaker2-cluster',
    [workerOffsets]: target['offsetStorageTopic'] ?? config['offset.storage.topic'] ??
      'mirrormaker2-cluster-offsets'
  }
}

const aliasOf = (cluster: Fields): string => String(cluster['alias'])

function configsOf (
  mirror: Fields, source: Fields, target: Fields, worker: ConnectorConfig
): readonly ConnectorConfig[] {
  const common: Record<string, string> = {
    'source.cluster.alias': aliasOf(source),
    'target.cluster.alias': aliasOf(target),
    ...clusterProperties('source', source),
    ...clusterProperties('target', target),
    ...worker
  }
  const chosen = Object.fromEntries(patterns.flatMap(([property, setting]) => {
    const value = mirror[setting]
    return typeof value === 'string' ? [[property, value]] : []
  })) as Readonly<Record<string, string>>
  return Object.entries(connectors).filter(([name]) => name in mirror).map(([name, type]) => ({
    ...common,
    ...textsOf(fieldsOf(mirror[name])['config']),
    // In Strimzi these fields override the configuration of a connector.
    ...chosen,
    'name': `${aliasOf(source)}->${aliasOf(target)}.${type}`,
    'connector.class': `org.apache.kafka.connect.mirror.${type}`
  }))
}

function clusterProperties (
  side: 'source' | 'target', cluster: Fields
): Readonly<Record<string, string>> {
  const { bootstrapServers } = cluster
  const properties = {
    ...typeof bootstrapServers === 'string' ? { 'bootstrap.servers': bootstrapServers } : {},
    ...loginOf(aliasOf(cluster), cluster).properties,
    // Settings of the Connect worker: workerOf() adds those that a migration needs.
    ...Object.fromEntries(Object.entries(textsOf(cluster['config']))
      .filter(([name]) => !/^(offset|config|status)\.storage\.|^group\.id$/.test(name)))
  }
  return Object.fromEntries(Object.entries(properties)
    .map(([name, value]) => [`${side}.cluster.${name}`, value]))
}
