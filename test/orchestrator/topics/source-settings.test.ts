// The settings that a remote topic copies from its source topic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  ConfigEntry, ConfigSource
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import {
  createConfigPropertyFilter
} from '../../../src/orchestrator/policy/config-property-filter.ts'
import {
  readSourceSettings, wantedSettings
} from '../../../src/orchestrator/topics/source-settings.ts'
import { createFlow } from '../config/create-config.ts'
import { TopicsCluster } from './topics-cluster.ts'

const { configProperties: byDefault } = createFlow()
const unbounded = '9223372036854775807'
const before = 'message.timestamp.before.max.ms'
const after = 'message.timestamp.after.max.ms'
const difference = 'message.timestamp.difference.max.ms'

function entry (name: string, value: string | null, source: ConfigSource): ConfigEntry {
  return { name, value, source, readOnly: false, sensitive: false }
}

function copyingDefaults (): typeof byDefault {
  return createFlow(['A->B.use.defaults.from = source']).configProperties
}

function excluding (...expressions: readonly string[]): typeof byDefault {
  const parsed = createConfigPropertyFilter(expressions)
  assert.ok(parsed.ok)
  return parsed.filter
}

test('settings of the topic itself are copied, defaults of the cluster are not', () => {
  const { settings } = wantedSettings([
    entry('cleanup.policy', 'compact', 'DYNAMIC_TOPIC_CONFIG'),
    entry('retention.ms', '5', 'STATIC_BROKER_CONFIG'),
    entry('segment.bytes', '6', 'DYNAMIC_DEFAULT_BROKER_CONFIG'),
    entry('flush.ms', '7', 'DEFAULT_CONFIG'),
    entry('confidential', null, 'DYNAMIC_TOPIC_CONFIG')
  ], byDefault)
  assert.deepEqual(settings, { 'cleanup.policy': 'compact' })
})

test('with use.defaults.from=source the defaults are copied, but not those of one broker\'s file',
  () => {
    const { settings } = wantedSettings([
      entry('cleanup.policy', 'compact', 'DYNAMIC_TOPIC_CONFIG'),
      entry('retention.ms', '5', 'STATIC_BROKER_CONFIG'),
      entry('segment.bytes', '6', 'DYNAMIC_DEFAULT_BROKER_CONFIG'),
      entry('flush.ms', '7', 'DEFAULT_CONFIG'),
      entry('min.insync.replicas', '1', 'DEFAULT_CONFIG'),
      { ...entry('fixed', '1', 'DEFAULT_CONFIG'), readOnly: true }
    ], copyingDefaults())
    assert.deepEqual(settings,
      { 'cleanup.policy': 'compact', 'segment.bytes': '6', 'flush.ms': '7' })
  })

test('config.properties.exclude leaves out the list of MirrorMaker 2 or of the file',
  () => {
    const entries = ['min.insync.replicas', 'message.timestamp.type', 'segment.bytes'].map(
      name => entry(name, '1', 'DYNAMIC_TOPIC_CONFIG'))
    assert.deepEqual(wantedSettings(entries, byDefault).settings, { 'segment.bytes': '1' })
    const { configProperties } = createFlow(['config.properties.exclude = segment\\\\..*'])
    assert.deepEqual(wantedSettings(entries, configProperties).settings,
      { 'min.insync.replicas': '1', 'message.timestamp.type': '1' })
  })

// A target of Kafka 4 refuses a record that is an hour ahead, which a source of Kafka 3 accepts.
// Regression: a single such record stopped its partition for good.
test('bounds on timestamps accept what the source accepts, by its version', () => {
  const bounds = (entries: ReadonlyArray<readonly [string, string]>) => wantedSettings(
    entries.map(([name, value]) => entry(name, value, 'DEFAULT_CONFIG')), byDefault).bounds
  const ahead = (ms: string) =>
    [{ [before]: unbounded, [after]: ms }, { [difference]: unbounded }, {}]
  assert.deepEqual(bounds([[before, unbounded], [after, '3600000']]), ahead('3600000'))
  assert.deepEqual(bounds([[difference, unbounded]]), ahead(unbounded), 'before 3.6')
  assert.deepEqual(bounds([[difference, '60000']]), ahead('60000'), 'before 3.6, bounded')
  assert.deepEqual(bounds([[difference, unbounded], [before, unbounded], [after, '70000']]),
    ahead('70000'), '3.6 to 3.9')
  assert.deepEqual(bounds([[difference, '60000'], [before, unbounded], [after, unbounded]]),
    ahead('60000'), '3.6 to 3.9 with the old name')
  assert.deepEqual(bounds([]), [{}], 'a source that shows none')
})

// A record that was an hour old when the source accepted it is a week old when a mirror that was
// set up a week later sends it.
test('no bound on the age of a record is copied, not even one that the topic sets', () => {
  const { settings, bounds } = wantedSettings([
    entry(before, '3600000', 'DYNAMIC_TOPIC_CONFIG'), entry(after, '9', 'DYNAMIC_TOPIC_CONFIG')
  ], byDefault)
  assert.deepEqual(settings, {})
  assert.deepEqual(bounds[0], { [before]: unbounded, [after]: '9' })
})

test('bounds that the file excludes are those of the target', () => {
  const entries = [entry(before, '1', 'DEFAULT_CONFIG'), entry(after, '9', 'DEFAULT_CONFIG')]
  assert.deepEqual(wantedSettings(entries, excluding('message\\.timestamp\\..*')).bounds, [{}])
  assert.deepEqual(wantedSettings(entries, excluding(after)).bounds,
    [{ [before]: unbounded }, { [difference]: unbounded }, {}])
})

test('settings that the source does not show are an error that names the permission', async () => {
  const source = new TopicsCluster('east', { open: { partitions: 1 }, closed: { partitions: 1 } })
  source.hidden.set('closed', 'TOPIC_AUTHORIZATION_FAILED')
  const read = await readSourceSettings(source.admin(), ['open', 'closed', 'deleted'], byDefault)
  assert.deepEqual([...read.keys()], ['open', 'closed'])
  const error = read.get('closed')
  assert.ok(error instanceof Error)
  assert.match(error.message, /^The source cluster does not return .*: closed on east: .*AUTHORIZ/)
  assert.match(error.message, /Grant DESCRIBE_CONFIGS on the source topic/)
})

test('with .* excluded the settings of the source are not requested', async () => {
  const source = new TopicsCluster('east', { closed: { partitions: 1 } })
  source.hidden.set('closed', 'TOPIC_AUTHORIZATION_FAILED')
  const read = await readSourceSettings(source.admin(), ['closed'], excluding('.*'))
  assert.deepEqual([...read], [['closed', { settings: {}, bounds: [{}] }]])
  assert.deepEqual(source.requests, [])
})
