// The slots that this process owns, and the positions of their partitions in the progress topic:
// where a partition begins that was mirrored before. A slot is expected until its progress was
// read.
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import { slotOf } from '../progress/task-slots.ts'
import type { FlowPartition, SlotPartition } from './partition-table.ts'

export interface RecordedPosition {
  readonly slot: number
  readonly source: TopicPartition
  readonly progress: Progress
}

export class SlotPositions {
  readonly #slotCount: number
  readonly #slots = new Map<number, Map<string, Progress>>()
  readonly #expected = new Set<number>()
  #version = 0

  constructor (slotCount: number) {
    this.#slotCount = slotCount
  }

  /** Changes whenever the owned slots may have changed. */
  get version (): number { return this.#version }

  /** The owned slots whose progress has been read. */
  get slots (): readonly number[] { return [...this.#slots.keys()] }

  /** Whether the slot is owned, and its progress has been read. */
  owns (slot: number): boolean { return this.#slots.has(slot) }

  /**
   * This process owns these slots from now on; the positions of their partitions are not known yet.
   */
  expect (slots: readonly number[]): void {
    this.#version++
    for (const slot of slots) if (!this.owns(slot)) this.#expected.add(slot)
  }

  /** The progress partitions of these slots have been read: they hold `restored`. */
  acquire (slots: readonly number[], restored: ReadonlyMap<string, Progress>): void {
    this.#version++
    for (const slot of slots) {
      this.#expected.delete(slot)
      this.#slots.set(slot, new Map())
    }
    for (const [key, progress] of restored) {
      const { partition, topic } = partitionOfKey(key)
      this.#slots.get(slotOf(topic, partition, this.#slotCount))?.set(key, progress)
    }
  }

  release (slots: readonly number[]): void {
    this.#version++
    for (const slot of slots) {
      this.#expected.delete(slot)
      this.#slots.delete(slot)
    }
  }

  of (partition: TopicPartition): Progress | undefined {
    return this.#slots.get(slotOf(partition.topic, partition.partition, this.#slotCount))
      ?.get(partitionKey(partition))
  }

  /**
   * Keeps the position of a partition whose topic is not mirrored now: if the topic is mirrored
   * again, the partition resumes here.
   */
  remember (partition: FlowPartition): void {
    if (partition.progress === undefined) return
    this.#slots.get(partition.slot)?.set(partitionKey(partition), partition.progress)
  }

  /** Progress of the partition is no longer on record. */
  forget (source: TopicPartition): void {
    this.#slots.get(slotOf(source.topic, source.partition, this.#slotCount))
      ?.delete(partitionKey(source))
  }

  /** The partitions of a topic in owned and in expected slots, without position or state. */
  partitionsOf (topic: string, remoteTopic: string, count: number): readonly SlotPartition[] {
    return Array.from({ length: count }, (_, partition) =>
      ({ topic, remoteTopic, partition, slot: slotOf(topic, partition, this.#slotCount) }))
      .filter(({ slot }) => this.#slots.has(slot) || this.#expected.has(slot))
  }

  values (): readonly RecordedPosition[] {
    return [...this.#slots].flatMap(([slot, positions]) => [...positions].map(
      ([key, progress]) => ({ slot, source: partitionOfKey(key), progress })))
  }
}

function partitionOfKey (key: string): TopicPartition {
  const cut = key.lastIndexOf('/')
  return { topic: key.slice(0, cut), partition: Number(key.slice(cut + 1)) }
}
