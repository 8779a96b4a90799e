// A topic of one partition that a duty writes, compacted as those of MirrorMaker 2 by default:
// created if it is missing; the writer is opened for the first record.
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { Deadline, unlessAborted } from '../time/deadline.ts'
import type { ChangeOptions, ClusterAdmin } from './cluster-admin.ts'
import type { OutgoingRecord } from './topic-writer.ts'

const compacted = { 'cleanup.policy': 'compact' }
/** A client that still connects to a hung cluster is closed after the end of the duty. */
const closeMs = 500

export interface InternalTopicWriter {
  readonly write: (records: readonly OutgoingRecord[], signal: AbortSignal) => Promise<unknown>
  readonly close: () => Promise<void>
}

export interface InternalTopicOptions {
  readonly name: string
  readonly replicationFactor: number
  /** Settings of a new topic; compaction by default. */
  readonly configs?: Readonly<Record<string, string>>
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

  /** The next write opens another writer. */
  async close (): Promise<void> {
    const closing = this.#writer
    this.#writer = undefined
    if (closing === undefined) return
    const deadline = new Deadline(this.#options.clock, closeMs)
    await deadline.bound(closing.close())
    deadline.cancel()
  }
}

/**
 * Creates the topic if it is missing; throws the error with which the cluster refuses it. Whether
 * it was missing.
 */
export async function ensureInternalTopic (
  {
    admin, configs = compacted, name, replicationFactor
  }: Omit<InternalTopicOptions, 'openWriter' | 'clock'>,
  options: ChangeOptions = {}
): Promise<boolean> {
  const [described] = await admin.describeTopics([name])
  if (described?.error === undefined) return false
  // A principal that may not describe the topic sees the topic as missing on some brokers.
  if (described.error.errorName !== 'UNKNOWN_TOPIC_OR_PARTITION') throw described.error
  const [created] = await admin.createTopics(
    [{ name, partitions: 1, replicationFactor, configs }], options)
  const error = created?.error
  if (error !== undefined && error.errorName !== 'TOPIC_ALREADY_EXISTS') throw error
  return true
}

/** For the error of a duty that writes such a topic. */
export interface InternalTopicUse {
  readonly name: string
  readonly cluster: string
  readonly replicationFactor: number
  /** The setting that holds the replication factor. */
  readonly factorSetting: string
  /** The error name for errors that a retry does not solve. */
  readonly refusal: ErrorName
  /** The subject of the error text: `heartbeats of`. */
  readonly what: string
  /** The flow and the topic in the error text: `A->B, to the topic ...`. */
  readonly where: string
  /** The operations that the duty needs; CREATE and WRITE by default. */
  readonly needs?: string
  /** How to turn the duty off: `set ...`. */
  readonly off: string
}

/** Adds what the operator can do; an error that a retry solves is a problem of the cluster. */
export function writeError (thrown: unknown, use: InternalTopicUse): ReplicatorError {
  const error = ReplicatorError.from(thrown)
  const {
    cluster, factorSetting, name, needs = 'CREATE and WRITE', off, refusal, replicationFactor, what,
    where
  } = use
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
        `Grant ${needs} on topic ${name} to the principal of cluster ${cluster}`)
    default: return refused(error.action)
  }
}
