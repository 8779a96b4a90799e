// Kafka's Fetch request, version 10, and the batches of its answer: only their headers are read, so
// reading costs the same for any codec and any number of records. Pure.
import { batchHeaderBytes } from './batch-template.ts'

/** Kafka 2.1 and later, with zstd. */
export const fetchApi = { apiKey: 1, apiVersion: 10 } as const

export interface FetchLimits {
  readonly waitMaxMs: number
  readonly bytesMax: number
  readonly partitionBytesMax: number
}

export interface WantedPartition {
  readonly partition: number
  readonly offset: number
}

export interface FetchedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly records: number
  readonly bytes: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
}

export interface FetchedPartition {
  readonly partition: number
  /** Kafka's error code; 0: none. */
  readonly code: number
  readonly highWatermark: number
  readonly batches: readonly FetchedBatch[]
}

const readUncommitted = 0

/** Without a fetch session: each answer is complete. */
export function encodeFetch (
  topic: string, partitions: readonly WantedPartition[], limits: FetchLimits
): Buffer {
  const name = Buffer.from(topic)
  const request = Buffer.alloc(25 + 4 + 2 + name.length + 4 + 28 * partitions.length + 4)
  let at = request.writeInt32BE(-1, 0) // not a replica
  at = request.writeInt32BE(limits.waitMaxMs, at)
  at = request.writeInt32BE(1, at) // bytes that end the wait
  at = request.writeInt32BE(limits.bytesMax, at)
  at = request.writeInt8(readUncommitted, at)
  at = request.writeInt32BE(0, at) // no session
  at = request.writeInt32BE(-1, at)
  at = request.writeInt32BE(1, at) // topics
  at = request.writeInt16BE(name.length, at)
  at += name.copy(request, at)
  at = request.writeInt32BE(partitions.length, at)
  for (const { offset, partition } of partitions) {
    at = request.writeInt32BE(partition, at)
    at = request.writeInt32BE(-1, at) // leader epoch: not known
    at = request.writeBigInt64BE(BigInt(offset), at)
    at = request.writeBigInt64BE(-1n, at) // log start offset: not a replica
    at = request.writeInt32BE(limits.partitionBytesMax, at)
  }
  request.writeInt32BE(0, at) // forgotten topics
  return request
}

/** Throws if the whole request failed: the response then lacks the topic of the request. */
export function parseFetch (response: Buffer): readonly FetchedPartition[] {
  const code = response.readInt16BE(4)
  if (code !== 0 || response.readInt32BE(10) !== 1) {
    throw new Error(`a Fetch response without partitions, error ${code}`)
  }
  let at = 4 + 2 + 4 + 4
  at += 2 + response.readInt16BE(at)
  const count = response.readInt32BE(at)
  at += 4
  const partitions: FetchedPartition[] = []
  for (let i = 0; i < count; i++) {
    const partition = response.readInt32BE(at)
    const code = response.readInt16BE(at + 4)
    const highWatermark = Number(response.readBigInt64BE(at + 6))
    at += 4 + 2 + 8 + 8 + 8
    at += 4 + 16 * Math.max(0, response.readInt32BE(at)) // aborted transactions
    const bytes = Math.max(0, response.readInt32BE(at))
    at += 4
    const batches = splitBatches(response.subarray(at, at + bytes))
    partitions.push({ partition, code, highWatermark, batches })
    at += bytes
  }
  return partitions
}

/** A broker may truncate the last batch; the next Fetch returns it complete. */
function splitBatches (records: Buffer): readonly FetchedBatch[] {
  const batches: FetchedBatch[] = []
  for (let at = 0; at + batchHeaderBytes <= records.length;) {
    const bytes = 12 + records.readInt32BE(at + 8)
    if (bytes < batchHeaderBytes) throw new Error(`a batch of ${bytes} bytes`)
    if (at + bytes > records.length) break
    const baseOffset = Number(records.readBigInt64BE(at))
    batches.push({
      baseOffset,
      lastOffset: baseOffset + records.readInt32BE(at + 23),
      baseTimestampMs: Number(records.readBigInt64BE(at + 27)),
      maxTimestampMs: Number(records.readBigInt64BE(at + 35)),
      records: records.readInt32BE(at + 57),
      bytes
    })
    at += bytes
  }
  return batches
}
