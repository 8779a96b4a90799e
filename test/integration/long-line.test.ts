// A source at the other end of a long line, over which each connection passes little: the lane
// opens as many as pay and are allowed, and each record arrives once and in order. How fast is
// measured by `npm run perf -- long-link`, not here.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { startLine, type Line } from '../../perf/line/line.ts'
import { crash } from '../integrity/crashed-mirror.ts'
import { eventually } from '../kafka/eventually.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'
import { untilRecords } from './comparison.ts'
import {
  createPropertiesFile, startMirror, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 16
/** Fewer than 16 of a lane, with what admin clients have open. */
const connectionsMax = 14

describe('over a long line', () => {
  let clusters: MirroredClusters
  let line: Line
  let ports: readonly number[]
  before(async () => {
    ports = await reservePorts(1)
    const [port = 0] = ports
    clusters = await startClusters({
      config: { 'max.connections.per.ip': String(connectionsMax) },
      moreListeners: [{ name: 'FAR', protocol: 'PLAINTEXT', advertisedPort: port }]
    }, {})
    // 50 KB under way: 0.5 MB/s a connection.
    line = await startLine(port, Number(clusters.source.serversOf('FAR').split(':')[1]),
      { roundTripMs: 100, rate: 0, window: 50_000 })
  })
  after(async () => {
    await line.stop()
    await clusters.close()
    releasePorts(ports)
  })

  /** Small Fetches, between which partitions can change their connection. */
  const properties = (topic: string, more: Properties): Properties => flowProperties(clusters, {
    'east->west.topics': topic,
    'east.bootstrap.servers': `127.0.0.1:${ports[0]}`,
    'fetch.max.bytes': '256KiB',
    'lanes': 1,
    ...more
  })

  /** A backlog of 32 MB: a minute for one connection. Returns the records of each partition. */
  async function fill (t: TestContext, topic: string): Promise<number> {
    await clusters.source.createTopic(topic, { partitions })
    const load = await SequenceLoad.start(t, clusters.source, topic,
      { partitions, codec: 'none', recordBytes: 2_000, recordsPerTurn: 100 })
    await eventually('a backlog', () => load.written >= 1_000)
    return await load.stop()
  }

  test('a lane has one connection where no more are allowed, several where they pay, ' +
    'and is killed without loss or doubles', async t => {
    const { target } = clusters
    const written = await fill(t, 'far')
    const only = await startMirror(t,
      createPropertiesFile(t, properties('far', { 'connections.per.broker.max': 1 })))
    await untilRecords(only, target, 'east.far', 1_000)
    assert.equal(await connectionsOf(only), 1)
    await crash(clusters, only)

    const file = createPropertiesFile(t, properties('far', { 'connections.per.broker.max': 8 }))
    for (let round = 1; round <= 2; round++) {
      const mirror = await startMirror(t, file)
      await mirror.until('more connections', async () => await connectionsOf(mirror) >= 4)
      await crash(clusters, mirror)
    }
    const last = await startMirror(t, file)
    await untilRecords(last, target, 'east.far', written * partitions)
    assert.equal((await last.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.far', partitions, written)
  })

  test('a lane lives with a broker that accepts no more connections', async t => {
    const { target } = clusters
    const written = await fill(t, 'refused')
    const mirror = await startMirror(t, createPropertiesFile(t, properties('refused', {})))
    const { text } = await mirror.untilLogged('the refusal',
      line => line.text.includes('accepts no further connection'))
    assert.match(text, /source broker 1 accepts no further connection: the lane keeps \d+, of /)
    await untilRecords(mirror, target, 'east.refused', written * partitions)
    assert.ok(await connectionsOf(mirror) > 1)
    assert.equal((await mirror.stop()).code, 0)
    await assertEachOnceInOrder(target, 'east.refused', partitions, written)
  })
})

/** Over which its only lane fetches. */
async function connectionsOf (mirror: MirrorProcess): Promise<number> {
  const { series } = await mirror.metrics()
  return series.get('longhaul_source_connections{lane="0",source="east",target="west"}') ?? 0
}
