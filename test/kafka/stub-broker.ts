// A broker that a test controls, alone in its cluster or not: it answers ApiVersions, Metadata and
// logins by token, Fetches without records if the test sets fetchWaitMs, and leaves every other
// request unanswered. For behaviour that neither a real broker nor a mock shows on demand.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { int16, int32, int64, string, type BrokerAddress } from './raw-request.ts'
import { answerLogin, saslAuthenticate, saslHandshake, type TokenCheck } from './token-login.ts'

const fetch = 1
const metadata = 3
const apiVersions = 18
const leaderNotAvailable = 5
const notLeader = 6
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
  /** How long a Fetch waits for its empty answer; undefined: it has none. */
  fetchWaitMs: number | undefined
  /** The brokers that Metadata names, and the leader of every partition among them. */
  cluster: { readonly brokers: readonly StubBroker[], leader: StubBroker }
  readonly id: number
  #port = 0
  readonly #requests = new Map<number, number>()
  readonly #sockets = new Set<Socket>()
  readonly #forgotten = new Set<Socket>()

  constructor (id: number) {
    this.id = id
    this.cluster = { brokers: [this], leader: this }
  }

  static async start (t: CleanUp, id = 1): Promise<StubBroker> {
    const broker = new StubBroker(id)
    const sockets = broker.#sockets
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

  get address (): { readonly host: string, readonly port: number } {
    return this.advertised ?? { host: '127.0.0.1', port: this.#port }
  }

  get bootstrapServers (): string {
    const { host, port } = this.address
    return `${host}:${port}`
  }

  get metadataRequests (): number { return this.#requests.get(metadata) ?? 0 }

  /** Fetch requests so far. */
  get fetches (): number { return this.#requests.get(fetch) ?? 0 }

  /** Nothing arrives any more on the present connections, and neither side learns of that. */
  forgetConnections (): void {
    for (const socket of this.#sockets) this.#forgotten.add(socket)
  }

  #serve (socket: Socket): void {
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', data => {
      if (this.#forgotten.has(socket)) return
      received = Buffer.concat([received, data])
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const size = received.readInt32BE(0)
        this.#answer(socket, received.subarray(4, 4 + size))
        received = received.subarray(4 + size)
      }
    })
    if (this.silentMs === 0) return
    socket.pause()
    setTimeout(() => { socket.resume() }, this.silentMs).unref()
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
    this.#requests.set(api, (this.#requests.get(api) ?? 0) + 1)
    const answer = (body: Buffer): void => {
      socket.write(Buffer.concat([int32(4 + body.length), request.subarray(4, 8), body]))
    }
    if (api === fetch && this.fetchWaitMs !== undefined) {
      setTimeout(() => { answer(noRecords(this.cluster.leader === this)) }, this.fetchWaitMs)
    }
    const body = this.#body(api, version, request)
    if (body !== undefined) answer(body)
  }

  #body (api: number, version: number, request: Buffer): Buffer | undefined {
    if (api === metadata) return this.#metadata(request)
    return api === apiVersions ? versions(version) : undefined
  }

  /** Metadata v2: brokers, cluster id, controller, topics; all asked for are the topic `known`. */
  #metadata (request: Buffer): Buffer {
    if (!this.isAlive) this.emptyAnswers++
    const leader = this.isAlive ? this.cluster.leader.id : -1
    const named = this.isAlive ? this.cluster.brokers : []
    const brokers = [int32(named.length), ...named.flatMap(({ address: { host, port }, id }) =>
      [int32(id), string(host), int32(port), int16(-1)])]
    const topics = topicCount(request) === 0
      ? [int32(0)]
      : [int32(1), int16(0), string('known'), Buffer.from([0]), int32(1),
          int16(this.isAlive ? 0 : leaderNotAvailable), int32(0), int32(leader),
          int32(1), int32(leader), int32(1), int32(leader)]
    return Buffer.concat([...brokers, string('one-cluster'), int32(leader), ...topics])
  }
}

/** The bytes after the header with the client id: -1 requests all topics. */
function topicCount (request: Buffer): number {
  return request.readInt32BE(10 + request.readInt16BE(8))
}

/** Fetch v4 of partition 0 of the topic `known`: its log is empty, or another broker leads it. */
function noRecords (isLeader: boolean): Buffer {
  return Buffer.concat([
    int32(0), int32(1), string('known'), int32(1), int32(0), int16(isLeader ? 0 : notLeader),
    int64(0n), int64(0n), int32(-1), int32(-1)
  ])
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
