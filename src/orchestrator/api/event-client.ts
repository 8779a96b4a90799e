// One reader of server-sent events. Events wait in a bounded queue while the reader does not
// receive. When the queue is full, the reader receives `dropped` and is disconnected: events that
// are missing without a word would show a wrong state.

/** The part of node's ServerResponse that an event client needs. */
export interface EventOutput {
  /** False: wait for `drain` before the next write. */
  write (text: string): boolean
  end (text: string): void
  destroy (): void
  on (event: 'drain', listener: () => void): unknown
}

export class EventClient {
  readonly #output: EventOutput
  readonly #queuedMax: number
  #queue: string[] = []
  #isBlocked = false
  #isEnded = false

  constructor (output: EventOutput, queuedMax: number) {
    this.#output = output
    this.#queuedMax = queuedMax
    output.on('drain', () => { this.#flush() })
  }

  get isEnded (): boolean { return this.#isEnded }

  send (event: string, data: object): void {
    this.#write(textOf(event, data))
  }

  /** Keeps the connection open, and finds out that the reader has left. */
  beat (): void {
    if (!this.#isBlocked) this.#write(': beat\n\n')
  }

  /** Idempotent. */
  end (event: string, data: object): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#queue = []
    this.#output.end(textOf(event, data))
  }

  #write (text: string): void {
    if (this.#isEnded) return
    if (!this.#isBlocked) {
      this.#isBlocked = !this.#output.write(text)
    } else if (this.#queue.length < this.#queuedMax) {
      this.#queue.push(text)
    } else {
      this.end('dropped', { queued: this.#queuedMax })
    }
  }

  #flush (): void {
    this.#isBlocked = false
    const waiting = this.#queue
    this.#queue = []
    for (const text of waiting) this.#write(text)
  }
}

function textOf (event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
