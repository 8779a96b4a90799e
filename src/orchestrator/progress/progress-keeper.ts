// Keeps a running flow's progress on record, even where the record itself is lost: the process
// knows its producer id and how far it is, so a progress topic that was deleted under it is made
// again and written from memory. Several processes may do that at once; each writes what it owns.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ProducerIdentity } from './progress.ts'
import type { SlotRecord } from './progress-store.ts'
import {
  agreeOnProducer, ensureProgressTopic, progressTopicId, type ProgressTopicOptions
} from './progress-topic.ts'

export interface ProgressKeeperOptions {
  readonly topic: ProgressTopicOptions
  readonly producer: ProducerIdentity
  /** Of the topic that progress was restored from; null where the cluster tells none. */
  readonly topicId: string | null
  /** All that is to be on record of what this process owns. */
  readonly everything: () => readonly SlotRecord[]
  readonly onRewritten: (error: ReplicatorError) => void
}

export class ProgressKeeper {
  readonly #options: ProgressKeeperOptions
  #topicId: string | null
  #mending: Promise<boolean> | undefined

  constructor (options: ProgressKeeperOptions) {
    this.#options = options
    this.#topicId = options.topicId
  }

  /** Resolves once the records are acked, by a topic that holds all the others, too. */
  async write (records: readonly SlotRecord[]): Promise<void> {
    const { store } = this.#options.topic
    try {
      await store.write(records)
    } catch (thrown) {
      if (!await this.mend().catch(() => false)) throw thrown
      await store.write(records)
    }
  }

  /**
   * Looks whether the topic is still the one that progress was written to; if not, writes all of
   * it anew. Gives whether it had to.
   */
  async mend (): Promise<boolean> {
    this.#mending ??= this.#mendOnce().finally(() => { this.#mending = undefined })
    return await this.#mending
  }

  async #mendOnce (): Promise<boolean> {
    const { everything, onRewritten, producer, topic } = this.#options
    const isMade = await ensureProgressTopic(topic)
    const topicId = await progressTopicId(topic)
    if (!isMade && topicId === this.#topicId) return false
    const agreed = await agreeOnProducer(topic, producer)
    if (agreed.producerId !== producer.producerId) {
      throw new ReplicatorError('PRODUCER_ID_REPLACED',
        `${topic.topic} holds ${agreed.producerId}, this process has ${producer.producerId}`)
    }
    const records = everything()
    await topic.store.write(records)
    this.#topicId = topicId
    onRewritten(new ReplicatorError('PROGRESS_DELETED',
      `${topic.topic}: written again for ${records.length} partitions`))
    return true
  }
}
