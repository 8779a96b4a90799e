// A TCP proxy in user space between clients and a broker: a long or narrow link, and its faults. It
// shows round trips, pipelining and sharing; not TCP's loss and windows.

import { createServer, connect, type Server, type Socket } from 'node:net'
import { ApiVersionsAnswers } from './api-versions-answer.ts'
import type { Link, LinkDirection } from './link.ts'
import { apiKeyOf, RequestHeads } from './request-heads.ts'

// The bytes in flight of one connection in each direction: a window of 16 MiB carries 160 MB/s over
// 100 ms, so the link's rate is the limit and not the proxy.
const windowBytesMax = 16 * 1024 * 1024

type IsHeld = (requestHead: Buffer) => boolean

/** Chooses connections by what they have carried: the head of the newest request of each API. */
export type HasCarried = (requestHeads: readonly Buffer[]) => boolean

export type ProxyState = 'forwarding' | 'frozen' | 'cut' | 'closed'

export interface ProxySettings {
  readonly port: number
  readonly targetPort: number
  readonly link: Link
}

export async function startProxy (settings: ProxySettings): Promise<TcpProxy> {
  const proxy = new TcpProxy(settings)
  await proxy.restore()
  return proxy
}

export class TcpProxy {
  readonly port: number
  readonly #settings: ProxySettings
  readonly #connections = new Set<Connection>()
  #server: Server | undefined
  #state: ProxyState = 'cut'
  #isHeld: IsHeld | undefined
  #hidden: ReadonlySet<number> = new Set()

  constructor (settings: ProxySettings) {
    this.#settings = settings
    this.port = settings.port
  }

  get state (): ProxyState {
    return this.#state
  }

  get connectionCount (): number {
    return this.#connections.size
  }

