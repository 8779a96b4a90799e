// Record batches of the load, built once from a seed and sent many times: only their timestamps
// change, and with them the checksum. Format v2 of Kafka, without a producer id. Pure.
import { gzipSync } from 'node:zlib'
import * as zlib from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { createRandom } from '../time/seeded-random.ts'
import type { Random } from '../time/clock.ts'
import { crcTail, joinCrc, type CrcTail } from './crc32c.ts'

export const benchCodecs = ['none', 'gzip', 'lz4', 'zstd'] as const
export type BenchCodec = (typeof benchCodecs)[number]

export interface BatchSpec {
  readonly records: number
  /** Bytes of a record's value. */
  readonly recordSize: number
  /** Percent of each value that is random; the rest repeats, and compresses to nearly nothing. */
  readonly randomPercent: number
  readonly codec: BenchCodec
  /** From the creation of the first record of a batch to that of its last one. */
  readonly spanMs: number
}

/** Can be posted between threads. */
export interface BatchTemplate {
  readonly bytes: Uint8Array
  readonly records: number
  /** Of its records' values, before compression. */
  readonly valueBytes: number
  readonly spanMs: number
  readonly tail: CrcTail
}

/** The numbers of the codecs in a batch's attributes. */
const codecNumbers: Readonly<Record<BenchCodec, number>> = { none: 0, gzip: 1, lz4: 3, zstd: 4 }

export const batchHeaderBytes = 61
const lengthAt = 8
const crcAt = 17
/** The checksum covers the bytes from here on. */
const attributesAt = 21
const lastDeltaAt = 23
const baseTimestampAt = 27
const maxTimestampAt = 35
const recordCountAt = 57
/** Attributes, lengths and the key of a record of less than 2 MiB, at most. */
const recordOverheadBytes = 16

/** How many records a batch of this size may hold, before compression. */
export function recordsOfBatch (batchSize: number, recordSize: number): number {
  const recordBytes = recordSize + recordOverheadBytes
  return Math.max(1, Math.floor((batchSize - batchHeaderBytes) / recordBytes))
}

export function buildTemplate (spec: BatchSpec, seed: number): BatchTemplate {
  const random = createRandom(seed)
  const encoded: Buffer[] = []
  for (let i = 0; i < spec.records; i++) {
    encoded.push(encodeRecord(i, timestampDelta(i, spec), createValue(spec, random)))
  }
  const payload = compress(Buffer.concat(encoded), spec.codec)
  const bytes = Buffer.alloc(batchHeaderBytes + payload.length)
  payload.copy(bytes, batchHeaderBytes)
  bytes.writeInt32BE(bytes.length - 12, lengthAt)
  bytes.writeInt32BE(-1, 12) // leader epoch: the broker sets it
  bytes.writeInt8(2, 16)
  bytes.writeInt16BE(codecNumbers[spec.codec], attributesAt)
  bytes.writeInt32BE(spec.records - 1, lastDeltaAt)
  bytes.writeBigInt64BE(-1n, 43) // no producer id, epoch and sequence
  bytes.writeInt16BE(-1, 51)
  bytes.writeInt32BE(-1, 53)
  bytes.writeInt32BE(spec.records, recordCountAt)
  return {
    bytes,
    records: spec.records,
    valueBytes: spec.records * spec.recordSize,
    spanMs: lastDelta(spec),
    tail: crcTail(payload)
  }
}

/** A copy whose first record was created at this time. */
export function stampBatch (template: BatchTemplate, baseTimestampMs: number): Buffer {
  const bytes = Buffer.from(template.bytes)
  bytes.writeBigInt64BE(BigInt(baseTimestampMs), baseTimestampAt)
  bytes.writeBigInt64BE(BigInt(baseTimestampMs + template.spanMs), maxTimestampAt)
  const head = bytes.subarray(attributesAt, batchHeaderBytes)
  bytes.writeUInt32BE(joinCrc(head, template.tail), crcAt)
  return bytes
}

/** The records of a batch are created in equal steps. */
export function timestampDelta (
  record: number, { records, spanMs }: Pick<BatchSpec, 'records' | 'spanMs'>
): number {
  return records < 2 ? 0 : Math.floor(record * spanMs / (records - 1))
}

function lastDelta (spec: BatchSpec): number { return timestampDelta(spec.records - 1, spec) }

function createValue ({ randomPercent, recordSize }: BatchSpec, random: Random): Buffer {
  const value = Buffer.alloc(recordSize, 'longhaul ')
  const randomBytes = Math.round(recordSize * randomPercent / 100)
  for (let at = 0; at < randomBytes; at++) value[at] = Math.floor(random() * 256)
  return value
}

function compress (records: Buffer, codec: BenchCodec): Buffer {
  switch (codec) {
    case 'none': return records
    case 'gzip': return gzipSync(records)
    case 'lz4': return compressFrameSync(records)
    case 'zstd': return mustFindZstd()(records)
  }
}

type Compress = (bytes: Buffer) => Buffer

export function findZstd (): Compress | undefined {
  return (zlib as { readonly zstdCompressSync?: Compress }).zstdCompressSync
}

function mustFindZstd (): Compress {
  const found = findZstd()
  if (found === undefined) throw new Error('this Node has no zstd')
  return found
}

/** Without a key and headers. */
function encodeRecord (offsetDelta: number, timestampDelta: number, value: Buffer): Buffer {
  const head = Buffer.concat([
    Buffer.from([0]), varint(timestampDelta), varint(offsetDelta), varint(-1), varint(value.length)
  ])
  return Buffer.concat([varint(head.length + value.length + 1), head, value, varint(0)])
}

/** Zigzag, then seven bits a byte, the lowest first; for numbers below 2^30. */
function varint (value: number): Buffer {
  const bytes: number[] = []
  let left = value << 1 ^ value >> 31
  for (; left > 0x7F; left >>>= 7) bytes.push(left & 0x7F | 0x80)
  bytes.push(left)
  return Buffer.from(bytes)
}
