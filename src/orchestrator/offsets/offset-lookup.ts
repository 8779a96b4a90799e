// The positions of one flow in its progress topic: each slot is read once, when a command first
// needs it. Only for commands: a running flow knows its positions.
import { groupOf } from '../cluster/flow-group.ts'
import { openClusterAdmin } from '../cluster/native-cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import type { Log } from '../observability/log.ts'
import { slotOf } from '../progress/task-slots.ts'
import { ProgressStore } from '../progress/progress-store.ts'
import type { PartitionOnRecord, SlotProgress } from '../progress/slot-contents.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import { slotsOnRecord } from '../progress/topic-slots.ts'
import {
  comparePartitions, partitionKey, type Progress, type TopicPartition
} from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'

export class OffsetLookup {
  readonly #store: ProgressStore
  readonly #flow: FlowConfig
  #slots: Promise<number> | undefined
  readonly #read = new Map<number, Promise<SlotProgress>>()

  /** `store` as progressStoreOf() opens it. */
  constructor (flow: FlowConfig, store: ProgressStore) {
    this.#flow = flow
    this.#store = store
  }

  /** The partitions of the progress topic, whatever task.slots is. */
  async slots (): Promise<number> { return await (this.#slots ??= slotsOf(this.#flow)) }

  /** Undefined: the progress topic has no position of the source partition. */
  async progressOf (source: TopicPartition, signal: AbortSignal): Promise<Progress | undefined> {
    const slot = slotOf(source.topic, source.partition, await this.slots())
    return (await this.#slot(slot, signal)).partitions.get(partitionKey(source))?.progress
  }

  /** All positions in the progress topic, by topic and partition. */
  async all (signal: AbortSignal): Promise<readonly PartitionOnRecord[]> {
    const slots = await Promise.all(Array.from({ length: await this.slots() },
      async (_, slot) => await this.#slot(slot, signal)))
    return slots.flatMap(({ partitions }) => [...partitions.values()])
      .sort((one, other) => comparePartitions(one.source, other.source))
  }

  async #slot (slot: number, signal: AbortSignal): Promise<SlotProgress> {
    let contents = this.#read.get(slot)
    if (contents === undefined) this.#read.set(slot, contents = this.#store.read(slot, signal))
    return await contents
  }

  async close (): Promise<void> { await this.#store.close() }
}

async function slotsOf ({ settings, source, target }: FlowConfig): Promise<number> {
  const admin = openClusterAdmin({ ...target.admin, timeoutMs: settings['admin.timeout.ms'] })
  try {
    return await slotsOnRecord(admin, progressTopicOf(source.alias)) ?? settings['task.slots']
  } finally {
    await admin.close()
  }
}

/** Opens the progress topic of a flow without the flow; the caller closes the store. */
export function progressStoreOf (
  { name, settings, source, target }: FlowConfig, log: Log, clock: Clock
): ProgressStore {
  return new ProgressStore({
    topic: progressTopicOf(source.alias),
    client: target.admin,
    group: groupOf(name),
    timeoutMs: settings['admin.timeout.ms'],
    log,
    clock
  })
}

/** The result of `work` on the positions of the flow; also closes the positions if `work` fails. */
export async function withOffsetLookup<Found> (
  flow: FlowConfig, log: Log, clock: Clock, work: (lookup: OffsetLookup) => Promise<Found>
): Promise<Found> {
  const lookup = new OffsetLookup(flow, progressStoreOf(flow, log, clock))
  try {
    return await work(lookup)
  } finally {
    await lookup.close()
  }
}
