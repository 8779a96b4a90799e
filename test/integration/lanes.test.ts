// Partitions move between the lanes of a running process if traffic is uneven; no record is lost,
// duplicated or reordered, and no counter falls.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 4

describe('lanes of one process', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('divide two busy partitions that began in the same lane', async t => {
    const { source, target } = clusters
    await source.createTopic('uneven', { partitions })
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': 'uneven',
      'lanes': 2,
      'lane.rebalance.interval.ms': 1000,
      'metrics.per.partition': true
    }))
    const mirror = await startMirror(t, file)
    await mirror.until('four partitions', async () => (await laneByPartition(mirror)).size === 4)
    const begun = await laneByPartition(mirror)
    const busy = [...begun].filter(([, lane]) => lane === begun.get('0')).map(([of]) => Number(of))
    assert.equal(busy.length, 2)
    const load = await SequenceLoad.start(t, source, 'uneven', {
      partitions, loaded: busy, codec: 'none', recordsPerTurn: 200, recordBytes: 2_000
    })
    const { text } = await mirror.untilLogged('the move', line => line.text.includes('moving'))
    await mirror.until('two busy lanes', async () => {
      const now = await laneByPartition(mirror)
      return now.size === 4 && now.get(String(busy[0])) !== now.get(String(busy[1]))
    })
    assert.match(text, new RegExp(`moving uneven-[${busy.join('')}] from lane \\d to lane \\d`))
    const count = await load.stop()
    await untilRecords(mirror, target, 'east.uneven', 2 * count)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal(mirror.summary().flows[0]?.records, 2 * count, 'of both lanes, each record once')
    await assertEachOnceInOrder(target, 'east.uneven', busy, count)
  })
})

/** From the series that name the lane of a partition; other series are ignored. */
async function laneByPartition (mirror: MirrorProcess): Promise<Map<string, string>> {
  const { series } = await mirror.metrics()
  return new Map([...series.keys()].flatMap(key => {
    const [, lane, partition] =
      /^longhaul_partition_info\{lane="(.*?)",partition="(.*?)".*state="(running|caught-up)"/
        .exec(key) ?? []
    return lane === undefined || partition === undefined ? [] : [[partition, lane] as const]
  }))
}
