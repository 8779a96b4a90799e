// Kafka's Produce request, version 7: whole record batches, one for each partition. Pure.
import { errorByCode } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'

/** Of Kafka 2.1, the first with zstd; versions from 9 on have another encoding. */
export const produceApi = { apiKey: 0, apiVersion: 7 } as const

const acksAll = -1
const brokerTimeoutMs = 5_000

export interface PartitionBatch {
  readonly partition: number
  readonly batch: Buffer
}

export function encodeProduce (topic: string, batches: readonly PartitionBatch[]): Buffer {
  const name = Buffer.from(topic)
  const head = Buffer.alloc(2 + 2 + 4 + 4 + 2 + name.length + 4)
  let at = head.writeInt16BE(-1, 0) // no transactional id
  at = head.writeInt16BE(acksAll, at)
  at = head.writeInt32BE(brokerTimeoutMs, at)
  at = head.writeInt32BE(1, at) // topics
  at = head.writeInt16BE(name.length, at)
  at += name.copy(head, at)
  head.writeInt32BE(batches.length, at)
  return Buffer.concat([head, ...batches.flatMap(({ partition, batch }) => {
    const of = Buffer.alloc(8)
    of.writeInt32BE(partition, 0)
    of.writeInt32BE(batch.length, 4)
    return [of, batch]
  })])
}

/** The errors of the partitions that refused their batch, by partition. */
export function parseProduce (
  topic: string, response: Buffer
): ReadonlyMap<number, ReplicatorError> {
  const errors = new Map<number, ReplicatorError>()
  let at = 4 // topics: one
  at += 2 + response.readInt16BE(at)
  const count = response.readInt32BE(at)
  at += 4
  for (let i = 0; i < count; i++) {
    const code = response.readInt16BE(at + 4)
    if (code !== 0) {
      const partition = response.readInt32BE(at)
      errors.set(partition,
        new ReplicatorError(errorByCode(code), `${topic}-${partition} refused a batch`))
    }
    at += 4 + 2 + 8 + 8 + 8 // partition, error, base offset, append time, log start offset
  }
  return errors
}
