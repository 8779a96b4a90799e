// The positions of one flow, as its progress topic holds them: read slot by slot when they are
// asked for, each slot once. For commands; a running flow knows its own.
import type { FlowConfig } from '../config/config.ts'
import type { Log } from '../observability/log.ts'
import { groupOf } from '../ownership/slot-ownership.ts'
import { slotOf } from '../ownership/task-slots.ts'
import { ProgressStore } from '../progress/progress-store.ts'
import type { PartitionOnRecord, SlotProgress } from '../progress/slot-contents.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'

export class OffsetLookup {
  readonly #store: ProgressStore
  readonly #slots: number
  readonly #read = new Map<number, Promise<SlotProgress>>()

  constructor ({ name, settings, source, target }: FlowConfig, log: Log, clock: Clock) {
    this.#slots = settings['task.slots']
    this.#store = new ProgressStore({
      topic: progressTopicOf(source.alias),
      client: target.admin,
      group: groupOf(name),
      timeoutMs: settings['admin.timeout.ms'],
      log,
      clock
    })
  }

  /** Undefined: the progress topic has no position of the source partition. */
  async progressOf (source: TopicPartition, signal: AbortSignal): Promise<Progress | undefined> {
    const slot = slotOf(source.topic, source.partition, this.#slots)
    return (await this.#slot(slot, signal)).partitions.get(partitionKey(source))?.progress
  }

  /** All positions that the progress topic has, by topic and partition. Reads slot after slot. */
  async all (signal: AbortSignal): Promise<readonly PartitionOnRecord[]> {
    const found: PartitionOnRecord[] = []
    for (let slot = 0; slot < this.#slots; slot++) {
      found.push(...(await this.#slot(slot, signal)).partitions.values())
    }
    return found.sort((one, other) => compare(one.source, other.source))
  }

  async #slot (slot: number, signal: AbortSignal): Promise<SlotProgress> {
    let contents = this.#read.get(slot)
    if (contents === undefined) this.#read.set(slot, contents = this.#store.read(slot, signal))
    return await contents
  }

  async close (): Promise<void> { await this.#store.close() }
}

/** What `work` makes of the positions of the flow; closes them in any case. */
export async function withOffsetLookup<Found> (
  flow: FlowConfig, log: Log, clock: Clock, work: (lookup: OffsetLookup) => Promise<Found>
): Promise<Found> {
  const lookup = new OffsetLookup(flow, log, clock)
  try {
    return await work(lookup)
  } finally {
    await lookup.close()
  }
}

function compare (one: TopicPartition, other: TopicPartition): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1
  return one.partition - other.partition
}
