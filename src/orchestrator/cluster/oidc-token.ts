// One access token from an OpenID Connect server, with the grant of client credentials (RFC 6749,
// 4.4), requested in the same way as by Kafka's OAuthBearerLoginModule.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ClientProperties } from '../config/client-properties.ts'
import type { Clock } from '../time/clock.ts'
import { withinMs } from '../time/deadline.ts'
import type { Token } from './token-source.ts'

const answerMsMax = 10_000
/** A token is a few kilobytes; Kafka's brokers accept requests of a login up to 512 KiB. */
const answerBytesMax = 512 * 1024

/** Rejects with TOKEN_UNAVAILABLE, which names the URL and the server's answer. */
export async function fetchOidcToken (
  properties: ClientProperties, clock: Clock, signal: AbortSignal
): Promise<Token> {
  const url = properties['sasl.oauthbearer.token.endpoint.url'] ?? ''
  const id = properties['sasl.oauthbearer.client.id'] ?? ''
  const secret = properties['sasl.oauthbearer.client.secret'] ?? ''
  const scope = properties['sasl.oauthbearer.scope']
  const request = {
    method: 'POST',
    headers: {
      'accept': 'application/json',
      'authorization': `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials', ...scope !== undefined && { scope }
    }),
    // A redirect would send the secret to another server.
    redirect: 'error'
  } as const
  let response: Response
  let text: string
  try {
    [response, text] = await withinMs(answerMsMax, signal, async bound => {
      const answer = await fetch(withoutUser(url), { ...request, signal: bound })
      return [answer, await boundedText(answer)] as const
    })
  } catch (thrown) {
    throw unavailable(`${shown(url)}: ${reasonOf(thrown)}`, 'sasl.oauthbearer.token.endpoint.url')
  }
  const refused = [400, 401, 403].includes(response.status)
  if (!response.ok) {
    throw unavailable(`${shown(url)} answers ${response.status}${errorIn(text)}`,
      refused ? 'sasl.jaas.config' : 'sasl.oauthbearer.token.endpoint.url')
  }
  const answer = parse(text)
  const value = answer['access_token']
  // The characters that HTTP allows in a token; librdkafka refuses unprintable ones.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw unavailable(`${shown(url)} answers ${response.status} without an access_token`,
      'sasl.oauthbearer.token.endpoint.url')
  }
  const expiresMs = expiryOf(value) ?? lifeMs(answer['expires_in'], clock)
  if (expiresMs === undefined) {
    throw unavailable(`${shown(url)} answers with a token without an expiry: neither exp in the ` +
      'token nor expires_in beside it', 'sasl.oauthbearer.token.endpoint.url')
  }
  return { value, expiresMs }
}

/**
 * Java's clients ignore the user in a URL; fetch refuses it with a text that shows the password.
 */
function withoutUser (url: string): URL {
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  return bare
}

async function boundedText (response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += (piece as Uint8Array).length
    if (bytes > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`)
    pieces.push(piece as Uint8Array)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** The expiry in the token, if the token is a JSON web token: brokers check that expiry. */
function expiryOf (token: string): number | undefined {
  const { exp } = parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  return typeof exp === 'number' ? exp * 1000 : undefined
}

function lifeMs (seconds: unknown, clock: Clock): number | undefined {
  const life = Number(seconds)
  return seconds !== undefined && life > 0 ? clock.now() + life * 1000 : undefined
}

/** Empty for a text that is not a JSON object. */
function parse (text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** The error fields of RFC 6749. The rest of an answer may repeat the request. */
function errorIn (text: string): string {
  const { error } = parse(text)
  return typeof error === 'string' && /^[\w .-]{1,100}$/.test(error) ? ` (${error})` : ''
}

/** A URL may contain a user and a key. */
function shown (url: string): string {
  try {
    const { origin, pathname } = new URL(url)
    return `${origin}${pathname}`
  } catch {
    return 'the URL of the token server'
  }
}

function reasonOf (thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  if (thrown.name === 'TimeoutError') return `no answer within ${answerMsMax / 1000} s`
  return thrown.cause instanceof Error && thrown.cause.message !== ''
    ? thrown.cause.message
    : thrown.message
}

function unavailable (detail: string, setting: string): ReplicatorError {
  return new ReplicatorError('TOKEN_UNAVAILABLE', detail, { setting })
}
