// A progress topic as a long run of busy partitions writes it: a position of each partition for
// each second, and its history once a minute, with the timestamps of that time. Most of it is
// written as large compressed batches, because single seconds would need hours for a day; the last
// part as the program writes it, a small uncompressed batch for each second and slot.
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { compressFrameSync } from 'lz4-napi'
import { slotOf } from '../../src/orchestrator/progress/task-slots.ts'
import {
  encodeHistory, encodePosition
} from '../../src/orchestrator/progress/progress-record.ts'
import type { Progress } from '../../src/orchestrator/progress/progress.ts'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { buildBatch, type RawRecord } from '../../test/kafka/raw-batch.ts'
import { int16, int32, string } from '../../test/kafka/raw-request.ts'

export interface ProgressLoad {
  readonly topic: string
  readonly slots: number
  readonly partitions: number
  readonly seconds: number
}

// The end of the run, written as the program writes: longer than the life of a segment of the
// topic.
const plainSecondsMax = 1_800
const bulkSeconds = 300
const historyEverySeconds = 60
const lz4 = 3
const producerId = 4_711n
const requestTimeoutMs = 120_000

/** The position of the partition after this many seconds: a thousand records for each second. */
export function progressAfter (seconds: number): Progress {
  const at = 1_000n * BigInt(seconds)
  const points = [1n, 3n, 9n, 27n, 81n, 243n, 729n, 2187n, 6561n]
    .map(part => at - at / part).concat(at)
  return {
    upstream: at + 1_000_000_000n,
    downstream: at,
    sequence: Number(at % 2n ** 31n),
    leaderEpoch: 7,
    earlierEpochs: [{ epoch: -1, end: 1_000_000_000n }],
    topicIds: { source: 'oFJmzFK8QSaS-0vyOaO9Sg', target: 'm1Yx3kyZQAC0Q2Kc9b3FJw' },
    history: points.map(downstream =>
      ({ upstream: downstream + 1_000_000_000n, downstream, sequence: Number(downstream) }))
  }
}

/** Topics of ten partitions, by slot, distributed as the program distributes them. */
export function partitionsBySlot ({ partitions, slots }: ProgressLoad): readonly RawSource[][] {
  const bySlot = Array.from({ length: slots }, (): RawSource[] => [])
  for (let i = 0; i < partitions; i++) {
    const source = { topic: `payments.topic-${Math.floor(i / 10)}`, partition: i % 10 }
    bySlot[slotOf(source.topic, source.partition, slots)]?.push(source)
  }
  return bySlot
}

interface RawSource {
  readonly topic: string
  readonly partition: number
}

/** Resolves with the number of records written. */
export async function writeProgressLog (
  cluster: KafkaCluster, load: ProgressLoad, say: (text: string) => void
): Promise<number> {
  const { seconds } = load
  const startMs = Date.now() - seconds * 1000
  const bySlot = partitionsBySlot(load)
  const port = cluster.brokers[0]?.port ?? 0
  // A broker answers one request of a connection at a time, and inflates each batch meanwhile.
  const connections = await Promise.all(
    [0, 1, 2, 3].map(async () => await RawConnection.open(port)))
  let written = 0
  const send = async (batches: ReadonlyMap<number, Buffer>): Promise<void> => {
    await Promise.all(connections.map(async (connection, i) => {
      const own = [...batches].filter(([slot]) => slot % connections.length === i)
      if (own.length > 0) await connection.produce(load.topic, new Map(own))
    }))
  }
  const bulkEnd = Math.max(0, seconds - plainSecondsMax)
  // The content of all but the last record is irrelevant; only its size and key matter.
  const bulk = bySlot.map(sources => recordsOf(sources, bulkSeconds, bulkSeconds))
  const payloads = bulk.map(records => compressedRecords(records))
  for (let second = 0; second < bulkEnd; second += bulkSeconds) {
    const baseTimestamp = startMs + second * 1000
    await send(new Map(payloads.map((payload, slot) => {
      written += bulk[slot]?.length ?? 0
      return [slot, withTimestamp(payload, baseTimestamp, bulkSeconds * 1000)]
    })))
    if (second % 3_600 === 0) say(`${(written / 1e6).toFixed(1)} million records written`)
  }
  for (let second = bulkEnd + 1; second <= seconds; second++) {
    await send(new Map(bySlot.map((sources, slot) => {
      const records = recordsOf(sources, 1, second)
      written += records.length
      return [slot, buildBatch(records, { baseTimestamp: startMs + second * 1000 })]
    })))
  }
  for (const connection of connections) connection.close()
  return written
}

