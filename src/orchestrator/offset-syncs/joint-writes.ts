// Joins the records that several slots write to one topic at the same time: one write is in flight,
// and records that arrive meanwhile are in the next write. The topic has one partition, whose
// writes wait for each other: over a long link each slot would wait for the round trips of all the
// others.
import type { InternalTopic } from '../cluster/internal-topic.ts'
import type { InternalRecord } from '../mirror-maker/internal-records.ts'
import { unlessAborted } from '../time/deadline.ts'

export class JointWrites {
  readonly #topic: Pick<InternalTopic, 'write'>
  /** Bounded by the number of callers that write at the same time. */
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
    await this.#underWay?.catch(() => {}) // its callers receive the error
    const records = this.#waiting
    this.#waiting = []
    this.#underWay = this.#next
    this.#next = undefined
    await this.#topic.write(records, never)
  }
}

/** The writer itself bounds the duration of a write. */
const never = new AbortController().signal
