// Joins what several slots write to one topic at the same time: one write is under way, and what
// comes meanwhile goes with the next one. The topic has one partition, whose writes wait for each
// other; over a long link each slot would wait for a round trip of every other one.
import type { InternalTopic } from '../cluster/internal-topic.ts'
import type { InternalRecord } from '../mirror-maker/internal-records.ts'
import { unlessAborted } from '../time/deadline.ts'

export class JointWrites {
  readonly #topic: Pick<InternalTopic, 'write'>
  /** As many as its callers write at the same time. */
  #waiting: InternalRecord[] = []
  #next: Promise<void> | undefined
  #underWay: Promise<void> | undefined

  constructor (topic: Pick<InternalTopic, 'write'>) {
    this.#topic = topic
  }

  /** Resolves once the records are acknowledged. An abort ends the wait, not the write. */
  async write (records: readonly InternalRecord[], signal: AbortSignal): Promise<void> {
    this.#waiting.push(...records)
    this.#next ??= this.#writeNext()
    await unlessAborted(signal, this.#next)
  }

  async #writeNext (): Promise<void> {
    await this.#underWay?.catch(() => {}) // its callers know
    const records = this.#waiting
    this.#waiting = []
    this.#underWay = this.#next
    this.#next = undefined
    await this.#topic.write(records, never)
  }
}

/** The writer bounds the time of a write by itself. */
const never = new AbortController().signal
