// The canary of a flow between real clusters: what it counts while nothing goes wrong, across
// hand-overs, stops and crashes, and what it counts for records that an operator leaves out.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeControl, type Order } from '../../src/orchestrator/control/control-record.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import {
  createPropertiesFile, startMirror, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const topic = 'longhaul-canary.west.internal'
const labels = 'source="east",target="west"'
const flow = `{${labels}}`

interface Counts { arrived: number, lost: number, doubled: number, late: number }

describe('the canary of a flow', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const properties = (more: Properties = {}): Properties => flowProperties(clusters, {
    'topics': 'nothing',
    'task.slots': 2,
    'canary.enabled': true,
    'canary.interval.ms': 200,
    'canary.topic.replication.factor': 1,
    // Nothing is late unless a test says so.
    'canary.late.ms': 600_000,
    ...more
  })

  const countsOf = async (mirror: MirrorProcess): Promise<Counts> => {
    const all = seriesOf(await mirror.metrics(), 'longhaul_canary_records_total')
    // No series before the flow has begun.
    const of = (result: string): number => all[`{result="${result}",${labels}}`] ?? 0
    return {
      arrived: of('arrived'), lost: of('lost'), doubled: of('doubled'), late: of('late')
    }
  }

  const untilArrived = async (mirror: MirrorProcess, more: number): Promise<Counts> => {
    const { arrived } = await countsOf(mirror)
    return await mirror.until(`${more} more canary records`, async () => {
      const counts = await countsOf(mirror)
      return counts.arrived >= arrived + more && counts
    }, 60_000)
  }

  const untilSlots = async (mirror: MirrorProcess, count: number): Promise<void> => {
    await mirror.until(`${count} slots`, async () =>
      seriesOf(await mirror.metrics(), 'longhaul_slots_owned')[flow] === count, 60_000)
  }

  const say = async (...orders: readonly Order[]): Promise<void> => {
    await produce(clusters.target.bootstrapServers, 'longhaul-progress.east.internal',
      orders.map(order => ({ ...encodeControl(order), partition: 0 })))
  }

  test('sees its records arrive, and those that an operator skips as lost', async t => {
    const { source } = clusters
    const mirror = await startMirror(t, createPropertiesFile(t, properties()))
    const { arrived, ...others } = await untilArrived(mirror, 5)
    assert.deepEqual(others, { lost: 0, doubled: 0, late: 0 })
    const metrics = await mirror.metrics()
    const latencies = seriesOf(metrics, 'longhaul_canary_latency_seconds_count')[flow]
    assert.ok(Number(latencies) >= arrived, `${latencies} of ${arrived}`)
    assert.ok(seriesOf(metrics, 'longhaul_canary_outstanding_seconds')[flow] !== undefined)

    const order = { by: 'operator', atMs: Date.now(), reason: 'a test' }
    await say({ kind: 'pause', scope: { topic }, isPaused: true, ...order })
    await mirror.untilLogged('the pause', ({ text }) => text.startsWith(`${topic} is paused`))
    await mirror.until('the last canary record before the pause', async () =>
      seriesOf(await mirror.metrics(), 'longhaul_canary_outstanding_seconds')[flow] === 0)
    // As the canary writes them; nobody mirrors them now.
    await produce(source.bootstrapServers, topic, [1, 2, 3].map(number =>
      ({ partition: 0, value: JSON.stringify({ id: `left out ${number}` }) })))
    const { high } = await source.admin.offsets(topic, 0)
    const canary = { topic, partition: 0 }
    await say({ kind: 'skip', source: canary, to: BigInt(high), id: '1', ...order })
    await say({ kind: 'pause', scope: { topic }, isPaused: false, ...order })
    const counts = await mirror.until('lost records', async () => {
      const seen = await countsOf(mirror)
      return seen.lost > 0 && seen
    }, 60_000)
    assert.deepEqual([counts.lost, counts.doubled, counts.late], [3, 0, 0])
    await mirror.untilReady()
    assert.equal((await mirror.stop()).code, 0)
  })

  test('loses nothing at hand-overs, stops and crashes', async t => {
    const file = createPropertiesFile(t, properties())
    const first = await startMirror(t, file)
    await untilArrived(first, 3)
    const second = await startMirror(t, file)
    await untilSlots(second, 1)
    // One of the two has the canary now; either may end first.
    assert.equal((await first.stop()).code, 0)
    await untilSlots(second, 2)
    assert.deepEqual(calm(await untilArrived(second, 3)), [0, 0, 0])
    const third = await startMirror(t, file)
    await untilSlots(third, 1)
    await second.kill()
    await untilSlots(third, 2)
    assert.deepEqual(calm(await untilArrived(third, 3)), [0, 0, 0])
    assert.equal((await third.stop()).code, 0)
    // Nobody runs for a while.
    const fourth = await startMirror(t, file)
    assert.deepEqual(calm(await untilArrived(fourth, 3)), [0, 0, 0])
    assert.equal((await fourth.stop()).code, 0)
  })

  test('is off, and says so once, where the source refuses its topic', async t => {
    const file = createPropertiesFile(t, properties({
      // Another topic: that of the other tests exists.
      'target.cluster.alias': 'sydney', 'canary.topic.replication.factor': 9
    }))
    const mirror = await startMirror(t, file)
    const { text } = await mirror.untilLogged('the refusal', line =>
      line.text.startsWith('Canary records cannot be written'))
    assert.match(text, /Lower canary\.topic\.replication\.factor=9 to the number of brokers of/)
    assert.match(text, /or set east->west\.canary\.enabled=false/)
    await mirror.untilReady()
    assert.equal((await mirror.stop()).code, 0)
    assert.equal(mirror.log.filter(line => line.text === text).length, 1)
  })
})

function calm ({ doubled, late, lost }: Counts): readonly number[] {
  return [lost, doubled, late]
}
