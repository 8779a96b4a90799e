// The number of task slots of a flow. task.slots is how the progress topic is created; afterwards
// the number of its partitions counts, because positions lie in the slots of that number.
import type { ClusterAdmin, TopicDescription } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { slotOf } from './task-slots.ts'
import type { ProgressStore } from './progress-store.ts'

/** Undefined: the target shows no such topic. */
export async function slotsOnRecord (
  target: Pick<ClusterAdmin, 'describeTopics'>, topic: string
): Promise<number | undefined> {
  const [described] = await target.describeTopics([topic])
  return slotsOf(described)
}

export function slotsOf (described: TopicDescription | undefined): number | undefined {
  return described === undefined || described.error !== undefined
    ? undefined
    : described.partitions.length
}

/**
 * Rejects if a position lies in another slot than the number of slots puts it: somebody has added
 * partitions to the topic. The flow would not find such a position, and would mirror again.
 */
export async function refuseMisplaced (
  { slots, store, topic }: {
    readonly store: Pick<ProgressStore, 'read'>, readonly topic: string, readonly slots: number
  },
  signal?: AbortSignal
): Promise<void> {
  const read = await Promise.all(Array.from({ length: slots }, async (_, slot) =>
    ({ slot, contents: await store.read(slot, signal) })))
  for (const { contents, slot } of read) {
    for (const { source } of contents.partitions.values()) {
      const wanted = slotOf(source.topic, source.partition, slots)
      if (wanted === slot) continue
      throw new ReplicatorError('PROGRESS_SLOTS_CHANGED',
        `${topic} has ${slots} partitions, and the position of ${source.topic}-` +
        `${source.partition} lies in slot ${slot}, not in slot ${wanted}`)
    }
  }
}
