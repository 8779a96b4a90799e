// Compares the batches of both clusters as they are stored: which batches of the target have, byte
// by byte, the payload of the source. Holds one batch of each side in memory for each partition.
import type { ClusterAdmin } from '../orchestrator/cluster/cluster-admin.ts'
import type { ClientProperties } from '../orchestrator/config/client-properties.ts'
import { BatchConnection, type StoredBatch } from './batch-fetch.ts'
import { demoCodecs, type DemoCodec, type WrittenPartition } from './demo-topics.ts'
import type { Differences } from './record-check.ts'

export interface CheckedCluster {
  readonly admin: ClusterAdmin
  /** librdkafka's properties. */
  readonly client: ClientProperties
}

export interface PayloadCheckOptions {
  readonly source: CheckedCluster
  readonly target: CheckedCluster
  readonly written: readonly WrittenPartition[]
  readonly differences: Differences
  readonly stopped: AbortSignal
}

export interface PayloadCounts {
  /** Batches of the target, and how many of these have exactly the payload of the source. */
  readonly batches: number
  readonly kept: number
  readonly keptBytes: number
  readonly keptByCodec: Readonly<Record<DemoCodec, number>>
}

/** Undefined if a cluster requires TLS or a login: batch-fetch supports neither. */
export async function checkPayloads (
  options: PayloadCheckOptions
): Promise<PayloadCounts | undefined> {
  const { source, target, written, differences, stopped } = options
  if (!isPlain(source.client) || !isPlain(target.client)) return undefined
  const count = new PayloadCount()
  const sides = { source: new BatchSource(source.admin), target: new BatchSource(target.admin) }
  try {
    await Promise.all([
      sides.source.connect(written.map(({ topic }) => topic.name)),
      sides.target.connect(written.map(({ topic }) => topic.remoteName))
    ])
    await Promise.all(written.map(async partition => {
      const { topic, partition: number, count: end } = partition
      await comparePayloads({
        source: sides.source.batches(topic.name, number, end, stopped),
        target: sides.target.batches(topic.remoteName, number, end, stopped),
        count,
        onDifference: (offset, what) => {
          differences.add({ topic: topic.remoteName, partition: number, offset, what })
        }
      })
    }))
    return count
  } finally {
    sides.source.close()
    sides.target.close()
  }
}

function isPlain (client: ClientProperties): boolean {
  return (client['security.protocol'] ?? 'plaintext').toLowerCase() === 'plaintext'
}

export class PayloadCount implements PayloadCounts {
  batches = 0
  kept = 0
  keptBytes = 0
  readonly keptByCodec: Record<DemoCodec, number> = { none: 0, lz4: 0 }

  add (batch: StoredBatch, isKept: boolean): void {
    this.batches += 1
    if (!isKept) return
    this.kept += 1
    this.keptBytes += batch.payload.length
    const codec = demoCodecs.find(name => codecNumbers[name] === (batch.attributes & codecBits))
    if (codec !== undefined) this.keptByCodec[codec] += 1
  }
}

const codecBits = 7
const codecNumbers: Readonly<Record<DemoCodec, number>> = { none: 0, lz4: 3 }

export interface PayloadComparison {
  readonly source: AsyncIterable<StoredBatch>
  readonly target: AsyncIterable<StoredBatch>
  readonly count: PayloadCount
  readonly onDifference: (offset: number, what: string) => void
}

/** Offsets are equal on both sides, so batches with the same base offset are compared. */
export async function comparePayloads (
  { source, target, count, onDifference }: PayloadComparison
): Promise<void> {
  const sourceBatches = source[Symbol.asyncIterator]()
  let original = await nextOf(sourceBatches)
  for await (const batch of target) {
    while (original !== undefined && original.baseOffset < batch.baseOffset) {
      original = await nextOf(sourceBatches)
    }
    const what = batchDifference(original, batch)
    count.add(batch, what === undefined)
    if (what !== undefined) onDifference(batch.baseOffset, what)
  }
}

async function nextOf (batches: AsyncIterator<StoredBatch>): Promise<StoredBatch | undefined> {
  const next = await batches.next()
  return next.done === true ? undefined : next.value
}

function batchDifference (
  original: StoredBatch | undefined, batch: StoredBatch
): string | undefined {
  if (original?.baseOffset !== batch.baseOffset) return 'no batch of the source begins here'
  if (original.nextOffset !== batch.nextOffset || original.recordCount !== batch.recordCount) {
    return `a batch of ${batch.recordCount} records, of ${original.recordCount} on the source`
  }
  if ((original.attributes & codecBits) !== (batch.attributes & codecBits)) {
    return 'a batch in another codec'
  }
  if (original.baseTimestampMs !== batch.baseTimestampMs ||
      original.maxTimestampMs !== batch.maxTimestampMs) return 'a batch with other timestamps'
  return original.payload.equals(batch.payload) ? undefined : 'a batch with other payload bytes'
}

/** The batches of one cluster's partitions, over one connection for each broker. */
class BatchSource {
  readonly #admin: ClusterAdmin
  readonly #connections = new Map<number, BatchConnection>()
  /** Leaders by partition: broker ids. */
  readonly #leaders = new Map<string, number>()

  constructor (admin: ClusterAdmin) {
    this.#admin = admin
  }

  async connect (topics: readonly string[]): Promise<void> {
    const described = await this.#admin.describeTopics([...new Set(topics)])
    for (const { name, partitions } of described) {
      for (const { partition, leader } of partitions) {
        this.#leaders.set(`${name}-${partition}`, leader)
      }
    }
    const { brokers } = await this.#admin.describeCluster()
    for (const { id, host, port } of brokers) {
      this.#connections.set(id, await BatchConnection.open(host, port))
    }
  }

  async * batches (
    topic: string, partition: number, end: number, stopped: AbortSignal
  ): AsyncGenerator<StoredBatch> {
    const connection = this.#connections.get(this.#leaders.get(`${topic}-${partition}`) ?? -1)
    if (connection === undefined) throw new Error(`${topic}-${partition} has no leader`)
    for (let offset = 0; offset < end && !stopped.aborted;) {
      const batches = await connection.fetch(topic, partition, offset)
      if (batches.length === 0) return
      for (const batch of batches) {
        yield batch
        offset = batch.nextOffset
      }
    }
  }

  close (): void {
    for (const connection of this.#connections.values()) connection.close()
  }
}
