// What a log line of librdkafka is about. Its lines carry no code, so this table knows their texts;
// nothing but the log depends on it.
import { errorByName, type ErrorName } from './error-table.ts'

/** The first pattern that matches decides. */
const meanings: ReadonlyArray<readonly [pattern: RegExp, name: ErrorName, more: string]> = [
  [/\b(\d+)\/\1 brokers are down/, '_ALL_BROKERS_DOWN', ''],
  [/while requesting ApiVersion/, '_TRANSPORT',
    'the broker closed the connection at the first request, as it does where security.protocol ' +
    'is not that of the port'],
  [/resolve/i, '_RESOLVE', ''],
  [/\bSSL\b|certificate/i, '_SSL', ''],
  [/SASL|authenticat/i, '_AUTHENTICATION', ''],
  [/timed out|timeout/i, '_TIMED_OUT', ''],
  [/brokers are down|connect|receive failed|send failed|closed/i, '_TRANSPORT', '']
]

/** Undefined: the table does not know the line. */
export function clientLineText (line: string): string | undefined {
  const found = meanings.find(([pattern]) => pattern.test(line))
  if (found === undefined) return undefined
  const [, name, more] = found
  const { action, text } = errorByName(name)
  const broker = /([\w.-]+:\d+)\/(\d+|bootstrap)/.exec(line)
  const where = broker === null ? '' : `: ${brokerName(broker[1] ?? '', broker[2] ?? '')}`
  return `${text}${where}${more === '' ? '' : `, ${more}`}. ${action}. (${name})`
}

function brokerName (address: string, id: string): string {
  return id === 'bootstrap' ? address : `broker ${id} at ${address}`
}
