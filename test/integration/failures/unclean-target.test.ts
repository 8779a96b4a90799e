// An unclean election on the target: a follower that lacks what its leader alone had acked becomes
// the leader. The mirror finds out, with nothing to send and at a start, and mirrors again what is
// gone: each record is there once and in order.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../../kafka/kafka-producer.ts'
import { createUncleanTopic, untilLeader } from '../../kafka/partition-operations.ts'
import { assertSameRecords, untilRecords } from '../comparison.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from '../mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from '../mirrored-clusters.ts'
import { numbered } from './fault-probe.ts'

describe('an unclean election on the target', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters({}, { brokers: 3 }) })
  after(async () => { await clusters.close() })

  test('loses nothing, to a mirror that runs and to one that starts after it', async t => {
    const { source, target } = clusters
    // Two flows from one cluster, so that one runs through the election and the other does not.
    const flow = (alias: string): string => createPropertiesFile(t,
      flowProperties(clusters, {
        clusters: 'east, other, west',
        'other.bootstrap.servers': source.bootstrapServers,
        'east->west.enabled': alias === 'east',
        'other->west.enabled': alias === 'other',
        topics: alias,
        'metadata.max.age.ms': 1000
      }))
    const write = async (from: number, to: number): Promise<void> => {
      for (const topic of ['east', 'other']) {
        await produce(source.bootstrapServers, topic, numbered(from, to), { lingerMs: 5 })
      }
    }
    for (const alias of ['east', 'other']) {
      await source.createTopic(alias)
      await createUncleanTopic(target, `${alias}.${alias}`, 1, [1, 2])
    }
    const running = await startMirror(t, flow('east'))
    const stopped = await startMirror(t, flow('other'))
    const untilBoth = async (other: MirrorProcess, count: number): Promise<void> => {
      await untilRecords(running, target, 'east.east', count)
      await untilRecords(other, target, 'other.other', count)
    }
    await write(0, 300)
    await untilBoth(stopped, 300)

    await target.broker(2).stop()
    await write(300, 500)
    await untilBoth(stopped, 500)
    assert.equal((await stopped.stop()).code, 0)
    await target.broker(1).kill()
    await target.broker(2).start()
    for (const topic of ['east.east', 'other.other']) {
      await untilLeader(target, topic, 0, leader => leader === 2)
    }

    const started = await startMirror(t, flow('other'))
    await untilBoth(started, 500)
    await write(500, 600)
    await untilBoth(started, 600)
    for (const [mirror, alias] of [[running, 'east'], [started, 'other']] as const) {
      const line = await mirror.untilLogged('what is mirrored again', ({ text }) =>
        text.includes('mirrors up to 200 records again'))
      assert.match(line.text, /source offset 500 = target offset 500 was acked, .* ends at 300/)
      const labels = `{source="${alias}",target="west",topic="${alias}"}`
      // The group, whose coordinator was killed, may have the topic change hands for a moment.
      const series = await mirror.until('figures of the topic', async () => {
        const { series } = await mirror.metrics()
        return series.has(`longhaul_records_doubled_total${labels}`) && series
      })
      assert.equal(series.get(`longhaul_records_mirrored_again_total${labels}`), 200)
      assert.equal(series.get(`longhaul_records_doubled_total${labels}`), 0)
      assert.equal((await mirror.stop()).code, 0)
      await assertSameRecords(clusters, { topic: alias, remoteTopic: `${alias}.${alias}` })
    }
  })
})
