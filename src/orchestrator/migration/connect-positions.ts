// The positions that MirrorMaker 2 has committed to its offsets topic on the target, and whether
// MirrorMaker 2 still commits. Reads with read_committed, as Kafka Connect does.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import { TopicReader } from '../cluster/topic-reader.ts'
import type { ClusterClient } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { decodeConnectOffset, type ConnectOffset } from '../mirror-maker/connect-offsets.ts'
import type { Clock } from '../time/clock.ts'

export interface ConnectPositionsOptions {
  readonly target: ClusterAdmin
  /** Of the target cluster. */
  readonly client: ClusterClient
  readonly topic: string
  /** The flow's consumer group, which is never joined. */
  readonly group: string
  readonly timeoutMs: number
  readonly clock: Clock
}

export interface ConnectPositions {
  readonly positions: readonly ConnectOffset[]
  /** The partition of the offsets topic that holds the newest record of each key. */
  readonly heldIn: ReadonlyMap<string, number>
  /** How many partitions the offsets topic has. */
  readonly partitionCount: number
}

export async function readConnectPositions (
  options: ConnectPositionsOptions, signal: AbortSignal
): Promise<ConnectPositions> {
  const { client, clock, group, timeoutMs, topic } = options
  const partitionCount = await partitionCountOf(options)
  const reader = new TopicReader({ topic, client, group, standstillMs: timeoutMs, clock })
  const newest = new Map<string, ConnectOffset>()
  const heldIn = new Map<string, number>()
  try {
    await Promise.all(Array.from({ length: partitionCount }, async (_, partition) => {
      await reader.read(partition, undefined, (key, value) => {
        const decoded = decodeConnectOffset(key, value)
        if (decoded === undefined) return
        newest.set(String(key), decoded)
        heldIn.set(String(key), partition)
      }, signal)
    }))
  } finally {
    await reader.close()
  }
  return { positions: [...newest.values()], heldIn, partitionCount }
}

/** The end offsets of the partitions, as one text that changes with each commit. */
export async function commitMark (
  { target, topic }: Pick<ConnectPositionsOptions, 'target' | 'topic'>, partitionCount: number,
  clock: Clock
): Promise<string> {
  const listed = await listOffsetsPatiently(target, Array.from({ length: partitionCount },
    (_, partition) => ({ topic, partition, at: 'latest' as const })), 'read_uncommitted', clock)
  const error = listed.find(each => each.error !== undefined)?.error
  if (error !== undefined) throw error
  return listed.map(({ offset }) => String(offset)).join(' ')
}

/** Whether the topic has a record of this or a later time (epoch ms). */
export async function hasCommitSince (
  { target, topic }: Pick<ConnectPositionsOptions, 'target' | 'topic'>, partitionCount: number,
  sinceMs: number, clock: Clock
): Promise<boolean> {
  const listed = await listOffsetsPatiently(target, Array.from({ length: partitionCount },
    (_, partition) => ({ topic, partition, at: BigInt(sinceMs) })), 'read_uncommitted', clock)
  const error = listed.find(each => each.error !== undefined)?.error
  if (error !== undefined) throw error
  return listed.some(({ offset }) => offset >= 0n)
}

async function partitionCountOf (
  { target, topic }: ConnectPositionsOptions
): Promise<number> {
  const [described] = await target.describeTopics([topic])
  if (described?.error?.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') {
    throw new ReplicatorError(described.error.row, `${target.cluster} has no topic ${topic}, ` +
      'where MirrorMaker 2 keeps its positions', {
      cause: described.error,
      action: 'Name the topic by --offsets-topic, or by offset.storage.topic in the file: it is ' +
        'offset.storage.topic of the Connect worker'
    })
  }
  if (described?.error !== undefined) throw described.error
  return described?.partitions.length ?? 0
}
