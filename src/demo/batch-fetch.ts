// Fetches record batches as the bytes that brokers store: Kafka's Fetch request, version 4, over
// plain sockets. Shares no code with the data plane, which it checks. No TLS, no logins.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface StoredBatch {
  readonly baseOffset: number
  /** The offset after its last record. */
  readonly nextOffset: number
  readonly attributes: number
  readonly recordCount: number
  readonly baseTimestampMs: bigint
  readonly maxTimestampMs: bigint
  /** The records, in the compression of their producer. */
  readonly payload: Buffer
}

export class ResponseMalformed extends Error {}

const fetchApiKey = 1
const fetchVersion = 4
const clientId = 'demo-check'
const waitMaxMs = 500
const responseBytesMax = 8 * 1024 * 1024
const responseTimeoutMs = 30_000
const batchHeaderBytes = 61
const magicOffset = 16

/**
 * A connection to one broker; a request may be sent while earlier ones wait for their responses.
 */
export class BatchConnection {
  readonly #socket: Socket
  readonly #waiting: Array<(response: Buffer | Error) => void> = []
  #received: Buffer[] = []
  #receivedBytes = 0
  #failure: Error | undefined

  private constructor (socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => { this.#receive(chunk) })
    socket.on('error', error => { this.#fail(error) })
    socket.on('close', () => { this.#fail(new Error('the broker closed the connection')) })
    socket.setTimeout(responseTimeoutMs, () => {
      if (this.#waiting.length > 0) this.#fail(new Error('the broker did not answer in time'))
    })
  }

  static async open (host: string, port: number): Promise<BatchConnection> {
    const socket = connect({ host, port, noDelay: true })
    await once(socket, 'connect')
    return new BatchConnection(socket)
  }

  /** The complete batches in a response; none at the end of the partition. */
  async fetch (topic: string, partition: number, offset: number): Promise<readonly StoredBatch[]> {
    if (this.#failure !== undefined) throw this.#failure
    this.#socket.write(fetchRequest(topic, partition, offset))
    // A broker answers the requests of a connection in order.
    const response = await new Promise<Buffer | Error>(resolve => { this.#waiting.push(resolve) })
    if (response instanceof Error) throw response
    return splitBatches(recordsOf(response, topic, partition))
  }

  close (): void {
    this.#fail(new Error('closed'))
  }

  #receive (chunk: Buffer): void {
    this.#received.push(chunk)
    this.#receivedBytes += chunk.length
    for (;;) {
      if (this.#receivedBytes < 4) return
      if ((this.#received[0]?.length ?? 0) < 4) this.#received = [Buffer.concat(this.#received)]
      const size = 4 + (this.#received[0]?.readInt32BE(0) ?? 0)
      if (this.#receivedBytes < size) return
      const all = Buffer.concat(this.#received)
      this.#received = [all.subarray(size)]
      this.#receivedBytes -= size
      this.#waiting.shift()?.(all.subarray(4, size))
    }
  }

  #fail (error: Error): void {
    this.#failure ??= error
    this.#socket.destroy()
    for (const resolve of this.#waiting.splice(0)) resolve(this.#failure)
  }
}

function fetchRequest (topic: string, partition: number, offset: number): Buffer {
  const name = Buffer.from(topic)
  const client = Buffer.from(clientId)
  const request = Buffer.alloc(4 + 10 + client.length + 21 + 2 + name.length + 20)
  let at = request.writeInt32BE(request.length - 4, 0)
  at = request.writeInt16BE(fetchApiKey, at)
  at = request.writeInt16BE(fetchVersion, at)
  at = request.writeInt32BE(0, at) // correlation id
  at = request.writeInt16BE(client.length, at)
  at += client.copy(request, at)
  at = request.writeInt32BE(-1, at) // not a replica
  at = request.writeInt32BE(waitMaxMs, at)
  at = request.writeInt32BE(1, at) // bytes that end the wait
  at = request.writeInt32BE(responseBytesMax, at)
  at = request.writeInt8(0, at) // read_uncommitted
  at = request.writeInt32BE(1, at) // topics
  at = request.writeInt16BE(name.length, at)
  at += name.copy(request, at)
  at = request.writeInt32BE(1, at) // partitions
  at = request.writeInt32BE(partition, at)
  at = request.writeBigInt64BE(BigInt(offset), at)
  request.writeInt32BE(responseBytesMax, at)
  return request
}

/** The request names one partition of one topic, so the response holds one. */
function recordsOf (response: Buffer, topic: string, partition: number): Buffer {
  try {
    let at = 4 + 4 // correlation id, throttle time
    const topics = response.readInt32BE(at)
    at += 4 + 2 + response.readInt16BE(at + 4)
    if (topics !== 1 || response.readInt32BE(at) !== 1) throw new ResponseMalformed('not one topic')
    at += 4 + 4
    const code = response.readInt16BE(at)
    if (code !== 0) throw new Error(`${topic}-${partition}: error ${code} of the broker`)
    at += 2 + 8 + 8 // high watermark, last stable offset
    at += 4 + 16 * Math.max(0, response.readInt32BE(at)) // aborted transactions
    const bytes = Math.max(0, response.readInt32BE(at))
    return response.subarray(at + 4, at + 4 + bytes)
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown
    throw new ResponseMalformed(`${topic}-${partition}: a short Fetch response`)
  }
}

/** A broker may truncate the last batch; the next Fetch returns it complete. */
export function splitBatches (records: Buffer): readonly StoredBatch[] {
  const batches: StoredBatch[] = []
  for (let at = 0; at + batchHeaderBytes <= records.length;) {
    const length = 12 + records.readInt32BE(at + 8)
    if (length < batchHeaderBytes) throw new ResponseMalformed(`a batch of ${length} bytes`)
    if (records[at + magicOffset] !== 2) throw new ResponseMalformed('a batch of another magic')
    if (at + length > records.length) break
    const baseOffset = Number(records.readBigInt64BE(at))
    batches.push({
      baseOffset,
      attributes: records.readInt16BE(at + 21),
      nextOffset: baseOffset + records.readInt32BE(at + 23) + 1,
      baseTimestampMs: records.readBigInt64BE(at + 27),
      maxTimestampMs: records.readBigInt64BE(at + 35),
      recordCount: records.readInt32BE(at + 57),
      payload: records.subarray(at + batchHeaderBytes, at + length)
    })
    at += length
  }
  return batches
}
