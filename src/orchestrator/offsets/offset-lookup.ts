// The positions of one flow, as its progress topic holds them: read slot by slot when they are
// asked for, each slot once. For commands; a running flow knows its own.
import type { FlowConfig } from '../config/config.ts'
import type { Log } from '../observability/log.ts'
import { groupOf } from '../ownership/slot-ownership.ts'
import { slotOf } from '../ownership/task-slots.ts'
import { ProgressStore } from '../progress/progress-store.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'

type SlotContents = Awaited<ReturnType<ProgressStore['read']>>

export class OffsetLookup {
  readonly #store: ProgressStore
  readonly #slots: number
  readonly #read = new Map<number, Promise<SlotContents>>()

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
    let contents = this.#read.get(slot)
    if (contents === undefined) this.#read.set(slot, contents = this.#store.read(slot, signal))
    return (await contents).partitions.get(partitionKey(source))?.progress
  }

  async close (): Promise<void> { await this.#store.close() }
}
