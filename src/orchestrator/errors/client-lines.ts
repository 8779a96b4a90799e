// The meaning of log lines of librdkafka. These lines have no code, so this table matches their
// texts; only the log depends on it.
import { errorByName, type ErrorName } from './error-table.ts'

/** The first pattern that matches decides. */
const meanings: ReadonlyArray<readonly [pattern: RegExp, name: ErrorName, more: string]> = [
  [/\b(\d+)\/\1 brokers are down/, '_ALL_BROKERS_DOWN', ''],
  [/while requesting ApiVersion/, '_TRANSPORT',
    'the broker closed the connection at the first request, as it does if security.protocol ' +
    'does not match the port'],
  [/resolve/i, '_RESOLVE', ''],
  [/\bSSL\b|certificate/i, '_SSL', ''],
  [/SASL|authenticat/i, '_AUTHENTICATION', ''],
  [/timed out|timeout/i, '_TIMED_OUT', ''],
  [/brokers are down|connect|receive failed|send failed|closed/i, '_TRANSPORT', '']
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
  const [, name] = found
  const { action, text } = errorByName(name)
  const who = login === undefined || !isLoginLine(line) ? [] : [login]
  const detail = [clientLineDetail(line) ?? '', ...who].filter(part => part !== '').join(', ')
  return `${text}${detail === '' ? '' : `: ${detail}`}. ${action}. (${name})`
}

/** Whether the line reports that a broker refuses the login. */
export function isLoginLine (line: string): boolean {
  return meaningOf(line)?.[1] === '_AUTHENTICATION'
}

/** The broker and the reason that the line names; '': neither. Undefined as above. */
export function clientLineDetail (line: string): string | undefined {
  const found = meaningOf(line)
  if (found === undefined) return undefined
  const [, address = '', id] = brokerPattern.exec(line) ?? []
  const broker = id === undefined || id === 'bootstrap' ? address : `broker ${id} at ${address}`
  const [reason = ''] = reasonPattern.exec(line) ?? []
  return [broker, reason, found[2]].filter(part => part !== '').join(', ')
}

/** Ignores `sasl_ssl://`: a refused connection to such a listener is no login error. */
function meaningOf (line: string): (typeof meanings)[number] | undefined {
  const told = line.replaceAll(/\b\w+:\/\//g, '')
  return meanings.find(([pattern]) => pattern.test(told))
}
