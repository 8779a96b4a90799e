// librdkafka's error for a connection that failed in TLS or in a login -> the property to check,
// and the remedy. librdkafka's codes do not distinguish a wrong password from a wrong certificate,
// so this table matches its texts.
import type { ClientProperties, ClusterClient } from '../config/client-properties.ts'
import {
  lostLoginAction, lostLoginPattern, refusedCertificatePattern
} from '../errors/client-lines.ts'
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'

export interface LoginRefusal {
  readonly of: ErrorName
  /** Without the alias of the cluster. */
  readonly setting: string
  /** `NAME` stands for the alias of the cluster. */
  readonly action: string
}

/** The first pattern that matches decides. */
const refusals: ReadonlyArray<readonly [pattern: RegExp, refusal: LoginRefusal]> = [
  // Before the mechanisms, because these texts name them, too.
  [lostLoginPattern, {
    of: 'CLUSTER_UNREACHABLE',
    setting: 'bootstrap.servers',
    action: `The connection ended before the broker answered the login. ${lostLoginAction}`
  }],
  // Before the mechanisms, because this answer names none. A listener without SASL returns it to
  // each login. A session lasts until the token expires or `connections.max.reauth.ms` has passed.
  [/not valid in current SASL state/i, {
    of: 'CLUSTER_LOGIN_REFUSED',
    setting: 'sasl.jaas.config',
    action: 'If the listener has no SASL, set NAME.security.protocol to PLAINTEXT or SSL. With ' +
      'SASL, a broker lets a client log in again on a connection once a second: let tokens live ' +
      "longer, and raise the broker's connections.max.reauth.ms if it is below 2000"
  }],
  [/supported mechanisms|unsupported sasl mechanism/i, {
    of: 'CLUSTER_LOGIN_REFUSED',
    setting: 'sasl.mechanism',
    action: 'Set NAME.sasl.mechanism to a mechanism that the broker supports'
  }],
  [/GSSAPI Error|mechanism GSSAPI/, {
    of: 'CLUSTER_LOGIN_REFUSED',
    setting: 'sasl.jaas.config',
    // Node closes stderr for programs that librdkafka runs: the error text of kinit is lost.
    action: 'Check keyTab, principal and serviceName in NAME.sasl.jaas.config; ' +
      '`kinit -k -t KEYTAB PRINCIPAL`, run by hand, says what is wrong with the first two'
  }],
  [/invalid_token|invalid_request|OAUTHBEARER|no token/i, {
    of: 'CLUSTER_LOGIN_REFUSED',
    setting: 'sasl.jaas.config',
    action: 'Check the client id, the secret and the scope in NAME.sasl.jaas.config, and what ' +
      'the broker expects of a token'
  }],
  [/SASL authentication error|SaslAuthenticate|invalid credentials|nonce/i, {
    of: 'CLUSTER_LOGIN_REFUSED',
    setting: 'sasl.jaas.config',
    action: 'Check the user name and the password in NAME.sasl.jaas.config'
  }],
  [/certificate verify failed/i, {
    of: '_SSL',
    setting: 'ssl.truststore.location',
    action: "Let NAME.ssl.truststore.location hold the authority of the broker's certificate"
  }],
  [refusedCertificatePattern, {
    of: '_SSL',
    setting: 'ssl.keystore.location',
    action: 'The broker refuses the certificate of the client, or its lack: let ' +
      'NAME.ssl.keystore.location hold a certificate that the broker trusts'
  }],
  [/PLAINTEXT broker listener|wrong version number|want another security\.protocol/i, {
    of: 'CLUSTER_UNREACHABLE',
    setting: 'security.protocol',
    action: 'Check whether NAME.security.protocol is that of the listener, the brokers and ' +
      'NAME.bootstrap.servers'
  }],
  [/ApiVersionRequest failed: .*Timed out/, {
    of: 'CLUSTER_UNREACHABLE',
    setting: 'bootstrap.servers',
    action: 'Check whether NAME.bootstrap.servers names a listener of Kafka, ' +
      'NAME.security.protocol is that of the listener, and the broker is not suspended'
  }],
  // The number is the broker's id: the address is not of the file, the cluster has told it.
  [/\/\d+: (Failed to resolve|Connect to )/, {
    of: 'CLUSTER_UNREACHABLE',
    setting: 'bootstrap.servers',
    action: 'The cluster advertises this address: check the broker, its advertised.listeners, ' +
      'and the network and the names from here'
  }]
]

