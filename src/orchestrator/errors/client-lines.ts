// The meaning of log lines of librdkafka. These lines have no code, so this table matches their
// texts; only the log depends on it.
import { errorByName, type ErrorName } from './error-table.ts'

/**
 * A connection that ended before the broker answered the login. librdkafka names the mechanism in
 * these lines, as in those about a refused login.
 */
export const lostLoginPattern =
  /(mechanism handshake|SaslAuthenticateRequest) failed: Local: (Broker transport|Timed out)/

/** The broker ends the TLS handshake because of what the client has shown. */
export const refusedCertificatePattern =
  /SSL alert number (40|42|43|44|45|46|48|49|116)\b|alert (bad|unknown|certificate)/i

/** After a lost login: the broker has judged neither the user nor the password. */
export const lostLoginAction = 'Look into the log of that broker, and check its limits of ' +
  'connections and any proxy or firewall in front of it'

interface Meaning {
  readonly pattern: RegExp
  readonly name: ErrorName
  readonly more?: string
  /** By default that of the error table. */
  readonly action?: string
}

/** The first pattern that matches decides. */
const meanings: readonly Meaning[] = [
  { pattern: /\b(\d+)\/\1 brokers are down/, name: '_ALL_BROKERS_DOWN' },
  {
    pattern: /\b(handshake|SaslAuthenticateRequest) failed: Local: Broker transport/,
    name: '_TRANSPORT',
    more: 'the broker closed the connection during the login, without an answer',
    action: lostLoginAction
  },
  {
    pattern: lostLoginPattern,
    name: '_TIMED_OUT',
    more: 'the broker did not answer the login',
    action: lostLoginAction
  },
  {
    pattern: /requesting ApiVersion/,
    name: '_TRANSPORT',
    more: 'the broker closed the connection at the first request, as it does if ' +
      'security.protocol does not match the port'
  },
  { pattern: /resolve/i, name: '_RESOLVE' },
  {
    pattern: refusedCertificatePattern,
    name: '_SSL',
    more: 'the broker refuses the certificate of the client, or its lack',
    action: 'Let ssl.keystore.location of this cluster hold a certificate that the broker trusts'
  },
  { pattern: /\bSSL\b|certificate/i, name: '_SSL' },
  { pattern: /SASL|authenticat/i, name: '_AUTHENTICATION' },
  { pattern: /timed out|timeout/i, name: '_TIMED_OUT' },
  {
    pattern: /brokers are down|connect|receive failed|send failed|closed/i,
    name: '_TRANSPORT'
  }
]

/** An IPv6 address has brackets in bootstrap.servers, and none in the metadata of a broker. */
const brokerPattern =
  /((?:\[[\w:.%-]+\]|(?<![\da-z])(?:[\da-f]*:){2,7}[\da-f]+|[\w.-]+):\d+)\/(\d+|bootstrap)/

/** The reason as the operating system or the broker words it. */
const reasonPattern = new RegExp('connection refused|connection reset by peer|no route to host|' +
  'not known|invalid username or password|invalid credentials', 'i')

/** Undefined: no pattern matches the line. `login` says who logs in, if the client logs in. */
export function clientLineText (line: string, login?: string): string | undefined {
  const found = meaningOf(line)
  if (found === undefined) return undefined
  const { name } = found
  const { action, text } = errorByName(name)
  const who = isLoginLine(line) || lostLoginPattern.test(line) ? login ?? '' : ''
  const detail = [clientLineDetail(line) ?? '', who].filter(part => part !== '').join(', ')
  return `${text}${detail === '' ? '' : `: ${detail}`}. ${found.action ?? action}. (${name})`
}

/** Whether the line reports that a broker refuses the login. */
export function isLoginLine (line: string): boolean {
  return meaningOf(line)?.name === '_AUTHENTICATION'
}

/** The broker and the reason that the line names; '': neither. Undefined as above. */
export function clientLineDetail (line: string): string | undefined {
  const found = meaningOf(line)
  if (found === undefined) return undefined
  const [, address = '', id] = brokerPattern.exec(line) ?? []
  const broker = id === undefined || id === 'bootstrap' ? address : `broker ${id} at ${address}`
  const [reason = ''] = reasonPattern.exec(line) ?? []
  return [broker, reason, found.more ?? ''].filter(part => part !== '').join(', ')
}

/** Ignores `sasl_ssl://`: a refused connection to such a listener is no login error. */
function meaningOf (line: string): Meaning | undefined {
  const told = line.replaceAll(/\b\w+:\/\//g, '')
  return meanings.find(({ pattern }) => pattern.test(told))
}
