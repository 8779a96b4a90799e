// Builds record batches byte by byte that no client would write: null or binary headers, odd
// attributes, wrong checksums.

export interface RawRecord {
  readonly key?: Buffer | null
  readonly value: Buffer | null
  readonly headers?: ReadonlyArray<readonly [name: string, value: Buffer | null]>
  /** Relative to the batch's base timestamp. */
  readonly timestampDelta?: number
  /** By default the record's index; a gap makes the batch like a compacted one. */
  readonly offsetDelta?: number
}

export interface RawBatchSettings {
  readonly baseTimestamp?: number
  readonly attributes?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** Compresses the records; set the codec's number in `attributes` too. */
  readonly compress?: (records: Buffer) => Buffer
  /** Applied last, after the right checksum. */
  readonly crc?: number
}

const headerBytes = 61
const crcAt = 17
/** The checksum covers the bytes after it. */
const crcFrom = 21

export function buildBatch (
  records: readonly RawRecord[], settings: RawBatchSettings = {}
): Buffer {
  const { baseTimestamp = Date.now(), attributes = 0 } = settings
  const compress = settings.compress ?? (bytes => bytes)
  const offsetDeltas = records.map((record, index) => record.offsetDelta ?? index)
  const payload = compress(Buffer.concat(records.map((record, index) =>
    encodeRecord(record, offsetDeltas[index] ?? index))))
  const lastTimestampDelta = Math.max(0, ...records.map(record => record.timestampDelta ?? 0))
  const batch = Buffer.concat([Buffer.alloc(headerBytes), payload])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(attributes, crcFrom)
  batch.writeInt32BE(offsetDeltas.at(-1) ?? 0, 23)
  batch.writeBigInt64BE(BigInt(baseTimestamp), 27)
  batch.writeBigInt64BE(BigInt(baseTimestamp + lastTimestampDelta), 35)
  batch.writeBigInt64BE(settings.producerId ?? -1n, 43)
  batch.writeInt16BE(settings.producerEpoch ?? -1, 51)
  batch.writeInt32BE(settings.baseSequence ?? -1, 53)
  batch.writeInt32BE(records.length, 57)
  batch.writeUInt32BE(settings.crc ?? crc32c(batch.subarray(crcFrom)), crcAt)
  return batch
}

function encodeRecord (record: RawRecord, offsetDelta: number): Buffer {
  const headers = record.headers ?? []
  const body = Buffer.concat([
    Buffer.from([0]),
    encodeVarint(record.timestampDelta ?? 0),
    encodeVarint(offsetDelta),
    encodeBytes(record.key ?? null),
    encodeBytes(record.value),
    encodeVarint(headers.length),
    ...headers.flatMap(([name, value]) => [encodeBytes(Buffer.from(name)), encodeBytes(value)])
  ])
  return Buffer.concat([encodeVarint(body.length), body])
}

function encodeBytes (bytes: Buffer | null): Buffer {
  return bytes === null ? encodeVarint(-1) : Buffer.concat([encodeVarint(bytes.length), bytes])
}

/** Zigzag, then seven bits a byte, lowest first. */
function encodeVarint (value: number): Buffer {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  const bytes: number[] = []
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 0x80)
  } while (rest !== 0n)
  return Buffer.from(bytes)
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : crc >>> 1 ^ 0x82F63B78
  return crc >>> 0
})

/** Castagnoli's CRC-32, a byte at a time: slow and short, for small batches and as an oracle. */
export function crc32c (bytes: Uint8Array): number {
  let crc = 0xFFFFFFFF
  for (const byte of bytes) crc = crc >>> 8 ^ (crcTable[(crc ^ byte) & 0xFF] ?? 0)
  return (crc ^ 0xFFFFFFFF) >>> 0
}
