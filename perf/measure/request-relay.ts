// Passes connections on to a broker and counts their requests, and the bytes of requests and
// answers, by client and API.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { CleanUp } from '../../test/integration/mirror-process.ts'
import { apiKeyOf, RequestHeads } from '../../test/kafka/request-heads.ts'

export const fetchApi = 1
export const metadataApi = 3

export interface RequestCount {
  readonly requests: number
  /** Of requests and answers. */
  readonly bytes: number
}

interface Row {
  readonly client: string
  readonly api: number
  requests: number
  bytes: number
}

const lengthBytes = 4

export class RequestRelay {
  readonly #broker: () => string
  readonly #rows = new Map<string, Row>()
  readonly #open = new Set<Socket>()
  #port = 0

  private constructor (broker: () => string) {
    this.#broker = broker
  }

  /** `broker` is asked at each connection: a broker may advertise the relay and start after it. */
  static async start (cleanUp: CleanUp, broker: () => string): Promise<RequestRelay> {
    const relay = new RequestRelay(broker)
    const server = createServer({ noDelay: true }, socket => { relay.#pass(socket) })
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    relay.#port = (server.address() as AddressInfo).port
    cleanUp.after(async () => {
      server.close()
      for (const socket of relay.#open) socket.destroy()
    })
    return relay
  }

  get port (): number { return this.#port }

  get address (): string { return `127.0.0.1:${this.#port}` }

  /** Of all clients whose ids match. */
  countOf (client: RegExp, api: number): RequestCount {
    const rows = [...this.#rows.values()].filter(row => row.api === api && client.test(row.client))
    return {
      requests: rows.reduce((sum, row) => sum + row.requests, 0),
      bytes: rows.reduce((sum, row) => sum + row.bytes, 0)
    }
  }

  #pass (socket: Socket): void {
    const [host = '', port = ''] = this.#broker().split(':')
    const onward = connect({ host, port: Number(port), noDelay: true })
    this.#open.add(socket)
    socket.on('close', () => { this.#open.delete(socket) })
    socket.on('error', () => { onward.destroy() })
    onward.on('error', () => { socket.destroy() })
    const [asked, answered] = [new RequestHeads(), new RequestHeads()]
    const waiting = new Map<number, Row>()
    socket.on('data', (bytes: Buffer) => {
      for (const { head } of asked.push(bytes)) {
        const row = this.#rowOf(head)
        row.requests++
        row.bytes += lengthBytes + head.readInt32BE(0)
        waiting.set(head.readInt32BE(8), row)
      }
    })
    onward.on('data', (bytes: Buffer) => {
      for (const { head } of answered.push(bytes)) {
        const id = head.readInt32BE(lengthBytes)
        const row = waiting.get(id)
        if (row !== undefined) row.bytes += lengthBytes + head.readInt32BE(0)
        waiting.delete(id)
      }
    })
    socket.pipe(onward).pipe(socket)
  }

  /** A request begins with its length, API, version, correlation id and client id. */
  #rowOf (head: Buffer): Row {
    const client = head.toString('utf8', 14, 14 + Math.max(0, head.readInt16BE(12)))
    const api = apiKeyOf(head)
    const key = `${api} ${client}`
    const row = this.#rows.get(key) ?? { client, api, requests: 0, bytes: 0 }
    this.#rows.set(key, row)
    return row
  }
}
