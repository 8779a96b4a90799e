// Sends a hand-built record batch to a broker: one Produce request on an own connection.

import { connect, type Socket } from 'node:net'
import { withTimeout } from './eventually.ts'
import type { KafkaCluster } from './cluster.ts'

export interface RawProduceResult {
  /** 0 when the batch was taken. */
  readonly errorCode: number
  readonly baseOffset: number
}

const produceApiKey = 0
// The last version without tagged fields, which this needs none of.
const produceVersion = 7
const timeoutMs = 10_000

export async function produceRaw (
  cluster: KafkaCluster, topic: string, partition: number, batch: Buffer
): Promise<RawProduceResult> {
  const leader = cluster.broker(await cluster.admin.leaderOf(topic, partition))
  const socket = connect({ port: leader.port, host: '127.0.0.1' })
  try {
    const response = readFrame(socket)
    socket.write(encodeRequest(topic, partition, batch))
    const frame = await withTimeout(`answer to a produce to ${topic}`, timeoutMs, response)
    return decodeResponse(frame, topic)
  } finally {
    socket.destroy()
  }
}

function encodeRequest (topic: string, partition: number, batch: Buffer): Buffer {
  const body = Buffer.concat([
    int16(produceApiKey), int16(produceVersion), int32(1), string('longhaul-test'),
    // transactional id: null; acks: all
    int16(-1), int16(-1), int32(timeoutMs),
    int32(1), string(topic), int32(1), int32(partition), int32(batch.length), batch
  ])
  return Buffer.concat([int32(body.length), body])
}

/** Correlation id, one topic of that name, one partition: index, error, base offset and more. */
function decodeResponse (frame: Buffer, topic: string): RawProduceResult {
  const at = 4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4
  return { errorCode: frame.readInt16BE(at), baseOffset: Number(frame.readBigInt64BE(at + 2)) }
}

async function readFrame (socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk])
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) return bytes.subarray(4)
  }
  throw new Error('the broker closed the connection')
}

function int16 (value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function string (text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([int16(bytes.length), bytes])
}
