// How remote topics follow the settings of their source topics, run after run.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConfigAlteration } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { RefusedSettings } from '../../../src/orchestrator/topics/refused-settings.ts'
import { TopicConfigSync } from '../../../src/orchestrator/topics/topic-config-sync.ts'
import { createFlow } from '../config/create-config.ts'
import { TopicsCluster } from './topics-cluster.ts'

const never = new AbortController().signal

/** Topics of both clusters by their names; the remote topic of `orders` is `east.orders`. */
function createSync (
  onSource: Readonly<Record<string, Readonly<Record<string, string>>>>,
  onTarget: Readonly<Record<string, Readonly<Record<string, string>>>>,
  lines: readonly string[] = []
) {
  const clusterOf = (name: string, topics: typeof onSource): TopicsCluster =>
    new TopicsCluster(name, Object.fromEntries(
      Object.entries(topics).map(([topic, configs]) => [topic, { partitions: 1, configs }])))
  const source = clusterOf('east', onSource)
  const target = clusterOf('west', onTarget)
  const refused = new RefusedSettings()
  const open = (): TopicConfigSync => new TopicConfigSync({
    source: source.admin(),
    target: target.admin(),
    configProperties: createFlow(lines).configProperties,
    refused
  })
  const sync = open()
  const topics = Object.keys(onSource).map(topic => ({ topic, remoteTopic: `east.${topic}` }))
  return {
    source, target, refused, open, topics,
    run: async (by = sync) => await by.syncOnce(topics, never),
    set: (topic: string, configs: Readonly<Record<string, string>>) => {
      source.topics.set(topic, { partitions: 1, configs })
    },
    configsOf: (topic: string) => target.topics.get(topic)?.configs
  }
}

/** Like a broker that does not know a setting: refuses all changes of the topic. */
function unknownTo (...names: readonly string[]): TopicsCluster['refuseChange'] {
  return ({ changes }: ConfigAlteration) => {
    const unknown = changes.find(({ name }) => names.includes(name))
    return unknown === undefined
      ? undefined
      : new ReplicatorError('INVALID_CONFIG', `Unknown topic config name: ${unknown.name}`)
  }
}

describe('the settings of a remote topic', () => {
  test('follow those of the source topic; settings that only the target has are kept', async () => {
    const { configsOf, run, set, target } = createSync(
      { orders: { 'retention.ms': '1' } }, { 'east.orders': { 'max.message.bytes': '9' } })
    assert.deepEqual((await run()).changed, ['orders'])
    assert.deepEqual(configsOf('east.orders'), { 'max.message.bytes': '9', 'retention.ms': '1' })
    set('orders', { 'segment.ms': '2' })
    await run()
    assert.deepEqual(configsOf('east.orders'), { 'max.message.bytes': '9', 'segment.ms': '2' })
    target.requests.length = 0
    assert.deepEqual((await run()).changed, [])
    assert.deepEqual(target.requests, ['describeConfigs(1)'], 'nothing to change')
  })

  test('are unchanged if config.properties.exclude names them', async () => {
    const { configsOf, run } = createSync(
      { orders: { 'retention.ms': '1', 'segment.ms': '2', 'min.insync.replicas': '2' } },
      { 'east.orders': { 'retention.ms': '5' } },
      ['config.properties.exclude = retention\\\\..*, min\\\\.insync\\\\.replicas'])
    await run()
    assert.deepEqual(configsOf('east.orders'), { 'retention.ms': '5', 'segment.ms': '2' })
  })

  test('are not requested with .* excluded', async () => {
    const { run, source, target } = createSync(
      { orders: { 'retention.ms': '1' } }, { 'east.orders': {} },
      ['config.properties.exclude = .*'])
    assert.deepEqual(await run(), { changed: [], warnings: [], failure: undefined })
    assert.deepEqual([...source.requests, ...target.requests], [])
  })

  test('are those in effect on the source with use.defaults.from=source', async () => {
    const create = (from: string) => createSync(
      { orders: {} }, { 'east.orders': {} }, [`use.defaults.from = ${from}`])
    const copied = create('source')
    copied.source.defaults = { 'flush.ms': '7', 'min.insync.replicas': '2' }
    await copied.run()
    assert.deepEqual(copied.configsOf('east.orders'), { 'flush.ms': '7' })
    const left = create('target')
    left.source.defaults = { 'flush.ms': '7' }
    await left.run()
    assert.deepEqual(left.configsOf('east.orders'), {})
  })

  test('that the target refuses are left out and reported once; the others follow', async () => {
    const { configsOf, run, set, target } = createSync(
      { orders: { 'retention.ms': '1', 'new.in.5': '2', 'segment.ms': '3' } },
      { 'east.orders': {} })
    target.refuseChange = unknownTo('new.in.5')
    const { changed, failure, warnings } = await run()
    assert.deepEqual(changed, ['orders'])
    assert.equal(failure, undefined)
    assert.deepEqual(configsOf('east.orders'), { 'retention.ms': '1', 'segment.ms': '3' })
    assert.match(warnings.map(({ message }) => message).join('\n'),
      /^The target cluster refuses a setting .*: new\.in\.5=2 of orders: .*INVALID_CONFIG of west/)
    target.requests.length = 0
    assert.deepEqual((await run()).warnings, [])
    assert.deepEqual(target.requests, ['describeConfigs(1)'], 'the refused setting is not resent')
    set('orders', { 'new.in.5': '4' })
    assert.equal((await run()).warnings.length, 1, 'another value is tried')
  })

  test('that the target has refused at creation are not sent again', async () => {
    const { refused, run, target } = createSync({ orders: { new: '1' } }, { 'east.orders': {} })
    const refusal = new ReplicatorError('INVALID_CONFIG', 'unknown')
    refused.add([{ topic: 'orders', leftOut: [{ name: 'new', value: '1', refusal }] }])
    await run()
    assert.deepEqual(target.requests, ['describeConfigs(1)'])
  })
})

