// One request on a separate connection, for requests that no client here can send. The body of a
// request in the flexible encoding begins with the tagged fields of the header.

import { connect, type Socket } from 'node:net'
import { withTimeout } from './eventually.ts'

const timeoutMs = 10_000

/** A Broker, or an address. */
export interface BrokerAddress {
  readonly port: number
  /** 127.0.0.1 by default. */
  readonly host?: string
}

/** Resolves with the answer after its correlation id. */
export async function requestRaw (
  broker: BrokerAddress, api: { readonly key: number, readonly version: number }, body: Buffer
): Promise<Buffer> {
  const request = Buffer.concat([
    int16(api.key), int16(api.version), int32(1), string('longhaul-test'), body])
  const socket = connect({ port: broker.port, host: broker.host ?? '127.0.0.1' })
  try {
    const response = readFrame(socket)
    socket.write(Buffer.concat([int32(request.length), request]))
    const frame = await withTimeout(`answer to a request of api ${api.key}`, timeoutMs, response)
    return frame.subarray(4)
  } finally {
    socket.destroy()
  }
}

async function readFrame (socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk])
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) return bytes.subarray(4)
  }
  throw new Error('the broker closed the connection')
}

export function int16 (value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

export function int32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export function int64 (value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

export const noTags = Buffer.from([0])

/** The length plus one precedes it: seven bits a byte, the last byte below 128. */
export function compactString (text: string): Buffer {
  const bytes = Buffer.from(text)
  const length: number[] = []
  for (let left = bytes.length + 1; left > 0; left >>= 7) {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

export function string (text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([int16(bytes.length), bytes])
}
