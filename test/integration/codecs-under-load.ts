// A flow whose target refuses zstd, under a load of zstd: processes are killed, share the flow,
// hand over and stop, and then the target is checked.
import assert from 'node:assert/strict'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { rawBatches } from './comparison.ts'
import { LoadedFlow } from './loaded-flow.ts'
import type { CleanUp, MirrorProcess, Properties } from './mirror-process.ts'
import type { MirroredClusters } from './mirrored-clusters.ts'

const partitions = 4

/** Returns the last process, stopped. */
export async function mirrorZstd (
  t: CleanUp, clusters: MirroredClusters, topic: string, properties: Properties = {}
): Promise<MirrorProcess> {
  const load = { partitions, codec: 'zstd' } as const
  const flow = await LoadedFlow.create(t, clusters, topic, load, properties)
  await flow.startAndKill()
  const first = await flow.start()
  await flow.more(first)
  const second = await flow.handOver(first)
  await flow.more(second)
  const counted = seriesOf(await second.metrics(), 'longhaul_batches_reencoded_total')
  const ofCodec = Object.entries(counted).filter(([labels]) => labels.includes('reason="codec"'))
  assert.ok(ofCodec.some(([, count]) => count > 0), JSON.stringify(counted))
  await flow.finish(second)
  assert.deepEqual(await second.stop(), { code: 0, signal: null })
  return second
}

/** The codecs of all batches of a remote topic of mirrorZstd(). */
export function codecsOf (cluster: MirroredClusters['target'], topic: string): string[] {
  const all = Array.from({ length: partitions }, (_, partition) => partition)
    .flatMap(partition => rawBatches(cluster, topic, partition))
  return [...new Set(all.map(batch => batch.codec))].sort()
}
