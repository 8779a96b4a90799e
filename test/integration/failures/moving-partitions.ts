// Which partitions make progress while a broker hangs, from the mirror's metrics: a cluster with a
// hanging broker cannot be asked.
import assert from 'node:assert/strict'
import type { Broker } from '../../kafka/broker.ts'
import type { KafkaCluster } from '../../kafka/cluster.ts'
import { seriesOf } from '../../orchestrator/observability/exposition.ts'
import type { MirrorProcess } from '../mirror-process.ts'

/** The partitions of a topic that the broker leads, and those that other brokers lead. */
export async function partitionsByLeader (
  { id }: Broker, cluster: KafkaCluster, topic: string, partitions: number
): Promise<{ readonly led: readonly number[], readonly others: readonly number[] }> {
  const leaders = await Promise.all(Array.from({ length: partitions }, async (_, partition) =>
    await cluster.admin.leaderOf(topic, partition)))
  const led = leaders.flatMap((leader, partition) => leader === id ? [partition] : [])
  const others = leaders.flatMap((leader, partition) => leader === id ? [] : [partition])
  assert.ok(led.length > 0 && others.length > 0, leaders.join())
  return { led, others }
}

/** Next source offset of each partition, over all processes. */
export async function upstreamOffsets (
  mirrors: readonly MirrorProcess[]
): Promise<ReadonlyMap<number, number>> {
  const all = await Promise.all(mirrors.map(async mirror => await mirror.metrics()))
  return new Map(all.flatMap(metrics =>
    Object.entries(seriesOf(metrics, 'longhaul_partition_upstream_offset'))
      .map(([labels, offset]): [number, number] =>
        [Number(/partition="(\d+)"/.exec(labels)?.[1]), offset])))
}

/** Resolves when each of the partitions has made progress since the call. */
export async function untilAllMove (
  mirrors: readonly MirrorProcess[], wanted: readonly number[]
): Promise<void> {
  const [first] = mirrors
  assert.ok(first)
  const before = await upstreamOffsets(mirrors)
  let now = before
  const stillOf = (): number[] => wanted.filter(partition =>
    (now.get(partition) ?? 0) <= (before.get(partition) ?? 0) + 5)
  try {
    await first.until(`records of partitions ${wanted.join()}`, async () => {
      now = await upstreamOffsets(mirrors)
      return stillOf().length === 0
    })
  } catch (thrown) {
    throw new Error(`no records of partitions ${stillOf().join()}`, { cause: thrown })
  }
}
