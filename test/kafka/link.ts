// The link that proxies put their bytes on: delay each way, and a rate that all connections of one
// direction share, as those of one line do.

export interface LinkSettings {
  /** Added to every byte's way, in each direction: half the round trip. */
  readonly latencyMs?: number
  /** Of each direction, shared by all its connections. Infinity: unlimited. */
  readonly bytesPerSecond?: number
}

// How long a queue the line's router keeps; senders beyond it wait their turn outside.
const queueMsMax = 20

export class LinkDirection {
  #latencyMs = 0
  #bytesPerSecond = Number.POSITIVE_INFINITY
  /** When the last byte put on the line so far will have left. */
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

  /** Puts bytes on the line and tells when they arrive. Never earlier than those sent before. */
  send (byteCount: number, nowMs: number): number {
    this.#bytesSent += byteCount
    this.#freeAt = Math.max(this.#freeAt, nowMs) + byteCount / this.#bytesPerSecond * 1000
    return this.#freeAt + this.#latencyMs
  }

  /** How long a sender should wait before the queue has room again; 0 or less: continue. */
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
