// Several processes share one flow: they join, leave and die under load, each is assigned its share
// of the partitions, and the next owner continues at the previous owner's position. No record is
// lost or duplicated.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { eventually } from '../kafka/eventually.ts'
import { readRawLog } from '../kafka/raw-log.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { LoadedFlow, untilOwned } from './loaded-flow.ts'
import type { CleanUp, MirrorProcess } from './mirror-process.ts'
import { startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const partitions = 4
// Every partition receives records several times a second. A gap shorter than this proves nothing:
// it may be between two rounds of the load.
const judgedGapMs = 2_000

describe('processes that share a flow', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const createFlow = async (t: CleanUp, topic: string): Promise<LoadedFlow> =>
    await LoadedFlow.create(t, clusters, topic, { partitions })

  // The first test, so that no progress topic, producer id or remote topic exists.
  test('start at the same moment and agree', async t => {
    const flow = await createFlow(t, 'together')
    const both = await Promise.all([flow.start(), flow.start()])
    const [first] = both
    assert.ok(first)
    await flow.more(first)
    for (const mirror of both) await untilOwned(mirror, 2)
    await flow.more(first)
    await flow.finish(first)
    for (const mirror of both) assert.equal((await mirror.stop()).code, 0)
  })

  test('share four partitions, two each, and mirror those of one that stops or is killed',
    async t => {
      const flow = await createFlow(t, 'shared')
      const first = await flow.start()
      await flow.more(first)
      await untilOwned(first, 4)
      const second = await flow.start()
      for (const mirror of [first, second]) await untilOwned(mirror, 2)
      await flow.more(second)
      assert.equal((await first.stop()).code, 0)
      await untilOwned(second, 4)
      await flow.more(second)

      const third = await flow.start()
      for (const mirror of [second, third]) await untilOwned(mirror, 2)
      await flow.more(third)
      await second.kill()
      await untilOwned(third, 4)
      await flow.more(third)
      const fourth = await flow.start()
      await untilOwned(fourth, 2)
      await flow.more(fourth)
      await flow.finish(fourth)
      for (const mirror of [third, fourth]) assert.equal((await mirror.stop()).code, 0)
    })

  test('five share 32 partitions; kept partitions continue while others move', async t => {
    const { target } = clusters
    const wide = 32
    // The target's clock in its records shows when each partition was stalled.
    await target.createTopic('east.many',
      { partitions: wide, configs: { 'message.timestamp.type': 'LogAppendTime' } })
    const flow = await LoadedFlow.create(t, clusters, 'many',
      { partitions: wide, recordsPerTurn: 1 }, { 'metrics.per.partition': true })
    const rebalances: Rebalance[] = []
    let running = [await flow.start()]
    const settle = async (name: string, change: () => Promise<unknown>): Promise<void> => {
      const before = await untilSpread(running, wide)
      const fromMs = Date.now()
      const started = new Set(running)
      await change()
      const after = await untilSpread(running, wide)
      const [witness] = running
      assert.ok(witness)
      await flow.more(witness)
      const stayed = [...after.keys()].filter(partition => {
        const owner = after.get(partition)
        return owner !== undefined && started.has(owner) && before.get(partition) === owner
      })
      rebalances.push({ name, fromMs, toMs: Date.now(), stayed })
    }
    const join = async (count: number): Promise<void> => {
      running = [...running, ...await Promise.all(
        Array.from({ length: count }, async () => await flow.start()))]
    }
    const leave = async (end: (mirror: MirrorProcess) => Promise<unknown>): Promise<void> => {
      const leaving = running.pop()
      assert.ok(leaving)
      await end(leaving)
    }
    await settle('four join', async () => { await join(4) })
    await settle('one leaves', async () => {
      await leave(async mirror => { assert.equal((await mirror.stop()).code, 0) })
    })
    await settle('one is killed', async () => {
      await leave(async mirror => { await mirror.kill() })
    })
    await settle('two join', async () => { await join(2) })
    const [witness] = running
    assert.ok(witness)
    await flow.finish(witness)
    const exits = await Promise.all(running.map(async mirror => await mirror.stop()))
    assert.deepEqual(exits.map(({ code }) => code), [0, 0, 0, 0, 0])
    const appends = appendTimes(target, 'east.many', wide)
    for (const rebalance of rebalances) {
      const { judged, text } = assertStayedGoOn(rebalance, appends, wide)
      t.diagnostic(text)
      // No process mirrors the partitions of the killed one before its session of ten seconds ends.
      if (rebalance.name === 'one is killed') assert.ok(judged, text)
    }
  })
})

