// One of MirrorMaker 2's compacted topics of one partition, which a duty writes: created where it
// is missing, with a writer that is opened with the first record.
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import type { ChangeOptions, ClusterAdmin } from './cluster-admin.ts'
import type { OutgoingRecord } from './topic-writer.ts'

/** A client that still connects to a cluster that hangs is closed behind the end of the duty. */
const closeMs = 500

export interface InternalTopicWriter {
  readonly write: (records: readonly OutgoingRecord[], signal: AbortSignal) => Promise<unknown>
  readonly close: () => Promise<void>
}

export interface InternalTopicOptions {
  readonly name: string
  readonly replicationFactor: number
  readonly admin: Pick<ClusterAdmin, 'describeTopics' | 'createTopics'>
  readonly openWriter: () => InternalTopicWriter
  readonly clock: Clock
}

export class InternalTopic {
  readonly #options: InternalTopicOptions
  #exists = false
  #writer: InternalTopicWriter | undefined

  constructor (options: InternalTopicOptions) {
    this.#options = options
  }

  async write (
    records: ReadonlyArray<Omit<OutgoingRecord, 'partition'>>, signal: AbortSignal
  ): Promise<void> {
    try {
      if (!this.#exists) await unlessAborted(signal, ensureInternalTopic(this.#options))
      this.#exists = true
      this.#writer ??= this.#options.openWriter()
      await this.#writer.write(records.map(record => ({ partition: 0, ...record })), signal)
    } catch (thrown) {
      this.#exists = false // the topic may have been deleted
      throw thrown
    }
  }

  /** The next write opens a writer again. */
  async close (): Promise<void> {
    const closing = this.#writer
    this.#writer = undefined
    if (closing === undefined) return
    const deadline = new Deadline(this.#options.clock, closeMs)
    await deadline.bound(closing.close())
    deadline.cancel()
  }
}

/** Creates the topic where it is missing; throws what the cluster refuses. */
export async function ensureInternalTopic (
  { admin, name, replicationFactor }: Omit<InternalTopicOptions, 'openWriter' | 'clock'>,
  options: ChangeOptions = {}
): Promise<void> {
  const [described] = await admin.describeTopics([name])
  if (described?.error === undefined) return
  // To a principal that may not describe the topic it looks missing on some brokers.
  if (described.error.errorName !== 'UNKNOWN_TOPIC_OR_PARTITION') throw described.error
  const configs = { 'cleanup.policy': 'compact' }
  const [created] = await admin.createTopics(
    [{ name, partitions: 1, replicationFactor, configs }], options)
  const error = created?.error
  if (error !== undefined && error.errorName !== 'TOPIC_ALREADY_EXISTS') throw error
}
