// The link that proxies share: a delay each way, and a rate that all connections of one direction
// share, like those of one line.

export interface LinkSettings {
  /** Added to the way of every byte, in each direction: half the round trip. */
  readonly latencyMs?: number
  /** For each direction, shared by all its connections. Infinity: unlimited. */
  readonly bytesPerSecond?: number
}

// The length of the queue of the line's router; senders beyond it wait.
const queueMsMax = 20

export class LinkDirection {
  #latencyMs = 0
  #bytesPerSecond = Number.POSITIVE_INFINITY
  /** When the last byte that was put on the line will have left. */
  #freeAt = 0
  #bytesSent = 0

  get bytesSent (): number {
    return this.#bytesSent
  }

  set ({ latencyMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }: LinkSettings): void {
    if (!(bytesPerSecond > 0)) throw new Error('bytesPerSecond must be above 0; a proxy can freeze')
    this.#latencyMs = latencyMs
    this.#bytesPerSecond = bytesPerSecond
    this.#freeAt = 0
  }

  /** Puts bytes on the line and returns when they arrive, never earlier than earlier bytes. */
  send (byteCount: number, nowMs: number): number {
    this.#bytesSent += byteCount
    this.#freeAt = Math.max(this.#freeAt, nowMs) + byteCount / this.#bytesPerSecond * 1000
    return this.#freeAt + this.#latencyMs
  }

  /** How long a sender should wait until the queue has room; 0 or less: no wait. */
  waitMs (nowMs: number): number {
    return this.#freeAt - nowMs - queueMsMax
  }
}

export class Link {
  readonly up = new LinkDirection()
  readonly down = new LinkDirection()

  constructor (settings: LinkSettings = {}) {
    this.set(settings)
  }

  /** For both directions, from the next byte on. */
  set (settings: LinkSettings): void {
    this.up.set(settings)
    this.down.set(settings)
  }
}
