// A cluster of one broker that a test controls: it answers ApiVersions, Metadata and logins by
// token, and leaves every other request unanswered. For behaviour that neither a real broker nor a
// mock shows on demand.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { int16, int32, string, type BrokerAddress } from './raw-request.ts'
import { answerLogin, saslAuthenticate, saslHandshake, type TokenCheck } from './token-login.ts'

const fetch = 1
const metadata = 3
const apiVersions = 18
const leaderNotAvailable = 5
const unsupportedVersion = 35

/** The versions of requests that it claims to know. */
const offered = [
  { key: fetch, min: 4, max: 4 },
  { key: metadata, min: 0, max: 2 },
  { key: saslHandshake, min: 0, max: 1 },
  { key: apiVersions, min: 0, max: 0 },
  { key: saslAuthenticate, min: 0, max: 0 }
]

export interface CleanUp {
  after (hook: () => void): void
}

export class StubBroker implements BrokerAddress {
  /** The port in Metadata, if clients reach the broker by another port than `port`. */
  advertised: { readonly host: string, readonly port: number } | undefined
  /** Whether Metadata names this broker. */
  isAlive = true
  /** Answers to Metadata that named no broker. */
  emptyAnswers = 0
  /** Why a token of OAUTHBEARER is refused; undefined: it is accepted. */
  refusalOf: TokenCheck = () => undefined
  /** The request that it answers with the end of the connection. */
  endsConnectionAt: number | undefined
  /** How long it answers nothing on each new connection. */
  silentMs = 0
  #port = 0
  readonly #unanswered = new Map<number, number>()

  static async start (t: CleanUp): Promise<StubBroker> {
    const broker = new StubBroker()
    const sockets = new Set<Socket>()
    const server = createServer(socket => {
      sockets.add(socket)
      broker.#serve(socket)
    })
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    broker.#port = (server.address() as AddressInfo).port
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return broker
  }

  get port (): number { return this.#port }

  get bootstrapServers (): string {
    const { host, port } = this.advertised ?? { host: '127.0.0.1', port: this.#port }
    return `${host}:${port}`
  }

  /** Fetch requests so far. */
  get fetches (): number { return this.#unanswered.get(fetch) ?? 0 }

  #serve (socket: Socket): void {
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', data => {
      received = Buffer.concat([received, data])
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const size = received.readInt32BE(0)
        this.#answer(socket, received.subarray(4, 4 + size))
        received = received.subarray(4 + size)
      }
    })
    if (this.silentMs === 0) return
    socket.pause()
    setTimeout(() => { socket.resume() }, this.silentMs)
  }

  #answer (socket: Socket, request: Buffer): void {
    const [api, version] = [request.readInt16BE(0), request.readInt16BE(2)]
    if (api === this.endsConnectionAt) {
      socket.destroy()
      return
    }
    const login = answerLogin(request, this.refusalOf)
    if (login !== undefined) {
      socket.write(Buffer.concat([int32(login.response.length), login.response]))
      return
    }
    const body = this.#body(api, version, request)
    if (body === undefined) {
      this.#unanswered.set(api, (this.#unanswered.get(api) ?? 0) + 1)
      return
    }
    socket.write(Buffer.concat([int32(4 + body.length), request.subarray(4, 8), body]))
  }

  #body (api: number, version: number, request: Buffer): Buffer | undefined {
    if (api === metadata) return this.#metadata(request)
    return api === apiVersions ? versions(version) : undefined
  }

  /** Metadata v2: brokers, cluster id, controller, topics; all asked for are the topic `known`. */
  #metadata (request: Buffer): Buffer {
    if (!this.isAlive) this.emptyAnswers++
    const leader = this.isAlive ? 1 : -1
    const { host, port } = this.advertised ?? { host: '127.0.0.1', port: this.#port }
    const brokers = this.isAlive
      ? [int32(1), int32(1), string(host), int32(port), int16(-1)]
      : [int32(0)]
    const topics = topicCount(request) === 0
      ? [int32(0)]
      : [int32(1), int16(0), string('known'), Buffer.from([0]), int32(1),
          int16(this.isAlive ? 0 : leaderNotAvailable), int32(0), int32(leader),
          int32(1), int32(1), int32(1), int32(1)]
    return Buffer.concat([...brokers, string('one-cluster'), int32(leader), ...topics])
  }
}

/** The bytes after the header with the client id: -1 requests all topics. */
function topicCount (request: Buffer): number {
  return request.readInt32BE(10 + request.readInt16BE(8))
}

/**
 * ApiVersions v0; a client that asks for a later version learns that only this one is supported.
 */
function versions (asked: number): Buffer {
  return Buffer.concat([
    int16(asked === 0 ? 0 : unsupportedVersion), int32(offered.length),
    ...offered.flatMap(({ key, min, max }) => [int16(key), int16(min), int16(max)])
  ])
}
