// Configurations of MirrorMaker 2's connectors, and the file that means the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import {
  connectorConfigOf, propertiesOf
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
    'tasks.max': '4',
    'key.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter'
  }
}
const checkpoint = {
  'connector.class': 'org.apache.kafka.connect.mirror.MirrorCheckpointConnector',
  'source.cluster.alias': 'east',
  'target.cluster.alias': 'west',
  'source.cluster.bootstrap.servers': 'east-1:9092',
  'groups': 'billing'
}

test('the connectors of one pair become one flow', () => {
  const configs = [source, checkpoint].map(connectorConfigOf)
  const text = propertiesOf(configs.filter(config => config !== undefined))
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

test('a file of something else is refused', () => {
  for (const json of [null, [], { config: { 'connector.class': 'FileStreamSource' } }, 'text']) {
    assert.equal(connectorConfigOf(json), undefined)
  }
})
