// Converts MirrorMaker 2's connectors on Kafka Connect to a properties file with the same meaning.
// On Kafka Connect each connector has a configuration in JSON, as a worker's REST interface returns
// it. Pure.
import { escapeValue } from '../config/properties-text.ts'
import { redactValue } from '../config/secret-properties.ts'
import { fieldsOf, textsOf, type Fields } from './parsed-value.ts'

/** By property. */
export type ConnectorConfig = Readonly<Record<string, string>>

/** Names of the workers that run a connector. Only Strimzi's resource has them. */
export const workerGroup = 'target.cluster.group.id'
export const workerOffsets = 'target.cluster.offset.storage.topic'

/** Kafka Connect also accepts a class without its package, and without `Connector`. */
const connectorClass =
  /^(?:org\.apache\.kafka\.connect\.mirror\.)?Mirror(Source|Checkpoint|Heartbeat)(?:Connector)?$/

export interface PropertiesFile {
  readonly text: string
  readonly warnings: readonly string[]
}

/**
 * Properties of the connector or of Kafka Connect that a properties file does not need. Many
 * samples write `clusters`, too, which no connector reads.
 */
const left = /^(name|connector\.class|tasks\.max|clusters|(source|target)\.cluster\.alias)$/
/** Converters that change nothing. Any other converter is refused by name when the file is read. */
const plainConverter = /^org\.apache\.kafka\.connect\.converters\.ByteArrayConverter$/
const converter = /^(key|value|header)\.converter$/

/** Connectors, and the settings with which a properties file switches off what they do. */
const switches = {
  MirrorCheckpointConnector: 'emit.checkpoints.enabled',
  MirrorHeartbeatConnector: 'emit.heartbeats.enabled'
}

/** Prefixes of a connector's client properties, and the cluster and client that each belongs to. */
const clients: ReadonlyArray<readonly [prefix: string, side: 'source' | 'target', role: string]> = [
  ['source.cluster.', 'source', ''], ['target.cluster.', 'target', ''],
  ['source.consumer.', 'source', 'consumer.'], ['source.producer.', 'source', 'producer.'],
  ['source.admin.', 'source', 'admin.'], ['target.consumer.', 'target', 'consumer.'],
  ['target.producer.', 'target', 'producer.'], ['target.admin.', 'target', 'admin.'],
  // The producer of the worker, not of the connector, writes the mirrored records.
  ['producer.override.', 'target', 'producer.']
]

/**
 * Of `{"name": ..., "config": {...}}`, of the object of `config` alone, or of Strimzi's
 * KafkaConnector. Undefined: the value is not a configuration of one of MirrorMaker 2's connectors.
 */
export function connectorConfigOf (value: unknown): ConnectorConfig | undefined {
  const config = configIn(fieldsOf(value))
  const [, type] = connectorClass.exec(String(config['connector.class'])) ?? []
  return type === undefined
    ? undefined
    : { ...textsOf(config), 'connector.class': `Mirror${type}Connector` }
}

function configIn (outer: Fields): Fields {
  const { config, kind, metadata, spec } = outer
  const nameIn = ({ name }: Fields): Fields => name === undefined ? {} : { name }
  if (kind === 'KafkaConnector') {
    const { class: type, config: properties } = fieldsOf(spec)
    return { ...nameIn(fieldsOf(metadata)), ...fieldsOf(properties), 'connector.class': type }
  }
  return 'config' in outer ? { ...nameIn(outer), ...fieldsOf(config) } : outer
}

/**
 * Accepts connectors between any clusters. A flow has one value where each connector of MirrorMaker
 * 2 has its own: the first value counts, with a warning. Throws if two configurations of one
 * connector contradict each other, because one of them is out of date.
 */
export function propertiesOf (configs: readonly ConnectorConfig[]): PropertiesFile {
  const properties = new Map<string, { readonly value: string, readonly from: ConnectorConfig }>()
  const warnings: string[] = []
  const add = (name: string, value: string, from: ConnectorConfig): void => {
    const first = properties.get(name)
    if (first === undefined) properties.set(name, { value, from })
    if (first === undefined || first.value === value) return
    const [one, other] = [first.value, value].map(each => redactValue(name, each))
    const of = describe(from)
    if (first.from !== from && describe(first.from) === of) {
      throw new Error(`${of}: two configurations contradict each other, ${name} is ${one} and ` +
        `${other}; leave out the one that does not run`)
    }
    warnings.push(
      `${name} is ${one} in ${describe(first.from)} and ${other} in ${of}: the first counts`)
  }
  const aliases = new Set(configs.flatMap(config => [...aliasesOf(config)]))
  add('clusters', [...aliases].join(', '), {})
  for (const config of configs) {
    const [source, target] = aliasesOf(config)
    add(`${source}->${target}.enabled`, 'true', config)
    for (const [name, value] of Object.entries(config)) {
      if (left.test(name) || (converter.test(name) && plainConverter.test(value))) continue
      add(placed(name, source, target), value, config)
    }
  }
  for (const { name, text } of switchedOff(configs)) {
    if (properties.has(name)) continue
    properties.set(name, { value: 'false', from: {} })
    warnings.push(text)
  }
  const lines = [...properties].map(([name, { value }]) => `${name} = ${escapeValue(value)}\n`)
  return { text: lines.join(''), warnings }
}

/**
 * What a flow does by default, but no connector of its pair of clusters did: with a properties file
 * all connectors of a pair run.
 */
function switchedOff (
  configs: readonly ConnectorConfig[]
): ReadonlyArray<{ readonly name: string, readonly text: string }> {
  const pairs = new Set(configs.map(config => aliasesOf(config).join('->')))
  return [...pairs].flatMap(pair => {
    const types = configs.filter(config => aliasesOf(config).join('->') === pair).map(typeOf)
    return Object.entries(switches).filter(([type]) => !types.includes(type))
      .map(([type, setting]) => ({
        name: `${pair}.${setting}`,
        text: `no ${type} of ${pair} was found, so ${setting} is false`
      }))
  })
}

/**
 * The options with which a command imports the positions of each flow, beside what the file says.
 */
export function importOptionsOf (configs: readonly ConnectorConfig[]): readonly string[] {
  const sources = configs.filter(config => typeOf(config) === 'MirrorSourceConnector')
  return sources.map(config => {
    const { name = 'MirrorSourceConnector' } = config
    const flow = aliasesOf(config).join('->')
    const choice = sources.length === 1 ? '' : `--flow '${flow}' `
    return `for the import of ${flow}: ${choice}--connector '${name}'` +
      (workerGroup in config && workerOffsets in config
        ? ''
        : ' --offsets-topic OFFSETS --connect-group GROUP, where OFFSETS is ' +
          'offset.storage.topic and GROUP is group.id of the Connect workers')
  })
}

function describe (config: ConnectorConfig): string {
  return `${typeOf(config)} of ${aliasesOf(config).join('->')}`
}

function typeOf (config: ConnectorConfig): string {
  return config['connector.class']?.split('.').at(-1) ?? ''
}

function aliasesOf (config: ConnectorConfig): readonly [source: string, target: string] {
  return [config['source.cluster.alias'] ?? 'source', config['target.cluster.alias'] ?? 'target']
}

function placed (name: string, source: string, target: string): string {
  for (const [prefix, side, role] of clients) {
    if (!name.startsWith(prefix)) continue
    return `${side === 'source' ? source : target}.${role}${name.slice(prefix.length)}`
  }
  return `${source}->${target}.${name}`
}
