// Keeps the progress of a running flow on record even if the progress topic is deleted: the process
// knows its producer id and its positions, so it recreates the topic and writes them from memory.
// Several processes may do so at once; each process writes the slots that it owns.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { EncodedRecord } from './progress-record.ts'
import { agreeOnProducer, type AgreementOptions } from './producer-agreement.ts'
import type { ProgressStore, SlotRecord } from './progress-store.ts'
import { ensureProgressTopic } from './progress-topic.ts'
import type { ProducerIdentity } from './progress.ts'

export interface ProgressKeeperOptions {
  readonly agreement: AgreementOptions
  readonly store: ProgressStore
  readonly producer: ProducerIdentity
  /** The id of the topic that progress was restored from; null if the cluster has no topic ids. */
  readonly topicId: string | null
  /** Everything that must be on record for the slots of this process. */
  readonly everything: () => readonly SlotRecord[]
  readonly onRewritten: (error: ReplicatorError) => void
}

export class ProgressKeeper {
  readonly #options: ProgressKeeperOptions
  #topicId: string | null
  #mending: Promise<boolean> | undefined
  /** A reading has shown records of a recreated topic, and the topic was not checked since. */
  #seemsRecreated = false

  constructor (options: ProgressKeeperOptions) {
    this.#options = options
    this.#topicId = options.topicId
  }

  /**
   * Resolves once the records are acknowledged by a topic that holds all the other records, too.
   */
  async write (records: readonly SlotRecord[], signal?: AbortSignal): Promise<void> {
    const { store } = this.#options
    try {
      await store.write(records, signal)
    } catch (thrown) {
      if (signal?.aborted === true || !await this.mend().catch(() => false)) throw thrown
      await store.write(records, signal)
    }
  }

  /**
   * The slot's records beside progress, as ProgressStore returns them. Every process reads them
   * each second, so it notices within ten seconds that the topic is missing or was recreated: a
   * write to a missing topic may wait for half a minute, and an idle process writes nothing.
   */
  async readOthers (slot: number, signal: AbortSignal): Promise<readonly EncodedRecord[]> {
    const { agreement, store } = this.#options
    try {
      const records = await store.readOthers(slot, signal)
      this.#seemsRecreated ||= store.takeRecreated()
      if (!this.#seemsRecreated) return records
      try {
        await this.mend()
        this.#seemsRecreated = false
      } catch (thrown) {
        agreement.onWarning(ReplicatorError.from(thrown))
      }
      return records
    } catch (thrown) {
      if (signal.aborted || !isMissing(thrown)) throw thrown
      if (!await this.mend()) throw thrown
      return await store.readOthers(slot, signal)
    }
  }

  /**
   * Checks whether the topic is still the one that progress was written to; if not, writes
   * everything again. Resolves with whether the topic was another one.
   */
  async mend (): Promise<boolean> {
    this.#mending ??= this.#mendOnce().finally(() => { this.#mending = undefined })
    return await this.#mending
  }

  async #mendOnce (): Promise<boolean> {
    const { agreement, everything, onRewritten, producer, store } = this.#options
    const { topic } = agreement
    const { isCreated, topicId } = await ensureProgressTopic(agreement)
    if (!isCreated && topicId === this.#topicId) return false
    store.reset()
    const agreed = await agreeOnProducer(agreement, producer)
    if (agreed.producerId !== producer.producerId) {
      throw new ReplicatorError('PRODUCER_ID_REPLACED',
        `${topic} holds ${agreed.producerId}, this process has ${producer.producerId}`)
    }
    const records = everything()
    await store.write(records)
    this.#topicId = topicId
    onRewritten(new ReplicatorError('PROGRESS_DELETED',
      `${topic}: written again for ${records.length} partitions`))
    return true
  }
}

/** The store wraps the error of the cluster. */
function isMissing (thrown: unknown): boolean {
  return thrown instanceof ReplicatorError &&
    (thrown.errorName === 'UNKNOWN_TOPIC_OR_PARTITION' || isMissing(thrown.cause))
}
