// MirrorMaker 2 on Kafka Connect has no properties file: each of its connectors has a configuration
// in JSON, as a worker's REST interface returns it. The properties file that means the same. Pure.
import { fieldsOf } from './parsed-value.ts'

/** `{"name": ..., "config": {...}}`, or the object of `config` alone. */
export type ConnectorConfig = Readonly<Record<string, string>>

const connectorClass =
  /^org\.apache\.kafka\.connect\.mirror\.Mirror(Source|Checkpoint|Heartbeat)Connector$/

/** Of the connector or of Kafka Connect, and meaningless in a properties file. */
const left = /^(name|connector\.class|tasks\.max|(source|target)\.cluster\.alias)$/
/** Converters that change nothing. Others are refused by name when the file is read. */
const plainConverter = /^org\.apache\.kafka\.connect\.converters\.ByteArrayConverter$/
const converter = /^(key|value|header)\.converter$/

/** Prefixes of a connector's client properties, and whose they are in a properties file. */
const clients: ReadonlyArray<readonly [prefix: string, side: 'source' | 'target', role: string]> = [
  ['source.cluster.', 'source', ''], ['target.cluster.', 'target', ''],
  ['source.consumer.', 'source', 'consumer.'], ['source.producer.', 'source', 'producer.'],
  ['source.admin.', 'source', 'admin.'], ['target.consumer.', 'target', 'consumer.'],
  ['target.producer.', 'target', 'producer.'], ['target.admin.', 'target', 'admin.'],
  // The records themselves are written by the worker's producer.
  ['producer.override.', 'target', 'producer.']
]

/** Undefined: it is no configuration of one of MirrorMaker 2's connectors. */
export function connectorConfigOf (json: unknown): ConnectorConfig | undefined {
  const outer = fieldsOf(json)
  const config = 'config' in outer ? fieldsOf(outer['config']) : outer
  if (!connectorClass.test(String(config['connector.class']))) return undefined
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]))
}

/** Of connectors between any clusters; of one pair and one name, the first value counts. */
export function propertiesOf (configs: readonly ConnectorConfig[]): string {
  const properties = new Map<string, string>()
  const add = (name: string, value: string): void => {
    if (!properties.has(name)) properties.set(name, value)
  }
  const aliases = new Set(configs.flatMap(config => [...aliasesOf(config)]))
  add('clusters', [...aliases].join(', '))
  for (const config of configs) {
    const [source, target] = aliasesOf(config)
    add(`${source}->${target}.enabled`, 'true')
    for (const [name, value] of Object.entries(config)) {
      if (left.test(name) || (converter.test(name) && plainConverter.test(value))) continue
      add(placed(name, source, target), value)
    }
  }
  return [...properties].map(([name, value]) => `${name} = ${escape(value)}\n`).join('')
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

/** A backslash and a line end mean something else in a properties file. */
function escape (value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replace(/^ /, '\\ ')
}
