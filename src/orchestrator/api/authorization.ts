// Whether a request to the API is allowed. Pure. Reads on loopback are open; a change needs the
// token, and beyond loopback a read needs the token, or the signature of another process. A token
// must not travel in clear beyond loopback.
import { createHash, timingSafeEqual } from 'node:crypto'
import { isLoopback } from '../config/api-settings.ts'

export interface AccessRules {
  /** api.token; '': none is set. */
  readonly token: string
  /** metrics.host */
  readonly host: string
  readonly isTls: boolean
  /** Whether another process of the flow has signed this request; only reads are. */
  readonly isSigned: (authorization: string) => boolean
}

export interface AccessRequest {
  readonly method: string
  /** The headers of these names. */
  readonly authorization: string | undefined
  readonly host: string | undefined
}

export type Access =
  | { readonly isAllowed: true }
  | { readonly isAllowed: false, readonly status: 401 | 403, readonly text: string }

const allowed: Access = { isAllowed: true }
const reads: ReadonlySet<string> = new Set(['GET', 'HEAD'])

export function judgeAccess (
  { authorization, host, method }: AccessRequest, rules: AccessRules
): Access {
  const isLocal = isLoopback(rules.host)
  if (!isLocal && !rules.isTls) {
    return refused(403, `metrics.host=${rules.host} is not loopback and the server has no ` +
      'certificate: set api.tls.certificate.location and api.tls.key.location')
  }
  if (rules.token !== '' && isToken(authorization, rules.token)) return allowed
  const isRead = reads.has(method)
  if (isRead && authorization !== undefined && rules.isSigned(authorization)) return allowed
  if (!isLocal || !isRead) {
    return rules.token === ''
      ? refused(403, 'api.token is not set, so this request is refused; set it in the file of ' +
        'Longhaul, or use the commands of Longhaul, which write to Kafka')
      : refused(401, 'send Authorization: Bearer TOKEN with the value of api.token')
  }
  // A page of another site may reach this address under a name of its own (DNS rebinding).
  return isLocalName(host) ? allowed : refused(403, `the header Host must name this machine: ` +
    'localhost, 127.0.0.1 or [::1]')
}

function refused (status: 401 | 403, text: string): Access {
  return { isAllowed: false, status, text }
}

/** The digests have one length, so the comparison does not show how much of a guess is right. */
function isToken (authorization: string | undefined, token: string): boolean {
  const [, sent] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? []
  return sent !== undefined && timingSafeEqual(digestOf(sent), digestOf(token))
}

function digestOf (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isLocalName (host: string | undefined): boolean {
  return isLoopback((host ?? '').replace(/:\d{1,5}$/, ''))
}
