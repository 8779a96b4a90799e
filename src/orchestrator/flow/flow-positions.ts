// The positions of all partitions of a flow, whichever process mirrors them: the partitions of this
// process from memory, the others from the progress topic, which is a progress.interval.ms older.
import { slotOf } from '../progress/task-slots.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { FlowProgress } from '../progress/flow-progress.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'

export interface FlowPositionsOptions {
  readonly partitions: Pick<FlowPartitions, 'positions' | 'table'>
  readonly progress: Pick<FlowProgress, 'restore'>
  readonly slots: number
}

/** By partitionKey; without the partitions that have no position. */
export async function positionsOf (
  wanted: readonly TopicPartition[],
  { partitions: { positions, table }, progress, slots }: FlowPositionsOptions,
  signal: AbortSignal
): Promise<ReadonlyMap<string, Progress>> {
  const found = new Map<string, Progress>()
  const elsewhere = new Map<number, TopicPartition[]>()
  for (const source of wanted) {
    const slot = slotOf(source.topic, source.partition, slots)
    if (positions.owns(slot)) {
      const own = table.byName(source)?.progress ?? positions.of(source)
      if (own !== undefined) found.set(partitionKey(source), own)
    } else {
      elsewhere.set(slot, [...elsewhere.get(slot) ?? [], source])
    }
  }
  if (elsewhere.size === 0) return found
  const onRecord = await progress.restore([...elsewhere.keys()], signal)
  for (const source of [...elsewhere.values()].flat()) {
    const position = onRecord.get(partitionKey(source))
    if (position !== undefined) found.set(partitionKey(source), position)
  }
  return found
}
