// Divides the bytes of a Kafka client into requests, wherever the chunks of the stream end, and
// returns the beginning of each: api key, client id, and the first topic if it is named.

/** Enough for the header and a topic's name. */
const headBytesMax = 256
const lengthBytes = 4

export interface RequestHead {
  readonly head: Buffer
  /** The index in the present bytes at which its request begins; 0 also if it began earlier. */
  readonly from: number
}

export class RequestHeads {
  #head = Buffer.alloc(0)
  /** Bytes of the present request after its head that have not arrived. */
  #rest = 0

  /** The heads that are complete with these bytes. */
  push (bytes: Buffer): RequestHead[] {
    const heads: RequestHead[] = []
    let at = 0
    while (at < bytes.length) {
      const skipped = Math.min(this.#rest, bytes.length - at)
      this.#rest -= skipped
      at += skipped
      const part = bytes.subarray(at, at + this.#wanted() - this.#head.length)
      at += part.length
      this.#head = Buffer.concat([this.#head, part])
      if (this.#head.length < this.#wanted()) continue
      heads.push({ head: this.#head, from: Math.max(0, at - this.#head.length) })
      this.#rest = Math.max(0, lengthBytes + this.#head.readInt32BE(0) - this.#head.length)
      this.#head = Buffer.alloc(0)
    }
    return heads
  }

  #wanted (): number {
    if (this.#head.length < lengthBytes) return lengthBytes
    const request = lengthBytes + this.#head.readInt32BE(0)
    return Math.max(lengthBytes, Math.min(headBytesMax, request))
  }
}

/** -1: shorter than any request of Kafka. */
export function apiKeyOf (head: Buffer): number {
  return head.length < lengthBytes + 2 ? -1 : head.readInt16BE(lengthBytes)
}

/**
 * For TcpProxy.hold: Produce requests of Longhaul's lanes, from the n-th on. Recognized by the
 * client id, because from v13 on a request names topics by their ids.
 */
export function lanesProduce (from = 1): (head: Buffer) => boolean {
  let seen = 0
  return head => apiKeyOf(head) === 0 && /longhaul-.+-lane-/.test(head.toString('latin1')) &&
    ++seen >= from
}
