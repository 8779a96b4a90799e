// Configurations of MirrorMaker 2's connectors, and the properties file with the same meaning.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import {
  type ConnectorConfig, connectorConfigOf, importOptionsOf, propertiesOf
} from '../../../src/orchestrator/mirror-maker/connector-config.ts'

const source = {
  name: 'east-west-source',
  config: {
    'connector.class': 'org.apache.kafka.connect.mirror.MirrorSourceConnector',
    'source.cluster.alias': 'east',
    'target.cluster.alias': 'west',
    'source.cluster.bootstrap.servers': 'east-1:9092',
    'target.cluster.bootstrap.servers': 'west-1:9092',
    'source.consumer.fetch.max.bytes': '1048576',
    'producer.override.linger.ms': 100,
    'topics': 'orders, pay\\..*',
    'clusters': 'east,west',
    'tasks.max': '4',
    'key.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter'
  }
}
const heartbeat = {
  'connector.class': 'org.apache.kafka.connect.mirror.MirrorHeartbeatConnector',
  'source.cluster.alias': 'east',
  'target.cluster.alias': 'west'
}
const checkpoint = {
  'connector.class': 'org.apache.kafka.connect.mirror.MirrorCheckpointConnector',
  'source.cluster.alias': 'east',
  'target.cluster.alias': 'west',
  'source.cluster.bootstrap.servers': 'east-1:9092',
  'groups': 'billing'
}

function configsOf (values: readonly unknown[]): readonly ConnectorConfig[] {
  return values.map(connectorConfigOf).filter(config => config !== undefined)
}

test('the connectors of one pair become one flow', () => {
  const { text, warnings } = propertiesOf(configsOf([source, checkpoint, heartbeat]))
  assert.deepEqual(warnings, [])
  assert.equal(text, [
    'clusters = east, west',
    'east->west.enabled = true',
    'east.bootstrap.servers = east-1:9092',
    'west.bootstrap.servers = west-1:9092',
    'east.consumer.fetch.max.bytes = 1048576',
    'west.producer.linger.ms = 100',
    'east->west.topics = orders, pay\\\\..*',
    'east->west.groups = billing', ''
  ].join('\n'))
  const parsed = parseConfig(text)
  assert.ok(parsed.ok)
  const [flow] = parsed.config.flows
  assert.equal(flow?.name, 'east->west')
  assert.deepEqual(flow.settings.topics, ['orders', 'pay\\..*'])
})

test('connectors of one pair with other values: the first counts, with a warning', () => {
  const { text, warnings } = propertiesOf(configsOf([source, heartbeat,
    { ...checkpoint, 'source.cluster.bootstrap.servers': 'east-2:9092' }]))
  assert.match(text, /^east\.bootstrap\.servers = east-1:9092$/m)
  assert.deepEqual(warnings, ['east.bootstrap.servers is east-1:9092 in MirrorSourceConnector of ' +
    'east->west and east-2:9092 in MirrorCheckpointConnector of east->west: the first counts'])
})

test('two configurations of one connector that contradict each other are refused', () => {
  const other = { ...source, config: { ...source.config, 'topics': 'bills' } }
  assert.throws(() => propertiesOf(configsOf([source, other])),
    /MirrorSourceConnector of east->west: .* east->west\.topics is orders, pay\S+ and bills;/)
  const secret = { 'source.cluster.sasl.jaas.config': 'password="hidden"' }
  assert.throws(() => propertiesOf(configsOf([{ ...checkpoint, ...secret },
    { ...checkpoint, 'source.cluster.sasl.jaas.config': 'password="veiled"' }])),
  ({ message }: Error) => /jaas\.config is/.test(message) && !/hidden|veiled/.test(message))
})

// Regression: a properties file switches on what no connector did. Strimzi's samples have no
// heartbeat connector, and the converted file wrote heartbeats.
test('what no connector of a pair did is switched off, with a warning', () => {
  const { text, warnings } = propertiesOf(configsOf([source]))
  assert.match(text, /^east->west\.emit\.heartbeats\.enabled = false$/m)
  assert.match(text, /^east->west\.emit\.checkpoints\.enabled = false$/m)
  assert.deepEqual(warnings, [
    'no MirrorCheckpointConnector of east->west was found, so emit.checkpoints.enabled is false',
    'no MirrorHeartbeatConnector of east->west was found, so emit.heartbeats.enabled is false'])
  const written = propertiesOf(configsOf([
    { ...source, config: { ...source.config, 'emit.heartbeats.enabled': 'true' } }, checkpoint]))
  assert.match(written.text, /^east->west\.emit\.heartbeats\.enabled = true$/m)
})

test('the import needs the name of the source connector, and names of the workers', () => {
  assert.match(importOptionsOf(configsOf([source, checkpoint])).join(),
    /--offsets-topic OFFSETS .* OFFSETS is offset\.storage\.topic and GROUP is group\.id/)
})

test('a file of another kind is refused', () => {
  for (const json of [null, [], { config: { 'connector.class': 'FileStreamSource' } }, 'text']) {
    assert.equal(connectorConfigOf(json), undefined)
  }
})