/** Undefined: the text reports another problem. */
export function loginRefusal (cluster: string, text: string): LoginRefusal | undefined {
  const refusal = refusals.find(([pattern]) => pattern.test(text))?.[1]
  return refusal && { ...refusal, action: refusal.action.replaceAll('NAME', cluster) }
}

/** Who logs in, without secrets: `user mirror by PLAIN`. Undefined: the client does not log in. */
export function loginOf (properties: ClientProperties): string | undefined {
  if (!/^sasl_/i.test(properties['security.protocol'] ?? '')) return undefined
  const mechanism = (properties['sasl.mechanism'] ?? 'GSSAPI').toUpperCase()
  const principal = /\bprincipal=(\S+)/.exec(properties['sasl.oauthbearer.config'] ?? '')?.[1]
  const user = properties['sasl.username'] ?? properties['sasl.kerberos.principal'] ??
    properties['sasl.oauthbearer.client.id'] ?? principal
  return user === undefined ? mechanism : `user ${user} by ${mechanism}`
}

/** Who logs in to the two clusters of a flow for its lanes. */
export function loginsOf (
  { source, target }: Readonly<Record<'source' | 'target', { readonly client: ClientProperties }>>
): Readonly<Record<'source' | 'target', string | undefined>> {
  return { source: loginOf(source.client), target: loginOf(target.client) }
}

/**
 * The error of a client of the control plane whose connection failed with this text of librdkafka.
 * `client` names the client. Undefined: the text reports another problem.
 */
export function refusedLogin (
  { cluster, properties }: ClusterClient, text: string, client: string
): ReplicatorError | undefined {
  const refusal = loginRefusal(cluster, text)
  if (refusal?.of !== 'CLUSTER_LOGIN_REFUSED') return undefined
  const seen = brokersSay(text.replace(/ \(after .*$/, ''))
  return new ReplicatorError(refusal.of,
    `cluster ${cluster}: ${seen} (${client}, ${loginOf(properties) ?? ''})`,
    { setting: `${cluster}.${refusal.setting}`, action: refusal.action, cluster })
}

/** librdkafka guesses at an old broker, whatever accepts connections and does not answer. */
const noAnswerPattern =
  /ApiVersionRequest failed: [^;]*Timed out: probably due to [^;]*configuration\)/g
/** librdkafka says what it awaited, and of whom it has no list of mechanisms. */
const lostLogins: ReadonlyArray<readonly [pattern: RegExp, text: string]> = [
  [/SASL (\S+) mechanism handshake failed: Local: Broker transport failure[^;]*/g,
    'closes the connection during the login by $1, without an answer'],
  [/SASL authentication error: SaslAuthenticateRequest failed: Local: Broker transport failure/g,
    'closes the connection during the login, without an answer'],
  [/SASL [^;]* failed: Local: Timed out[^;]*/g, 'does not answer the login']
]
const prefixPattern = /^(?:(\w+):\/\/)?(\S+)\/(?:bootstrap|\d+): /

/**
 * librdkafka's reports of several attempts, each once, with a readable broker name: `broker
 * 10.0.0.1:9093 (sasl_ssl): SASL authentication error: ...`.
 */
export function brokersSay (text: string): string {
  const plain = lostLogins.reduce((text, [pattern, own]) => text.replaceAll(pattern, own),
    text.replaceAll(noAnswerPattern, 'accepts the connection, and does not answer'))
  const parts = plain.split('; ').map(part => part.replace(prefixPattern,
    (_, protocol: string | undefined, address: string) =>
      `broker ${address}${protocol === undefined ? '' : ` (${protocol})`}: `))
  const told = parts.map(part => part.replace(/^broker \S+( \(\w+\))?: /, ''))
  return parts.filter((part, i) => !told.some((other, j) => j !== i &&
    addressOf(parts[j] ?? '') === addressOf(part) &&
    (isMoreThan(other, told[i] ?? '') || (other === told[i] && j < i)))).join('; ')
}

/** librdkafka first reports that a connection has ended, then which answer is lost with it. */
function isMoreThan (text: string, other: string): boolean {
  if (/^Disconnected\b/.test(other) && /during the login/.test(text)) return true
  return text !== other && text.includes(other)
}

function addressOf (part: string): string | undefined {
  return /^broker (\S+)/.exec(part)?.[1]
}
