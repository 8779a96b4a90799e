// The progress topic: created with the settings that keep a restart short, and corrected to them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  ensureProgressTopic, progressTopicOf, staleRecordsPerSlotMax, type ProgressTopicOptions
} from '../../../src/orchestrator/progress/progress-topic.ts'
import { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

const topic = progressTopicOf('east')
const settings = {
  'cleanup.policy': 'compact',
  'segment.bytes': '1048576',
  'segment.ms': '600000',
  'min.cleanable.dirty.ratio': '0.1',
  'min.compaction.lag.ms': '0',
  'max.compaction.lag.ms': '600000',
  'delete.retention.ms': '3600000'
}

function createTopic (): {
  readonly cluster: FakeCluster
  readonly options: ProgressTopicOptions
  readonly warnings: ReplicatorError[]
} {
  const cluster = new FakeCluster()
  const warnings: ReplicatorError[] = []
  const options = {
    target: cluster.admin(),
    store: new FakeProgressStore().store(),
    topic,
    slots: 4,
    replicationFactor: 3,
    clock: new ManualClock(),
    onWarning: (error: ReplicatorError) => { warnings.push(error) }
  }
  return { cluster, options, warnings }
}

function createExisting (
  configs: Readonly<Record<string, string>>
): ReturnType<typeof createTopic> {
  const created = createTopic()
  created.cluster.topics.set(topic, 4)
  for (const [name, value] of Object.entries(configs)) created.cluster.configs.set(name, value)
  return created
}

/** Another process creates the topic after the description and before the creation. */
function createdMeanwhile (slots: number): ReturnType<typeof createTopic> {
  const created = createTopic()
  Object.assign(created.cluster, {
    createTopics: async () => {
      created.cluster.addTopic(topic, slots)
      return [{ name: topic, error: new ReplicatorError('TOPIC_ALREADY_EXISTS', topic) }]
    }
  })
  return created
}

const isNamed = (name: string) => (error: ReplicatorError): boolean => error.errorName === name

describe('a progress topic that is missing', () => {
  test('is created compacted, with short segments and one partition for each slot', async () => {
    const { cluster, options } = createTopic()
    assert.equal((await ensureProgressTopic(options)).isCreated, true)
    assert.deepEqual(cluster.created, [{
      name: 'longhaul-progress.east.internal',
      partitions: 4,
      replicationFactor: 3,
      configs: settings
    }])
    assert.equal((await ensureProgressTopic(options)).isCreated, false)
    assert.equal(cluster.created.length, 1)
  })

  test('is created with only the cleanup policy if the target refuses the rest', async () => {
    const { cluster, options, warnings } = createTopic()
    const createTopics = cluster.createTopics.bind(cluster)
    cluster.createTopics = async topics => {
      cluster.createError = cluster.created.length === 0
        ? new ReplicatorError('INVALID_CONFIG', 'Unknown topic config name: max.compaction.lag.ms')
        : undefined
      return await createTopics(topics)
    }
    assert.equal((await ensureProgressTopic(options)).isCreated, true)
    assert.deepEqual(cluster.created.at(-1)?.configs, { 'cleanup.policy': 'compact' })
    assert.match(warnings[0]?.message ?? '',
      /without segment\.bytes=1048576, .*: Unknown topic config name: max\.compaction\.lag\.ms/)
  })

  // Regression: `validate` reported success where `run` could not create the topic.
  test('is only checked by the target if nothing may be changed', async () => {
    const { cluster, options } = createTopic()
    const asked: unknown[] = []
    Object.assign(cluster, {
      createTopics: async (_: unknown, change: unknown) => {
        asked.push(change)
        return [{ name: topic, error: new ReplicatorError('INVALID_REPLICATION_FACTOR', topic) }]
      }
    })
    await assert.rejects(ensureProgressTopic({ ...options, validateOnly: true }),
      isNamed('INVALID_REPLICATION_FACTOR'))
    assert.deepEqual(asked, [{ validateOnly: true }])
  })

  test('that another process creates meanwhile is used unchanged', async () => {
    const { cluster, options } = createdMeanwhile(4)
    const { isCreated, topicId } = await ensureProgressTopic(options)
    assert.equal(isCreated, false)
    assert.equal(topicId, (await cluster.describeTopics([topic]))[0]?.topicId)
  })

  // Regression: two processes with different task.slots that started at the same time both
  // mirrored, each by its own number of slots.
  test('that another process creates meanwhile with other slots is refused', async () => {
    const { options } = createdMeanwhile(8)
    await assert.rejects(ensureProgressTopic(options), isNamed('PROGRESS_SLOTS_CHANGED'))
  })

  test('that cannot be created fails with the setting that may be the cause', async () => {
    const { cluster, options } = createTopic()
    cluster.createError = new ReplicatorError('INVALID_REPLICATION_FACTOR', 'one broker')
    await assert.rejects(ensureProgressTopic(options), (error: ReplicatorError) =>
      error.setting === 'progress.topic.replication.factor')
  })
})

describe('a progress topic that exists', () => {
  test('is not described again by a start that has just described it', async () => {
    const { cluster, options } = createExisting(settings)
    cluster.addTopic(topic, 4)
    const [known] = await cluster.describeTopics([topic])
    cluster.error = new ReplicatorError('_TIMED_OUT', 'another request')
    assert.deepEqual(await ensureProgressTopic(options, known),
      { isCreated: false, topicId: known?.topicId })
  })

  test('of another number of slots is refused: partitions would change owners', async () => {
    const { cluster, options } = createTopic()
    cluster.topics.set(topic, 32)
    await assert.rejects(ensureProgressTopic(options), isNamed('PROGRESS_SLOTS_CHANGED'))
  })

  // Retention would delete the progress of idle partitions: a week later they would begin again.
  test('that deletes progress is refused with its policy', async () => {
    for (const policy of ['delete', 'compact,delete', 'delete,compact']) {
      const { options } = createExisting({ ...settings, 'cleanup.policy': policy })
      await assert.rejects(ensureProgressTopic(options), (error: ReplicatorError) =>
        error.errorName === 'PROGRESS_CLEANUP_POLICY' &&
        error.message.includes(`cleanup.policy=${policy}`))
    }
  })

  // A topic of the first version has Kafka's defaults: an active segment of a week or a gigabyte is
  // never compacted, and a reading of it hardly ends.
  test('with larger segments gets the differing settings, and keeps smaller ones', async () => {
    const { cluster, options, warnings } = createExisting({
      ...settings,
      'segment.bytes': '1073741824',
      'segment.ms': '604800000',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '9223372036854775807'
    })
    await ensureProgressTopic(options)
    assert.deepEqual(cluster.altered, [{
      type: 'topic',
      name: topic,
      changes: ['segment.bytes', 'segment.ms', 'max.compaction.lag.ms'].map(name => (
        { operation: 'set', name, value: settings[name as keyof typeof settings] }))
    }])
    assert.deepEqual(warnings, [])
  })

  test('is not changed if its settings are right', async () => {
    const { cluster, options, warnings } = createExisting(settings)
    await ensureProgressTopic(options)
    assert.deepEqual([cluster.altered, warnings], [[], []])
  })

  test('that may not be changed or described is used, with a warning that names the settings',
    async () => {
      const fixed = createExisting({ ...settings, 'segment.ms': '604800000' })
      fixed.cluster.alterError = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic)
      const hidden = createExisting(settings)
      hidden.cluster.configError = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic)
      for (const { options, warnings } of [fixed, hidden]) {
        assert.equal((await ensureProgressTopic(options)).isCreated, false)
        assert.equal(warnings.length, 1)
        assert.match(warnings[0]?.message ?? '', /segment\.ms=600000/)
      }
    })
})

test('a reading of the default number of slots reads some 600,000 stale records at most', () => {
  assert.ok(32 * staleRecordsPerSlotMax < 620_000)
})