  /** Forwards again after any fault: held bytes flow on, no connection is reopened. */
  async restore (): Promise<void> {
    if (this.#state === 'closed') throw new Error('the proxy is closed')
    this.#server ??= await this.#listen()
    this.#state = 'forwarding'
    for (const connection of this.#connections) connection.thaw()
  }

  /** Closes every connection and refuses new ones until restored. */
  async cut (): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'cut'
    await this.#stopListening()
  }

  /**
   * Half-open: connections stay (new ones are accepted, too), but no byte passes, as when a
   * firewall forgets a flow. Only the clients' timeouts can detect it.
   */
  freeze (): void {
    if (this.#state !== 'forwarding') throw new Error(`cannot freeze what is ${this.#state}`)
    this.#state = 'frozen'
    for (const connection of this.#connections) connection.freeze()
  }

  /**
   * A NAT that has forgotten open connections, all or the chosen ones: no byte passes on them any
   * more, in neither direction and not after `restore`, and neither side notices; new ones work.
   * The kernels of this machine still acknowledge sent bytes: only silence shows the fault. They
   * acknowledge keepalive probes, too: the returned function ends the connections that are still
   * open with a RST, as keepalive ends connections that nobody uses.
   */
  forget (isChosen: HasCarried = () => true): () => void {
    const chosen = [...this.#connections].filter(({ requestHeads }) => isChosen(requestHeads))
    for (const connection of chosen) connection.forget()
    return () => {
      for (const connection of chosen) if (connection.isForgotten) connection.destroy(true)
    }
  }

  /** Connections on which bytes pass, and which have carried such requests. */
  countOf (isChosen: HasCarried): number {
    return [...this.#connections].filter(({ isForgotten, requestHeads }) =>
      !isForgotten && isChosen(requestHeads)).length
  }

  /** Connections that are forgotten, and that neither side has closed yet. */
  get forgottenCount (): number {
    return [...this.#connections].filter(each => each.isForgotten).length
  }

  /**
   * From now on a connection whose client sends such a request delivers nothing more to the broker:
   * that request and later ones are delayed, and arrive when they are released, even if their
   * client has ended by then. `reset` loses them.
   */
  hold (isHeld: IsHeld): void {
    this.#isHeld = isHeld
  }

  /** Held connections on which all earlier requests have been answered. */
  get heldCount (): number {
    return [...this.#connections].filter(each => each.isHeld && each.isAnswered).length
  }

  /** Resolves once the broker has answered every held request, or has closed the connection. */
  async release (): Promise<void> {
    this.#isHeld = undefined
    await Promise.all([...this.#connections].filter(({ isHeld }) => isHeld)
      .map(async connection => { await connection.release() }))
  }

  /** Clients that connect from now on learn that the broker lacks these APIs. */
  hideApis (...apiKeys: readonly number[]): void {
    this.#hidden = new Set(apiKeys)
  }

  /** Ends every connection with a RST; new ones are accepted at once. */
  reset (): void {
    for (const connection of this.#connections) connection.destroy(true)
  }

  async close (): Promise<void> {
    this.#state = 'closed'
    await this.#stopListening()
  }

  async #listen (): Promise<Server> {
    // allowHalfOpen: a FIN must not overtake the bytes that are still on the link.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
      this.#accept(socket)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
    return server
  }

  async #stopListening (): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const connection of this.#connections) connection.destroy(false)
    if (server !== undefined) await new Promise<void>(resolve => server.close(() => { resolve() }))
  }

  #accept (client: Socket): void {
    const { targetPort, link } = this.#settings
    const isHeld: IsHeld = head => this.#isHeld?.(head) ?? false
    const answers = this.#hidden.size === 0 ? undefined : new ApiVersionsAnswers(this.#hidden)
    const connection = new Connection(client, targetPort, link, isHeld, answers, () => {
      this.#connections.delete(connection)
    })
    this.#connections.add(connection)
    if (this.#state === 'frozen') connection.freeze()
  }
}

/** A client's socket and the one to the broker, connected by two pipes. */
class Connection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #up: Pipe
  readonly #down: Pipe
  readonly #pipes: readonly Pipe[]
  #isForgotten = false

  constructor (
    client: Socket, targetPort: number, link: Link, isHeld: IsHeld,
    answers: ApiVersionsAnswers | undefined, onGone: () => void
  ) {
    this.#client = client
    this.#server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    this.#client.setNoDelay(true)
    this.#server.setNoDelay(true)
    this.#up = new Pipe(this.#client, this.#server, link.up, {
      mustHold: isHeld, onHead: head => { answers?.asked(head) }
    })
    this.#down = new Pipe(this.#server, this.#client, link.down, {
      rewrite: bytes => answers?.push(bytes) ?? bytes
    })
    this.#pipes = [this.#up, this.#down]
    let open = 2
    for (const socket of [this.#client, this.#server]) {
      // Held requests outlive their client.
      socket.on('error', () => {
        if (this.#isForgotten) socket.destroy()
        else if (!this.isHeld || socket === this.#server) this.destroy(false)
      })
      socket.once('close', () => { if (--open === 0) onGone() })
    }
    // A FIN from one side travels by its pipe; a socket that failed closes the other one.
    this.#client.once('close', hadError => {
      if (hadError && !this.isHeld && !this.#isForgotten) this.#server.destroy()
    })
    this.#server.once('close', hadError => {
      if (hadError && !this.#isForgotten) this.#client.destroy()
    })
  }

  get isHeld (): boolean { return this.#up.isHeld }

  /** True until one side has closed its socket. */
  get isForgotten (): boolean {
    return this.#isForgotten && !this.#client.destroyed && !this.#server.destroyed
  }

  get requestHeads (): readonly Buffer[] { return this.#up.requestHeads }

  get isAnswered (): boolean {
    return this.#down.requestCount === this.#up.requestCount - this.#up.lateCount
  }

  async release (): Promise<void> {
    const answered = new Promise<void>(resolve => {
      this.#server.on('data', () => { if (this.isAnswered) resolve() })
      this.#server.once('close', () => { resolve() })
    })
    this.#up.release()
    await answered
    // Nobody reads further answers of the broker.
    if (this.#client.destroyed) this.#server.destroy()
  }

  freeze (): void {
    for (const pipe of this.#pipes) pipe.freeze()
  }

  thaw (): void {
    if (this.#isForgotten) return
    for (const pipe of this.#pipes) pipe.thaw()
  }

  forget (): void {
    this.#isForgotten = true
    this.freeze()
  }

  destroy (reset: boolean): void {
    for (const pipe of this.#pipes) pipe.freeze()
    for (const socket of [this.#client, this.#server]) {
      if (reset) socket.resetAndDestroy()
      else socket.destroy()
    }
  }
}

interface PipeHooks {
  readonly mustHold?: IsHeld
  /** The head of each request or answer. */
  readonly onHead?: (head: Buffer) => void
  readonly rewrite?: (bytes: Buffer) => Buffer
}

interface Parcel {
  readonly bytes: Buffer | 'end'
  readonly arrivesAt: number
}

/**
 * One direction of one connection. Read bytes are put on the link, which returns when they arrive,
 * and wait here until then; reading pauses while the window or the link's queue is full.
 */
class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #direction: LinkDirection
  readonly #hooks: PipeHooks
  readonly #requests = new RequestHeads()
  readonly #parcels: Parcel[] = []
  #bytesHeld = 0
  #frozen = false
  /** The held bytes; undefined: none. */
  #late: Array<Parcel['bytes']> | undefined
  #requestCount = 0
  #lateCount = 0
  readonly #newestHeads = new Map<number, Buffer>()
  #blocked = false
  #deliverTimer: NodeJS.Timeout | undefined
  #resumeTimer: NodeJS.Timeout | undefined

  constructor (from: Socket, to: Socket, direction: LinkDirection, hooks: PipeHooks) {
    this.#from = from
    this.#to = to
    this.#direction = direction
    this.#hooks = hooks
    from.on('data', (bytes: Buffer) => { this.#take(hooks.rewrite?.(bytes) ?? bytes) })
    from.once('end', () => {
      if (this.#late === undefined) this.#put('end')
      else this.#late.push('end')
    })
    from.resume()
    to.on('drain', () => { this.#blocked = false; this.#deliver() })
    const stop = (): void => { clearTimeout(this.#deliverTimer); clearTimeout(this.#resumeTimer) }
    from.once('close', hadError => { if (hadError) stop() })
    to.once('close', stop)
  }

  freeze (): void {
    this.#frozen = true
    this.#from.pause()
    clearTimeout(this.#deliverTimer)
    clearTimeout(this.#resumeTimer)
  }

  thaw (): void {
    if (!this.#frozen) return
    this.#frozen = false
    this.#deliver()
    this.#resumeWhenRoom()
  }

  get isHeld (): boolean { return this.#late !== undefined }

  /** Requests or answers that began here, complete or not. */
  get requestCount (): number { return this.#requestCount }

  get lateCount (): number { return this.#lateCount }

  get requestHeads (): readonly Buffer[] { return [...this.#newestHeads.values()] }

  release (): void {
    const late = this.#late ?? []
    this.#late = undefined
    this.#lateCount = 0
    for (const bytes of late) this.#put(bytes)
  }

  #take (bytes: Buffer): void {
    const cut = this.#lateFrom(bytes)
    if (cut > 0) this.#put(bytes.subarray(0, cut))
    if (cut < bytes.length) this.#late?.push(bytes.subarray(cut))
    this.#resumeWhenRoom()
  }

  /** The index in these bytes at which held bytes begin. */
  #lateFrom (bytes: Buffer): number {
    let cut = this.#late === undefined ? bytes.length : 0
    for (const { head, from } of this.#requests.push(bytes)) {
      this.#requestCount += 1
      this.#newestHeads.set(apiKeyOf(head), head)
      this.#hooks.onHead?.(head)
      if (this.#late === undefined && this.#hooks.mustHold?.(head) === true) {
        this.#late = []
        cut = from
      }
      if (this.#late !== undefined) this.#lateCount += 1
    }
    return cut
  }

  #put (bytes: Parcel['bytes']): void {
    const length = bytes === 'end' ? 0 : bytes.length
    this.#bytesHeld += length
    this.#parcels.push({ bytes, arrivesAt: this.#direction.send(length, performance.now()) })
    if (this.#parcels.length === 1) this.#deliver()
  }

  #resumeWhenRoom (): void {
    if (this.#frozen || this.#from.destroyed) return
    const waitMs = this.#direction.waitMs(performance.now())
    if (waitMs <= 0 && this.#bytesHeld < windowBytesMax) {
      this.#from.resume()
      return
    }
    this.#from.pause()
    clearTimeout(this.#resumeTimer)
    // With a full window the next delivery calls this again.
    if (waitMs > 0) this.#resumeTimer = setTimeout(() => { this.#resumeWhenRoom() }, waitMs)
  }

  #deliver (): void {
    clearTimeout(this.#deliverTimer)
    const wasFull = this.#bytesHeld >= windowBytesMax
    while (!this.#frozen && !this.#blocked) {
      const parcel = this.#parcels[0]
      if (parcel === undefined) break
      const waitMs = parcel.arrivesAt - performance.now()
      if (waitMs > 0) {
        this.#deliverTimer = setTimeout(() => { this.#deliver() }, waitMs)
        break
      }
      this.#parcels.shift()
      this.#write(parcel.bytes)
    }
    if (wasFull && this.#bytesHeld < windowBytesMax) this.#resumeWhenRoom()
  }

  #write (bytes: Parcel['bytes']): void {
    if (this.#to.destroyed) return
    if (bytes === 'end') {
      this.#to.end()
      return
    }
    this.#bytesHeld -= bytes.length
    this.#blocked = !this.#to.write(bytes)
  }
}
