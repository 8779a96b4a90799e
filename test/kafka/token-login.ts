// A broker's side of a login by a token of OAUTHBEARER, for listeners that a test controls: it
// answers SaslHandshake, and SaslAuthenticate with the token in the form of RFC 7628, 3.1.
import { int16, int32, int64, string } from './raw-request.ts'

export const saslHandshake = 17
export const saslAuthenticate = 36
const saslAuthenticationFailed = 58

/** Why a token is refused; undefined: it is accepted. */
export type TokenCheck = (token: string) => string | undefined

/** A response after its length, and whether the client is logged in by it. */
export interface LoginAnswer {
  readonly response: Buffer
  readonly isLoggedIn: boolean
}

/**
 * `request` is without its length; undefined: it is no request of a login. Clients log in again
 * after 90 % of `sessionMs` (KIP-368); 0: the session has no end.
 */
export function answerLogin (
  request: Buffer, refusalOf: TokenCheck, sessionMs = 0
): LoginAnswer | undefined {
  const [api, version] = [request.readInt16BE(0), request.readInt16BE(2)]
  const answer = (isLoggedIn: boolean, ...body: readonly Buffer[]): LoginAnswer =>
    ({ isLoggedIn, response: Buffer.concat([request.subarray(4, 8), ...body]) })
  if (api === saslHandshake) return answer(false, int16(0), int32(1), string('OAUTHBEARER'))
  if (api !== saslAuthenticate) return undefined
  const [, token] = /\x01auth=Bearer ([^\x01]*)\x01/.exec(request.toString('latin1')) ?? []
  const refusal = token === undefined ? 'not a token' : refusalOf(token)
  // Error, message, bytes of the server; from v1 on the life of the session.
  const [code, message] = refusal === undefined
    ? [0, int16(-1)]
    : [saslAuthenticationFailed, string(refusal)]
  const life = version >= 1 ? [int64(BigInt(sessionMs))] : []
  return answer(refusal === undefined, int16(code), message, int32(0), ...life)
}
