// The batches of a load: built by piscina workers before the load begins, so that building them
// costs nothing while it is measured.
import { Piscina } from 'piscina'
import type { BatchSpec, BatchTemplate } from './batch-template.ts'
import type { BuildTask } from './batch-worker.ts'

/** Together larger than the window of any codec and than the caches of processors. */
const poolBytes = 32 * 1024 * 1024
const batchesMax = 2_048
const batchesMin = 8
const batchesPerTask = 16
const workers = 2

const program = new URL('./batch-worker.js', import.meta.url)

export async function buildBatchPool (
  spec: BatchSpec, seed: number
): Promise<readonly BatchTemplate[]> {
  const piscina = new Piscina({
    filename: program.href, name: 'buildBatches', minThreads: 1, maxThreads: workers
  })
  try {
    const tasks = chunksOf(seedsOf(spec, seed), batchesPerTask)
    const built = await Promise.all(tasks.map(async seeds =>
      await piscina.run({ spec, seeds } satisfies BuildTask) as readonly BatchTemplate[]))
    return built.flat()
  } finally {
    await piscina.destroy()
  }
}

/** The seeds of the batches: the same for the same seed, however many workers build them. */
export function seedsOf (spec: BatchSpec, seed: number): readonly number[] {
  const fitting = Math.floor(poolBytes / (spec.records * spec.recordSize))
  const count = Math.min(batchesMax, Math.max(batchesMin, fitting))
  return Array.from({ length: count }, (_, i) => Math.imul(seed + 1, 0x9E3779B1) + i | 0)
}

function chunksOf (seeds: readonly number[], size: number): ReadonlyArray<readonly number[]> {
  return Array.from({ length: Math.ceil(seeds.length / size) }, (_, i) =>
    seeds.slice(i * size, (i + 1) * size))
}
