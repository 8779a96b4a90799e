// The piscina task that builds the batches of the load.
import { buildTemplate, type BatchSpec, type BatchTemplate } from './batch-template.ts'

export interface BuildTask {
  readonly spec: BatchSpec
  /** One batch for each. */
  readonly seeds: readonly number[]
}

export function buildBatches ({ seeds, spec }: BuildTask): readonly BatchTemplate[] {
  return seeds.map(seed => buildTemplate(spec, seed))
}