/** `seconds` of records, the last one at `last`. */
function recordsOf (
  sources: readonly RawSource[], seconds: number, last: number
): readonly RawRecord[] {
  return Array.from({ length: seconds }, (_, i) => last - seconds + 1 + i).flatMap(second => {
    const progress = progressAfter(second)
    const isMinute = second % historyEverySeconds === 0
    return sources.flatMap(source => [
      ...isMinute ? [encodeHistory(source, progress)] : [],
      encodePosition(source, progress, producerId)
    ])
  })
}

function compressedRecords (records: readonly RawRecord[]): Buffer {
  return buildBatch(records, { attributes: lz4, compress: bytes => compressFrameSync(bytes) })
}

/** The batch at another time; its checksum covers the whole batch, so it is computed again. */
function withTimestamp (batch: Buffer, baseMs: number, lengthMs: number): Buffer {
  const moved = Buffer.from(batch)
  moved.writeBigInt64BE(BigInt(baseMs), 27)
  moved.writeBigInt64BE(BigInt(baseMs + lengthMs), 35)
  moved.writeUInt32BE(crc32c(moved.subarray(21)), 17)
  return moved
}

class RawConnection {
  readonly #socket: Socket

  private constructor (socket: Socket) {
    this.#socket = socket
  }

  static async open (port: number): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1' })
    await once(socket, 'connect')
    socket.setTimeout(requestTimeoutMs, () => { socket.destroy(new Error('no answer')) })
    return new RawConnection(socket)
  }

  /** Produce v7, one batch for each partition, acknowledged by all replicas. */
  async produce (topic: string, batches: ReadonlyMap<number, Buffer>): Promise<void> {
    const body = Buffer.concat([
      int16(0), int16(7), int32(1), string('longhaul-perf'), int16(-1), int16(-1),
      int32(requestTimeoutMs), int32(1), string(topic), int32(batches.size),
      ...[...batches].flatMap(([partition, batch]) =>
        [int32(partition), int32(batch.length), batch])
    ])
    this.#socket.write(Buffer.concat([int32(body.length), body]))
    const answer = await this.#read()
    let at = 4 + 4 + 2 + Buffer.byteLength(topic) + 4
    for (let i = 0; i < batches.size; i++, at += 30) {
      const code = answer.readInt16BE(at + 4)
      if (code !== 0) throw new Error(`the broker refused a batch: error ${code}`)
    }
  }

  close (): void {
    this.#socket.destroy()
  }

  async #read (): Promise<Buffer> {
    let bytes = Buffer.alloc(0)
    for (;;) {
      const [chunk] = await once(this.#socket, 'data') as [Buffer]
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) return bytes.subarray(4)
    }
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : crc >>> 1 ^ 0x82F63B78
  return crc >>> 0
})
/** Each table advances the checksum by one byte more than the previous table. */
const crcTables = [crcTable]
for (let i = 1; i < 4; i++) {
  crcTables.push((crcTables[i - 1] ?? crcTable).map(crc =>
    crc >>> 8 ^ (crcTable[crc & 0xFF] ?? 0)))
}

/** Castagnoli's CRC-32, four bytes at a time; raw-batch.ts has the slow version. */
function crc32c (bytes: Buffer): number {
  const [t0, t1, t2, t3] = crcTables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  let crc = 0xFFFFFFFF
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    crc ^= bytes.readUInt32LE(at)
    crc = (t3[crc & 0xFF] ?? 0) ^ (t2[crc >>> 8 & 0xFF] ?? 0) ^ (t1[crc >>> 16 & 0xFF] ?? 0) ^
      (t0[crc >>> 24] ?? 0)
  }
  for (; at < bytes.length; at++) crc = crc >>> 8 ^ (t0[(crc ^ (bytes[at] ?? 0)) & 0xFF] ?? 0)
  return (crc ^ 0xFFFFFFFF) >>> 0
}