interface Rebalance {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
  /** Partitions that stayed at one process. */
  readonly stayed: readonly number[]
}

/** Each partition at one process, and every process with its share. */
async function untilSpread (
  mirrors: readonly MirrorProcess[], wide: number
): Promise<ReadonlyMap<number, MirrorProcess>> {
  const share = Math.floor(wide / mirrors.length)
  return await eventually(`${wide} partitions at ${mirrors.length} processes`, async () => {
    const owners = new Map<number, MirrorProcess>()
    const counts = await Promise.all(mirrors.map(async mirror => {
      const owned = await partitionsOf(mirror)
      for (const partition of owned) owners.set(partition, mirror)
      return owned.length
    }))
    const isSpread = owners.size === wide && counts.every(count => count >= share) &&
      counts.reduce((sum, count) => sum + count, 0) === wide
    return isSpread ? owners : undefined
  }, { intervalMs: 200 })
}

async function partitionsOf (mirror: MirrorProcess): Promise<number[]> {
  const metrics = await mirror.metrics().catch(() => undefined)
  const series = metrics === undefined
    ? {}
    : seriesOf(metrics, 'longhaul_partition_upstream_offset')
  return Object.keys(series).map(labels => Number(/partition="(\d+)"/.exec(labels)?.[1]))
}

/** When the batches of each partition were appended, by the target's clock. */
function appendTimes (
  cluster: KafkaCluster, topic: string, wide: number
): ReadonlyMap<number, readonly number[]> {
  return new Map(Array.from({ length: wide }, (_, partition) => [partition,
    readRawLog(cluster.broker(1).logDir, topic, partition)
      .map(({ maxTimestamp }) => Number(maxTimestamp))]))
}

/**
 * Compares order, not speed: while the moved partition with the longest gap was stalled, every
 * partition that stayed received records; judged only if the gap was long enough.
 */
function assertStayedGoOn (
  { fromMs, name, stayed, toMs }: Rebalance, appends: ReadonlyMap<number, readonly number[]>,
  wide: number
): { readonly judged: boolean, readonly text: string } {
  const moved = Array.from({ length: wide }, (_, partition) => partition)
    .filter(partition => !stayed.includes(partition))
  assert.ok(moved.length > 0 && stayed.length > 0, `${name}: ${stayed.length} stayed`)
  const gaps = moved.map(partition => longestGap(appends.get(partition) ?? [], fromMs, toMs))
    .sort((gap, other) => other.toMs - other.fromMs - (gap.toMs - gap.fromMs))
  const [longest] = gaps
  assert.ok(longest)
  const judged = longest.toMs - longest.fromMs >= judgedGapMs
  for (const partition of judged ? stayed : []) {
    assert.ok(appends.get(partition)?.some(at => at > longest.fromMs && at < longest.toMs),
      `${name}: partition ${partition} was stalled while others moved`)
  }
  const median = gaps[Math.floor(gaps.length / 2)] ?? longest
  const text = `${name}: ${moved.length} of ${wide} partitions moved, without records for ` +
    `${median.toMs - median.fromMs} ms (median), ${longest.toMs - longest.fromMs} ms (longest)`
  return { judged, text }
}

interface Gap {
  readonly fromMs: number
  readonly toMs: number
}

/** Of the gaps that end in the given time: one may have begun a little earlier. */
function longestGap (times: readonly number[], fromMs: number, toMs: number): Gap {
  return times.slice(1).map((at, index) => ({ fromMs: times[index] ?? at, toMs: at }))
    .filter(gap => gap.toMs >= fromMs && gap.toMs <= toMs)
    .reduce((longest, gap) =>
      gap.toMs - gap.fromMs > longest.toMs - longest.fromMs ? gap : longest,
    { fromMs: 0, toMs: 0 })
}
