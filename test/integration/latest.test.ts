// Where partitions begin with auto.offset.reset=latest or a duration: older records are left out,
// and partitions that are created later are mirrored completely.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'

describe('auto.offset.reset', { timeout: 240_000 }, () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters()
    // Before the flow first looks at the topics.
    await clusters.source.createTopic('aged')
    await clusters.source.createTopic('timed')
  })
  after(async () => { await clusters.close() })

  async function write (topic: string, values: readonly string[], partition = 0): Promise<void> {
    const { bootstrapServers } = clusters.source
    await produce(bootstrapServers, topic, values.map(value => ({ value, partition })))
  }

  async function valuesOf (topic: string): Promise<readonly string[]> {
    const records = await readTopic(clusters.target.bootstrapServers, topic)
    return records.map(({ value }) => String(value)).sort()
  }

  /** Resolves once the mirror has begun the topic's partitions, at their end. */
  async function untilBegun (mirror: MirrorProcess, topic: string): Promise<void> {
    await mirror.until(`the start of ${topic}`, async () =>
      Object.keys(seriesOf(await mirror.metrics(), 'longhaul_records_skipped_total')).some(
        labels => labels.includes(`"${topic}"`) && labels.includes('"before_start"')))
  }

  // Regression: new topics and partitions lost the records that were written before the next
  // refresh, or while no process ran; no counter and no log line showed it.
  test('latest leaves out older records, and none of later partitions', async t => {
    const { source, target } = clusters
    await source.createTopic('kept')
    await source.createTopic('chosen-later')
    await write('kept', ['before 1', 'before 2'])
    await write('chosen-later', ['before'])
    const properties = flowProperties(clusters, {
      'topics': 'kept|born.*', 'auto.offset.reset': 'latest'
    })
    const first = await startMirror(t, createPropertiesFile(t, properties))
    await untilBegun(first, 'kept')
    await first.untilLogged('what is left out', ({ text }) =>
      text.includes('the start position leaves out 2 records of the source: kept-0'))
    await write('kept', ['after'])
    await untilRecords(first, target, 'east.kept', 1)

    await source.createTopic('born-while-running')
    await write('born-while-running', ['first', 'second'])
    await source.admin.createPartitions('kept', 2)
    await write('kept', ['of a new partition'], 1)
    await untilRecords(first, target, 'east.born-while-running', 2)
    await untilRecords(first, target, 'east.kept', 2)
    await first.untilLogged('what was created', ({ text }) =>
      /created since the first start of the flow.*born-while-running-0/.test(text))
    assert.equal((await first.stop()).code, 0)

    await source.createTopic('born-meanwhile')
    await write('born-meanwhile', ['while no process ran'])
    await source.admin.createPartitions('kept', 3)
    await write('kept', ['of another new partition'], 2)
    const second = await startMirror(t, createPropertiesFile(t,
      { ...properties, 'topics': 'kept|born.*|chosen-later' }))
    await untilRecords(second, target, 'east.born-meanwhile', 1)
    await untilRecords(second, target, 'east.kept', 3)
    await untilBegun(second, 'chosen-later')
    await write('chosen-later', ['after'])
    await untilRecords(second, target, 'east.chosen-later', 1)
    assert.equal((await second.stop()).code, 0)
    assert.deepEqual(await valuesOf('east.kept'),
      ['after', 'of a new partition', 'of another new partition'])
    assert.deepEqual(await valuesOf('east.born-while-running'), ['first', 'second'])
    assert.deepEqual(await valuesOf('east.chosen-later'), ['after'])
  })

  test('a duration or a time begins at the first record that is new enough', async t => {
    const { source, target } = clusters
    const hour = 3_600_000
    for (const topic of ['aged', 'timed']) {
      await produce(source.bootstrapServers, topic, [5, 2, 0].map(hours =>
        ({ value: `${hours} hours old`, partition: 0, timestamp: Date.now() - hours * hour })))
    }
    const mirror = await startMirror(t, createPropertiesFile(t, {
      ...flowProperties(clusters, { topics: 'aged|timed' }),
      'replication.policy.separator': '-',
      'east.consumer.auto.offset.reset': 'by_duration:PT3H',
      'start.positions': `timed@${new Date(Date.now() - hour).toISOString()}`
    }))
    await untilRecords(mirror, target, 'east-aged', 2)
    await untilRecords(mirror, target, 'east-timed', 1)
    assert.equal((await mirror.stop()).code, 0)
    assert.deepEqual(await valuesOf('east-aged'), ['0 hours old', '2 hours old'])
    assert.deepEqual(await valuesOf('east-timed'), ['0 hours old'])
  })
})
