// A topic of batches of one record each, mirrored with `batching`: few batches on the target, the
// same records, and offsets that translate exactly; over a kill -9, a SIGTERM and lost lanes in the
// middle.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { batchesOnTarget, crash, startLaggingMirror } from '../integrity/crashed-mirror.ts'
import { errorsOf } from './failures/fault-probe.ts'
import { createFaults } from './failures/process-faults.ts'
import { codecs, produce, type ProducedRecord } from '../kafka/kafka-producer.ts'
import { assertSameRecords, rawBatches, remoteOf, untilMoreRecords, untilRecords } from
  './comparison.ts'
import { createPropertiesFile, runCommand, startMirror, type MirrorProcess } from
  './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertTranslates } from './offset-translation.ts'

const count = 4_000

function numbered (from: number, to: number): ProducedRecord[] {
  return Array.from({ length: to - from }, (_, index) => ({
    key: `key-${index % 7}`,
    value: `value ${from + index} `.repeat(5),
    timestamp: 1_700_000_000_000 + from + index,
    partition: 0
  }))
}

describe('batches of one record', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  for (const batching of ['rebatch', 'auto']) {
    test(`${batching} merges them in each codec, and the records stay the same`, async t => {
      const { source, target } = clusters
      const topics = codecs.map(codec => `${batching}-${codec}`)
      for (const [index, topic] of topics.entries()) {
        await source.createTopic(topic)
        await produce(source.bootstrapServers, topic, numbered(0, count),
          { codec: codecs[index] ?? 'none', batchRecordsMax: 1 })
      }
      const unmerged = `${batching}-unmerged`
      await source.createTopic(unmerged)
      await produce(source.bootstrapServers, unmerged, numbered(0, 200), { batchRecordsMax: 1 })
      const file = createPropertiesFile(t, flowProperties(clusters, {
        'east->west.topics': `${batching}-.*`, 'east->west.batching': batching,
        [`east->west.topic.${unmerged}.batching`]: 'pass-through'
      }))
      const mirror = await startMirror(t, file)
      for (const topic of topics) await untilRecords(mirror, target, `east.${topic}`, count)
      await untilRecords(mirror, target, `east.${unmerged}`, 200)
      await assertShown(mirror, file,
        { [`${batching}-none`]: batching, [unmerged]: 'pass-through' })
      assert.equal((await mirror.stop()).code, 0)
      for (const topic of topics) {
        await assertSameRecords(clusters, remoteOf(topic))
        await assertTranslates(clusters, topic)
        assert.ok(rawBatches(source, topic, 0).length === count)
        const merged = batchesOnTarget(clusters, topic)
        assert.ok(merged.length < count / 20, `${merged.length} batches of ${topic}`)
        assert.deepEqual(new Set(merged.map(({ codec }) => codec)),
          new Set([topic.slice(batching.length + 1)]))
      }
      assert.equal(batchesOnTarget(clusters, unmerged).length, 200)
      const [flow] = mirror.summary().flows
      assert.ok(Number(flow?.reencoded['merged']) > 0)
    })
  }

  test('a kill and a SIGTERM in the middle lose and double no record', async t => {
    const { source, target } = clusters
    await source.createTopic('tiny')
    const settings = { 'east->west.batching': 'rebatch', 'batch.size': 2_000 }
    let written = 0
    const write = async (): Promise<void> => {
      await produce(source.bootstrapServers, 'tiny', numbered(written, written += count),
        { codec: 'lz4', batchRecordsMax: 1 })
    }
    await write()
    for (let life = 0; life < 3; life++) {
      const killed = await startLaggingMirror(t, clusters, 'tiny', settings)
      const writing = write()
      await untilMoreRecords(killed, target, 'east.tiny', 300)
      await crash(clusters, killed)
      await writing
      const stopped = await startLaggingMirror(t, clusters, 'tiny', settings)
      const more = write()
      await untilMoreRecords(stopped, target, 'east.tiny', 300)
      assert.equal((await stopped.stop()).code, 0)
      await more
    }
    const last = await startLaggingMirror(t, clusters, 'tiny', settings)
    await untilRecords(last, target, 'east.tiny', written)
    assert.equal((await last.stop()).code, 0)
    await assertSameRecords(clusters, remoteOf('tiny'))
    await assertTranslates(clusters, 'tiny')
    assert.ok(batchesOnTarget(clusters, 'tiny').length < written / 5)
  })

  // A restarted lane fetches unmerged batches again, from the last progress of the lost one. Parts
  // of them are on the target, in merged batches whose boundaries the new lane does not repeat.
  test('lanes that die in the middle lose and double no record', async t => {
    const { source, target } = clusters
    const topic = 'mortal'
    await source.createTopic(topic)
    const faults = createFaults(t)
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': topic,
      'east->west.batching': 'rebatch',
      'batch.size': 2_000,
      // Merges also while the mirror keeps up with the producer.
      'linger.ms': 100
    }))
    const mirror = await startMirror(t, file, [], faults.env)
    let written = 0
    for (let deaths = 1; deaths <= 4; deaths++) {
      const writing = produce(source.bootstrapServers, topic, numbered(written, written += count),
        { codec: 'lz4', batchRecordsMax: 1 })
      await untilMoreRecords(mirror, target, `east.${topic}`, 300)
      faults.begin('kill-lane')
      await mirror.until(`death ${deaths} in the metrics`, async () =>
        await errorsOf(mirror, 'LANE_LOST') === deaths)
      await writing
    }
    await untilRecords(mirror, target, `east.${topic}`, written)
    assert.equal((await mirror.stop()).code, 0)
    await assertSameRecords(clusters, remoteOf(topic))
    await assertTranslates(clusters, topic)
    assert.ok(batchesOnTarget(clusters, topic).length < written / 2)
  })
})

/** What `topics` and `status` show of how the batches of topics are sent. */
async function assertShown (
  mirror: MirrorProcess, file: string, batchings: Readonly<Record<string, string>>
): Promise<void> {
  const url = String(mirror.log.find(each => typeof each['url'] === 'string')?.['url'])
  const byProcess = await runCommand(['topics', file, '--url', url])
  const onRecord = await runCommand(['status', file])
  for (const [topic, batching] of Object.entries(batchings)) {
    const share = batching === 'pass-through' ? '' : ', [1-9]\\d* % merged'
    assert.match(byProcess.stdout, new RegExp(` ${topic} .* ${batching}${share} `))
    assert.match(onRecord.stdout, new RegExp(` ${topic} .* ${batching} `))
  }
}
