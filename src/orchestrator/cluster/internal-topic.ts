// One of MirrorMaker 2's compacted topics of one partition, which a duty writes: created where it
// is missing, with a writer that is opened with the first record.
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
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

/** For the error of a duty that writes such a topic. */
export interface InternalTopicUse {
  readonly name: string
  readonly cluster: string
  readonly replicationFactor: number
  /** Whose value the factor is. */
  readonly factorSetting: string
  /** Its name among errors that do not pass by themselves. */
  readonly refusal: ErrorName
  /** What is written: `heartbeats of`. */
  readonly what: string
  /** Where it goes: `A->B, to the topic ...`. */
  readonly where: string
  /** How to write none: `set ...`. */
  readonly off: string
}

/** With what the operator can do about it; what passes by itself is a problem of the cluster. */
export function writeError (thrown: unknown, use: InternalTopicUse): ReplicatorError {
  const error = ReplicatorError.from(thrown)
  const { cluster, factorSetting, name, off, refusal, replicationFactor, what, where } = use
  if (error.retriable) {
    return new ReplicatorError(error.row, `${error.detail} [${what} ${where}]`,
      { cause: error, cluster })
  }
  const refused = (cure: string, setting?: string): ReplicatorError =>
    new ReplicatorError(refusal, `${where}: ${error.row.text}: ${error.detail}`, {
      cause: error, cluster, action: `${cure}, or ${off}`, ...setting && { setting }
    })
  switch (error.errorName) {
    case 'INVALID_REPLICATION_FACTOR':
      return refused(`Lower ${factorSetting}=${replicationFactor} to the number of brokers of ` +
        cluster, factorSetting)
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return refused(
        `Grant CREATE and WRITE on topic ${name} to the principal of cluster ${cluster}`)
    default: return refused(error.action)
  }
}
