// A server of OAuth 2 access tokens for tests: it issues unsigned JSON web tokens, which a broker
// with Kafka's unsecured validator accepts, to its one client.
import { createServer } from 'node:http'
import type { CleanUp } from '../dataplane/create-forwarder.ts'

export interface TokenServer {
  readonly url: string
  /** The posted forms, from the known client or from others. */
  readonly requests: readonly URLSearchParams[]
  /** The answer of a failing server in place of a token; undefined: it works again. */
  answerWith (answer: TokenAnswer | undefined): void
}

export interface TokenAnswer {
  readonly status: number
  readonly body: string
}

export interface TokenServerOptions {
  readonly client: string
  readonly secret: string
  readonly lifeSeconds?: number
  /** As answerWith() sets it. */
  readonly answer?: TokenAnswer
}

export async function startTokenServer (
  t: CleanUp, { answer: first, client, lifeSeconds = 300, secret }: TokenServerOptions
): Promise<TokenServer> {
  let answer = first
  const requests: URLSearchParams[] = []
  const expected = `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`
  const server = createServer((request, response) => {
    let form = ''
    request.on('data', piece => { form += String(piece) })
    request.on('end', () => {
      requests.push(new URLSearchParams(form))
      const accepted = request.method === 'POST' && request.headers.authorization === expected
      const issued = JSON.stringify({ access_token: unsignedToken(client, lifeSeconds) })
      const { body, status } = answer ?? (accepted
        ? { status: 200, body: issued }
        : { status: 401, body: '{"error":"invalid_client"}' })
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.after(async () => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/token`,
    requests,
    answerWith: next => { answer = next }
  }
}

export function unsignedToken (sub: string, lifeSeconds: number): string {
  const iat = Math.floor(Date.now() / 1000)
  const parts = [{ alg: 'none' }, { sub, iat, exp: iat + lifeSeconds }]
  return `${parts.map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`
}
