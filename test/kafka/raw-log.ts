// Reads record batches as the bytes that a broker stores, so that a test can prove that a mirror
// forwarded them unread. Only headers are parsed; the rest is compared.

import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'

export interface RawBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  /** The whole batch, header included. */
  readonly byteCount: number
  readonly partitionLeaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' | 'unknown'
  readonly logAppendTime: boolean
  readonly transactional: boolean
  readonly control: boolean
  /** The base timestamp is when the cleaner may drop tombstones (KIP-534), not a record's time. */
  readonly hasDeleteHorizon: boolean
  readonly lastOffsetDelta: number
  readonly baseTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  /** The cleaner removed records: fewer records than the offsets of the batch. */
  readonly thinned: boolean
  /** SHA-256 of everything after the 61 header bytes. */
  readonly payloadHash: string
  readonly payload: Buffer
}

const headerBytes = 61
/** baseOffset and batchLength, which batchLength itself does not count. */
const logOverheadBytes = 12
const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** The batches of one replica by offset. A batch that is being written is left out. */
export function readRawLog (logDir: string, topic: string, partition: number): RawBatch[] {
  const folder = join(logDir, `${topic}-${partition}`)
  if (!existsSync(folder)) throw new Error(`no replica of ${topic}-${partition} in ${logDir}`)
  return readdirSync(folder)
    .filter(name => name.endsWith('.log'))
    .sort()
    .flatMap(name => parseBatches(readSegment(join(folder, name))))
}

/** The cleaner swaps segments while a test reads: a missing one was replaced. */
function readSegment (path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

export function parseBatches (bytes: Buffer): RawBatch[] {
  const batches: RawBatch[] = []
  let at = 0
  while (at + headerBytes <= bytes.length) {
    const end = at + logOverheadBytes + bytes.readInt32BE(at + 8)
    // Segments may be preallocated: zeros after the last batch.
    if (end <= at + logOverheadBytes || end > bytes.length) break
    batches.push(parseBatch(bytes.subarray(at, end)))
    at = end
  }
  return batches
}

function parseBatch (bytes: Buffer): RawBatch {
  const magic = bytes.readInt8(16)
  if (magic !== 2) throw new Error(`a batch of magic ${magic}; only version 2 is read here`)
  const baseOffset = Number(bytes.readBigInt64BE(0))
  const attributes = bytes.readInt16BE(21)
  const lastOffsetDelta = bytes.readInt32BE(23)
  const recordCount = bytes.readInt32BE(57)
  const payload = bytes.subarray(headerBytes)
  return {
    baseOffset,
    lastOffset: baseOffset + lastOffsetDelta,
    byteCount: bytes.length,
    partitionLeaderEpoch: bytes.readInt32BE(12),
    magic,
    crc: bytes.readUInt32BE(17),
    attributes,
    codec: codecNames[attributes & 7] ?? 'unknown',
    logAppendTime: (attributes & 0x08) !== 0,
    transactional: (attributes & 0x10) !== 0,
    control: (attributes & 0x20) !== 0,
    hasDeleteHorizon: (attributes & 0x40) !== 0,
    lastOffsetDelta,
    baseTimestamp: bytes.readBigInt64BE(27),
    maxTimestamp: bytes.readBigInt64BE(35),
    producerId: bytes.readBigInt64BE(43),
    producerEpoch: bytes.readInt16BE(51),
    baseSequence: bytes.readInt32BE(53),
    recordCount,
    thinned: recordCount !== lastOffsetDelta + 1,
    payloadHash: createHash('sha256').update(payload).digest('hex'),
    payload
  }
}

/** Data batches only; a mirror does not forward the markers of transactions. */
export function dataBatches (batches: readonly RawBatch[]): RawBatch[] {
  return batches.filter(batch => !batch.control)
}

/** Offsets missing within or between batches, as compaction and transaction markers cause them. */
export function gapCount (batches: readonly RawBatch[]): number {
  const first = batches[0]
  const last = batches.at(-1)
  if (first === undefined || last === undefined) return 0
  const records = batches.reduce((sum, batch) => sum + batch.recordCount, 0)
  return last.lastOffset - first.baseOffset + 1 - records
}

interface LogTally {
  bytes: number
  batches: number
  records: number
}

export type LogSize = Readonly<LogTally>

/** Size of all partitions of a topic on one broker, reading nothing but headers: for gigabytes. */
export function measureRawLog (logDir: string, topic: string): LogSize {
  const size = { bytes: 0, batches: 0, records: 0 }
  const isOfTopic = (name: string): boolean =>
    name.startsWith(`${topic}-`) && /^\d+$/.test(name.slice(topic.length + 1))
  for (const folder of readdirSync(logDir).filter(isOfTopic)) {
    for (const name of readdirSync(join(logDir, folder)).filter(n => n.endsWith('.log'))) {
      addSegment(join(logDir, folder, name), size)
    }
  }
  return size
}

function addSegment (path: string, size: LogTally): void {
  const file = openSync(path, 'r')
  try {
    const header = Buffer.alloc(headerBytes)
    let at = 0
    while (readSync(file, header, 0, headerBytes, at) === headerBytes) {
      const byteCount = logOverheadBytes + header.readInt32BE(8)
      if (byteCount <= logOverheadBytes) break
      size.bytes += byteCount
      size.batches += 1
      size.records += header.readInt32BE(57)
      at += byteCount
    }
  } finally {
    closeSync(file)
  }
}
