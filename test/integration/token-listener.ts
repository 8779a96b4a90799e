// A listener in front of a broker's plaintext listener that wants a login by token, as AWS MSK's
// does: it answers the logins itself, and passes everything else to the broker.
import { connect, createServer, type Socket } from 'node:net'
import { int32 } from '../kafka/raw-request.ts'
import { answerLogin, type TokenCheck } from '../kafka/token-login.ts'
import type { CleanUp } from './mirror-process.ts'

const apiVersions = 18

export interface TokenListener {
  readonly address: string
  readonly port: number
  /** Accepted tokens so far: of new connections, and of those that log in again. */
  readonly logins: number
  /** Why tokens were refused. */
  readonly refusals: readonly string[]
  /** The client ids whose logins wait, because the listener holds back its answers. */
  readonly held: ReadonlySet<string>
  /** Requests before a login, other than those of a login: each ended its connection. */
  readonly strangers: number
  /** The listener answers no login until `release`. */
  hold (): void
  release (): void
}

export interface TokenListenerOptions {
  /** Asked at each connection: a broker may advertise the listener and start after it. */
  readonly broker: () => string
  readonly refusalOf: TokenCheck
  readonly sessionMs: number
}

export async function startTokenListener (
  t: CleanUp, { broker, refusalOf, sessionMs }: TokenListenerOptions
): Promise<TokenListener> {
  const counts = { logins: 0, strangers: 0 }
  const refusals: string[] = []
  const check: TokenCheck = token => {
    const refusal = refusalOf(token)
    if (refusal !== undefined) refusals.push(refusal)
    return refusal
  }
  const open = new Set<Socket>()
  let waiting: Array<{ readonly clientId: string, readonly reply: () => void }> | undefined
  const server = createServer(socket => {
    const [host = '', port = ''] = broker().split(':')
    const onward = connect(Number(port), host)
    open.add(socket)
    socket.on('close', () => {
      open.delete(socket)
      onward.destroy()
    })
    socket.on('error', () => {})
    onward.on('error', () => { socket.destroy() })
    onward.pipe(socket)
    let isLoggedIn = false
    eachRequest(socket, request => {
      const answer = answerLogin(request, check, sessionMs)
      if (answer !== undefined) {
        const reply = (): void => {
          if (answer.isLoggedIn) counts.logins++
          isLoggedIn ||= answer.isLoggedIn
          socket.write(Buffer.concat([int32(answer.response.length), answer.response]))
        }
        if (waiting === undefined) reply()
        else waiting.push({ clientId: clientIdOf(request), reply })
      } else if (isLoggedIn || request.readInt16BE(0) === apiVersions) {
        onward.write(Buffer.concat([int32(request.length), request]))
      } else {
        counts.strangers++
        socket.destroy()
      }
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.after(async () => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    address: `127.0.0.1:${port}`,
    port,
    get logins () { return counts.logins },
    get strangers () { return counts.strangers },
    refusals,
    get held () { return new Set(waiting?.map(({ clientId }) => clientId)) },
    hold () { waiting ??= [] },
    release () {
      const replies = waiting ?? []
      waiting = undefined
      for (const { reply } of replies) reply()
    }
  }
}

/** In the header of a request, after api, version and correlation id. */
function clientIdOf (request: Buffer): string {
  return request.toString('utf8', 10, 10 + Math.max(0, request.readInt16BE(8)))
}

/** `take` gets each request without its length. */
function eachRequest (socket: Socket, take: (request: Buffer) => void): void {
  let received = Buffer.alloc(0)
  socket.on('data', data => {
    received = Buffer.concat([received, data])
    while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      const end = 4 + received.readInt32BE(0)
      take(received.subarray(4, end))
      received = received.subarray(end)
    }
  })
}
