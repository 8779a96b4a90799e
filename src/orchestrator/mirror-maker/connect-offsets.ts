// The records in which Kafka Connect keeps the positions of MirrorMaker 2's source connector, as
// its JSON converter writes them:
//
//   key    ["MirrorSourceConnector",{"cluster":"A","partition":0,"topic":"orders"}]
//   value  {"offset":41}   the last mirrored source offset; null: the position was deleted
import { fieldsOf } from './parsed-value.ts'

export interface ConnectOffset {
  readonly connector: string
  /** The alias of the source cluster, as MirrorMaker 2 names it. */
  readonly cluster: string
  /** The name on the source. */
  readonly topic: string
  readonly partition: number
  /** The last mirrored source offset; undefined: deleted. */
  readonly offset: bigint | undefined
}

export const sourceConnector = 'MirrorSourceConnector'

/** Undefined: the record is of another connector class, or not of MirrorMaker 2. */
export function decodeConnectOffset (
  key: Buffer | null, value: Buffer | null
): ConnectOffset | undefined {
  const names = fromJson(key)
  if (!Array.isArray(names)) return undefined
  const connector: unknown = names[0]
  const { cluster, partition, topic } = fieldsOf(names[1])
  if (typeof connector !== 'string' || typeof cluster !== 'string' ||
    typeof topic !== 'string' || !isCount(partition)) return undefined
  const { offset } = fieldsOf(fromJson(value))
  // A number in JSON is exact up to 2^53.
  const last = isCount(offset) ? BigInt(offset) : undefined
  return { connector, cluster, topic, partition, offset: last }
}

export function encodeConnectOffset (
  { cluster, connector, offset, partition, topic }: ConnectOffset
): { readonly key: Buffer, readonly value: Buffer | null } {
  return {
    key: Buffer.from(JSON.stringify([connector, { cluster, partition, topic }])),
    value: offset === undefined ? null : Buffer.from(JSON.stringify({ offset: Number(offset) }))
  }
}

function fromJson (bytes: Buffer | null): unknown {
  if (bytes === null) return undefined
  try {
    return JSON.parse(String(bytes))
  } catch {
    return undefined
  }
}

function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