describe('a topic whose settings cannot be copied', () => {
  test('is named with the missing permission, and the others follow', async () => {
    const { configsOf, run, source, target } = createSync(
      { closed: { a: '1' }, hidden: { a: '1' }, locked: { a: '1' }, open: { a: '1' } },
      { 'east.closed': {}, 'east.hidden': {}, 'east.locked': {}, 'east.open': {} })
    source.hidden.set('closed', 'TOPIC_AUTHORIZATION_FAILED')
    target.hidden.set('east.hidden', 'TOPIC_AUTHORIZATION_FAILED')
    target.refuseChange = ({ name }) => name === 'east.locked'
      ? new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', name)
      : undefined
    const { changed, failure } = await run()
    assert.deepEqual(changed, ['open'])
    assert.deepEqual(configsOf('east.open'), { a: '1' })
    assert.match(failure?.message ?? '',
      /cannot be copied .*: closed, hidden, locked: .*Grant DESCRIBE_CONFIGS and ALTER_CONFIGS/)
  })

  test('is ignored if it was deleted on either side since it was listed', async () => {
    const { run, source, target } = createSync(
      { gone: { a: '1' }, lost: { a: '1' } }, { 'east.gone': {}, 'east.lost': {} })
    source.topics.delete('gone')
    target.topics.delete('east.lost')
    assert.deepEqual(await run(), { changed: [], warnings: [], failure: undefined })
  })

  // Regression: the deletion counted as done before the target had answered, and was never sent
  // again.
  for (const [what, failOnce] of [
    ['the request fails', (target: TopicsCluster) => {
      target.beforeRequest = name => {
        if (name !== 'incrementalAlterConfigs') return
        target.beforeRequest = () => {}
        throw new ReplicatorError('TIMED_OUT', 'west')
      }
    }],
    ['the topic is refused', (target: TopicsCluster) => {
      target.refuseChange = ({ name }) => {
        target.refuseChange = () => undefined
        return new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', name)
      }
    }]
  ] as const) {
    test(`still loses settings that were deleted on the source after ${what}`, async () => {
      const { configsOf, run, set, target } = createSync(
        { orders: { a: '1' } }, { 'east.orders': { a: '1' } })
      await run()
      set('orders', {})
      failOnce(target)
      await run().catch(() => {})
      assert.deepEqual(configsOf('east.orders'), { a: '1' })
      await run()
      assert.deepEqual(configsOf('east.orders'), {})
    })
  }

  test('names brokers that cannot change single settings', async () => {
    const { run, target } = createSync({ orders: { a: '1' } }, { 'east.orders': {} })
    target.beforeRequest = name => {
      if (name !== 'incrementalAlterConfigs') return
      throw new ReplicatorError('_UNSUPPORTED_FEATURE', '')
    }
    await assert.rejects(run(), /the brokers of west cannot change single settings, .*Kafka 2\.3/)
  })

  test('is changed by the next owner, which deletes no setting that it has not seen', async () => {
    const { configsOf, open, run, set } = createSync(
      { orders: { a: '1', b: '1' } }, { 'east.orders': {} })
    await run()
    set('orders', { a: '2' })
    await run(open())
    assert.deepEqual(configsOf('east.orders'), { a: '2', b: '1' })
  })
})
