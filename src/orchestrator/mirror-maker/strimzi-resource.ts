// Strimzi's KafkaMirrorMaker2 resource, as `kubectl get kafkamirrormaker2 NAME -o json` prints it,
// as the configurations of the connectors that Strimzi creates of it. Pure.
import type { ConnectorConfig } from './connector-config.ts'

export interface StrimziConfigs {
  readonly configs: readonly ConnectorConfig[]
  /** What the resource says and the file cannot: to be added by hand. */
  readonly warnings: readonly string[]
}

const connectors = {
  sourceConnector: 'MirrorSourceConnector',
  checkpointConnector: 'MirrorCheckpointConnector',
  heartbeatConnector: 'MirrorHeartbeatConnector'
} as const

/** Undefined: it is no such resource. */
export function strimziConfigsOf (json: unknown): StrimziConfigs | undefined {
  const resource = fieldsOf(json)
  if (resource['kind'] !== 'KafkaMirrorMaker2') return undefined
  const spec = fieldsOf(resource['spec'])
  const clusters = new Map(listOf(spec['clusters']).map(each => [String(each['alias']), each]))
  const configs = listOf(spec['mirrors']).flatMap(mirror => configsOf(mirror, clusters))
  const warnings = [...clusters].flatMap(([alias, cluster]) => [
    ...'authentication' in cluster
      ? [`cluster ${alias} has an authentication: write ${alias}.security.protocol and its login`]
      : [],
    ...'tls' in cluster
      ? [`cluster ${alias} has tls: write ${alias}.security.protocol and ${alias}.ssl.*`]
      : []
  ])
  return { configs, warnings }
}

function configsOf (
  mirror: Fields, clusters: ReadonlyMap<string, Fields>
): readonly ConnectorConfig[] {
  const source = String(mirror['sourceCluster'])
  const target = String(mirror['targetCluster'])
  const common: Record<string, string> = {
    'source.cluster.alias': source,
    'target.cluster.alias': target,
    ...clusterProperties('source', clusters.get(source)),
    ...clusterProperties('target', clusters.get(target)),
    ...namedIf('topics', mirror['topicsPattern']),
    ...namedIf('topics.exclude', mirror['topicsExcludePattern']),
    ...namedIf('groups', mirror['groupsPattern']),
    ...namedIf('groups.exclude', mirror['groupsExcludePattern'])
  }
  return Object.entries(connectors).filter(([name]) => name in mirror).map(([name, type]) => ({
    ...common,
    ...textsOf(fieldsOf(mirror[name])['config']),
    'connector.class': `org.apache.kafka.connect.mirror.${type}`
  }))
}

function clusterProperties (
  side: 'source' | 'target', cluster: Fields = {}
): Readonly<Record<string, string>> {
  const config = Object.entries(textsOf(cluster['config']))
    // Of the Connect worker, which Longhaul does not have.
    .filter(([name]) => !/^(offset|config|status)\.storage\.|^group\.id$/.test(name))
    .map(([name, value]) => [`${side}.cluster.${name}`, value])
  return {
    ...namedIf(`${side}.cluster.bootstrap.servers`, cluster['bootstrapServers']),
    ...Object.fromEntries(config) as Readonly<Record<string, string>>
  }
}

function namedIf (name: string, value: unknown): Readonly<Record<string, string>> {
  return typeof value === 'string' ? { [name]: value } : {}
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf (value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function listOf (value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : []
}

function textsOf (value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fieldsOf(value))
    .map(([name, each]) => [name, String(each)]))
}
