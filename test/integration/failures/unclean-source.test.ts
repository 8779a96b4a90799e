// An unclean election on the source: the new leader lacks records that were acknowledged and
// mirrored. Leader epochs show that its log differs from the mirrored one, whether it is shorter or
// has grown past it, at runtime or at the start. Two flows mirror the same topics: `east` stops
// (the default of data.loss), `lax` skips.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readTopic } from '../../kafka/kafka-consumer.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { createUncleanTopic, untilLeader } from '../../kafka/partition-operations.ts'
import { untilRecords } from '../comparison.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type LogLine, type MirrorProcess
} from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { numbered } from './fault-probe.ts'

const leader = 1
const follower = 2
const shorter = 0
const regrown = 1

describe('an unclean election on the source', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({ brokers: 3 }, { brokers: 1 }) })
  after(async () => { await clusters.close() })

  const mirrorBoth = async (t: CleanUp, topic: string): Promise<MirrorProcess> =>
    await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
      'clusters': 'east, lax, west',
      'lax.bootstrap.servers': clusters.source.bootstrapServers,
      'lax->west.enabled': true,
      'lax->west.data.loss': 'skip',
      'east->west.topics': topic,
      'lax->west.topics': topic,
      'fault.retry.interval.ms': 1000
    })))

  const bothHold = async (mirror: MirrorProcess, topic: string, count: number): Promise<void> => {
    for (const alias of ['east', 'lax']) {
      await untilRecords(mirror, clusters.target, `${alias}.${topic}`, count)
    }
  }

  const write = async (topic: string, from: number, to: number, partition = 0): Promise<void> => {
    await produce(clusters.source.bootstrapServers, topic, numbered(from, to, partition))
  }

  const valuesOn = async (topic: string, partition = 0): Promise<string[]> =>
    (await readTopic(clusters.target.bootstrapServers, topic))
      .filter(record => record.partition === partition).map(({ value }) => String(value))

  const values = (...ranges: ReadonlyArray<readonly [number, number]>): string[] =>
    ranges.flatMap(([from, to]) => numbered(from, to).map(({ value }) => value))

  const stoppedOf = async (
    mirror: MirrorProcess, topic: string, partition: number
  ): Promise<LogLine> => await mirror.untilLogged(`stop of ${topic}-${partition}`, line =>
    line['topic'] === topic && line['partition'] === partition && line['state'] === 'faulted')

  const skipOf = async (
    mirror: MirrorProcess, topic: string, partition: number
  ): Promise<LogLine> => await mirror.untilLogged(`skip of ${topic}-${partition}`, line =>
    line['topic'] === topic && line['partition'] === partition && line['reason'] === 'data_loss')

  const skippedRecords = async (mirror: MirrorProcess, topic: string): Promise<number> => {
    const { series } = await mirror.metrics()
    return series.get('longhaul_records_skipped_total{reason="data_loss",source="lax",' +
      `target="west",topic="${topic}"}`) ?? 0
  }

  test('stops the partition, or continues at the offset where the logs differ', async t => {
    const { source } = clusters
    await Promise.all([
      createUncleanTopic(source, 'asleep', 2, [leader, follower]),
      createUncleanTopic(source, 'awake', 1, [leader, follower])
    ])
    for (const partition of [shorter, regrown]) await write('asleep', 0, 100, partition)
    await write('awake', 0, 100)
    await source.broker(follower).stop()
    for (const partition of [shorter, regrown]) await write('asleep', 100, 150, partition)
    await write('awake', 100, 150)
    const before = await mirrorBoth(t, 'asleep')
    await bothHold(before, 'asleep', 300)
    assert.equal((await before.stop()).code, 0)
    const awake = await mirrorBoth(t, 'awake')
    await bothHold(awake, 'awake', 150)

    await source.broker(leader).kill()
    await source.broker(follower).start()
    for (const [topic, partition] of [['asleep', 0], ['asleep', 1], ['awake', 0]] as const) {
      await untilLeader(source, topic, partition, id => id === follower)
    }
    await write('asleep', 1000, 1010, shorter)
    await write('asleep', 1000, 1200, regrown)

    // At runtime.
    const { text } = await stoppedOf(awake, 'awake', 0)
    assert.match(text, /SOURCE_TRUNCATED/)
    assert.match(text, /source offset 150 after leader epoch \d+ is next/)
    assert.match(text, /its epoch \d+ ends at offset 100/)
    assert.match(text, /up to 50 records from source offset 100 on/)
    const skip = await skipOf(awake, 'awake', 0)
    assert.deepEqual([skip['fromOffset'], skip['toOffset']], ['150', '100'])
    await write('awake', 1000, 1100)
    await untilRecords(awake, clusters.target, 'lax.awake', 250)
    assert.equal(await skippedRecords(awake, 'awake'), 50)
    assert.equal((await awake.stop()).code, 0)
    assert.deepEqual(await valuesOn('lax.awake'), values([0, 150], [1000, 1100]))
    assert.deepEqual(await valuesOn('east.awake'), values([0, 150]))

    // At the start.
    const again = await mirrorBoth(t, 'asleep')
    for (const partition of [shorter, regrown]) {
      const stopped = await stoppedOf(again, 'asleep', partition)
      assert.match(stopped.text, /ends at offset 100: up to 50 records .*SOURCE_TRUNCATED/)
      const skipped = await skipOf(again, 'asleep', partition)
      assert.deepEqual([skipped['fromOffset'], skipped['toOffset']], ['150', '100'])
    }
    await untilRecords(again, clusters.target, 'lax.asleep', 300 + 10 + 200)
    assert.equal(await skippedRecords(again, 'asleep'), 100)
    assert.equal((await again.stop()).code, 0)
    assert.deepEqual(await valuesOn('lax.asleep', shorter), values([0, 150], [1000, 1010]))
    assert.deepEqual(await valuesOn('lax.asleep', regrown), values([0, 150], [1000, 1200]))
    for (const partition of [shorter, regrown]) {
      assert.deepEqual(await valuesOn('east.asleep', partition), values([0, 150]))
    }
  })
})
