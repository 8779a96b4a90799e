// Translates the properties of a Java client, as a MirrorMaker 2 file has them, to properties of
// librdkafka. The file may also use librdkafka's names; both names for one setting are refused.
import { certificateFileProperties } from './certificates.ts'
import { clientTable } from './client-table.ts'
import { parseJaas, translateJaas } from './jaas.ts'
import { connectionProperties, otherProperties } from './librdkafka-properties.ts'
import type { Findings } from './findings.ts'
import { mskIamMethod, mskRegion } from './msk-iam.ts'
import { describeEntry, type Entry } from './properties-text.ts'
import { publicAuthorities } from './public-authorities.ts'
import {
  StoreProblem, translateKeyStore, translateTrustStore, type Lookup, type ReadFile
} from './tls-stores.ts'

/** librdkafka's names and values. */
export type ClientProperties = Readonly<Record<string, string>>

export interface ClientContext {
  /** `cluster A`, for messages. */
  readonly of: string
  readonly findings: Findings
  readFile: ReadFile
  readonly environment: Readonly<Record<string, string | undefined>>
  /** librdkafka's builtin.features; undefined: not known, and nothing is refused because of it. */
  readonly features: readonly string[] | undefined
}

/** How clients of the control plane connect to a cluster. */
export interface ClusterClient {
  /** The alias in the configuration, for errors. */
  readonly cluster: string
  readonly properties: ClientProperties
}

/** Whether a name is a client property, Java's or librdkafka's. */
export function isClientProperty (name: string): boolean {
  return Object.hasOwn(clientTable, name) || connectionProperties.has(name) ||
    otherProperties.has(name)
}

export const clientPropertyNames: readonly string[] =
  [...new Set([...Object.keys(clientTable), ...connectionProperties, ...otherProperties])]

/** `written` has one entry for each name, the one that wins. */
export function translateClient (
  written: ReadonlyMap<string, Entry>, context: ClientContext
): ClientProperties {
  const out = new Output(context)
  for (const [name, entry] of written) translateOne(name, entry, out, context)
  const get: Lookup = name => written.get(name)?.value
  translateStores(written, get, out, context)
  translateLogin(written, out, context)
  checkSecurity(written, out, context)
  checkFiles(written, out, context)
  return { ...defaultTrust(out, context), ...Object.fromEntries(out.properties) }
}

/** Empty if the file names a trust store, and if there is no TLS. */
function defaultTrust (
  { properties }: Output, { environment, readFile }: ClientContext
): ClientProperties {
  if (!/ssl$/i.test(properties.get('security.protocol') ?? '')) return {}
  if (properties.has('ssl.ca.location') || properties.has('ssl.ca.pem')) return {}
  return publicAuthorities(environment, readFile).properties
}

/** Remembers which entry set each property, to refuse two names for one setting. */
class Output {
  readonly properties = new Map<string, string>()
  readonly #givenBy = new Map<string, Entry>()
  readonly #context: ClientContext

  constructor (context: ClientContext) {
    this.#context = context
  }

  put (property: string, value: string, entry: Entry): void {
    const thing = oneThing[property] ?? property
    const other = this.#givenBy.get(thing)
    if (other !== undefined && other !== entry &&
      (thing !== property || this.properties.get(property) !== value)) {
      this.#context.findings.refuse('CONFIG_CONFLICT', `${describeEntry(other)} and ` +
        `${describeEntry(entry)} both set ${thing} of ${this.#context.of}`, entry.key)
      return
    }
    this.#givenBy.set(thing, entry)
    this.properties.set(property, value)
  }
}

// Properties of librdkafka that exclude each other, by the part that they configure.
const oneThing: Readonly<Record<string, string>> = {
  'ssl.ca.location': 'the trust store',
  'ssl.ca.pem': 'the trust store',
  'ssl.key.location': 'the client key',
  'ssl.key.pem': 'the client key',
  'ssl.keystore.location': 'the client key'
}

function translateOne (name: string, entry: Entry, out: Output, context: ClientContext): void {
  const rule = Object.hasOwn(clientTable, name) ? clientTable[name] : undefined
  if (rule === undefined) {
    if (connectionProperties.has(name)) out.put(name, entry.value, entry)
    else warnNone(name, entry, 'librdkafka does not move the records here', context)
  } else if ('none' in rule) {
    if (rule.like?.test(entry.value) !== true) warnNone(name, entry, rule.none, context)
  } else if ('to' in rule) {
    const value = rule.convert === undefined ? entry.value : rule.convert(entry.value)
    if (value !== undefined) out.put(rule.to, value, entry)
    else if (name === 'sasl.kerberos.kinit.cmd') {
      warnNone(name, entry, 'librdkafka wants the whole command', context)
    } else {
      context.findings.refuse('CONFIG_INVALID',
        `${describeEntry(entry)} cannot be said to OpenSSL`, entry.key)
    }
  }
}

function warnNone (name: string, entry: Entry, why: string, { findings }: ClientContext): void {
  findings.ignore(name, `${entry.key} (${entry.where}) has no effect: ${why}`, entry.key)
}

function translateStores (
  written: ReadonlyMap<string, Entry>, get: Lookup, out: Output, context: ClientContext
): void {
  for (const [first, translate] of [
    ['ssl.truststore.', translateTrustStore], ['ssl.key', translateKeyStore]
  ] as const) {
    const entry = [...written].find(([name]) => name.startsWith(first))?.[1]
    if (entry === undefined) continue
    try {
      for (const [property, value] of Object.entries(translate(get, context.readFile))) {
        out.put(property, value, written.get(property) ?? entry)
      }
    } catch (error) {
      if (!(error instanceof StoreProblem)) throw error
      const at = written.get(error.setting) ?? entry
      context.findings.refuse('CONFIG_INVALID', `${describeEntry(at)}: ${error.message}`, at.key)
    }
  }
}

function translateLogin (
  written: ReadonlyMap<string, Entry>, out: Output, context: ClientContext
): void {
  const entry = written.get('sasl.jaas.config')
  if (entry === undefined) return
  const jaas = parseJaas(entry.value)
  const translated = jaas === undefined
    ? { ok: false as const, reason: 'it is not `LoginModule required name="value" ... ;`' }
    : translateJaas(jaas, out.properties.get('sasl.mechanism'),
      written.get('sasl.login.callback.handler.class')?.value)
  if (!translated.ok) {
    context.findings.refuse('CONFIG_INVALID',
      `${describeEntry(entry)} of ${context.of}: ${translated.reason}`, entry.key)
    return
  }
  for (const [property, value] of Object.entries(translated.properties)) {
    // sasl.mechanism may also be set separately, in any case; translateJaas has compared the two.
    if (property === 'sasl.mechanism') out.properties.set(property, value)
    else out.put(property, value, entry)
  }
}

/**
 * Refuses a file that only librdkafka would read, with the first connection. A Java store was read
 * already. A folder of authorities is no file.
 */
function checkFiles (
  written: ReadonlyMap<string, Entry>, out: Output, { findings, readFile }: ClientContext
): void {
  if (!/ssl$/i.test(out.properties.get('security.protocol') ?? '')) return
  for (const name of certificateFileProperties) {
    const entry = written.get(name)
    if (entry === undefined) continue
    try {
      readFile(entry.value)
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException
      if (code === 'EISDIR') continue
      findings.refuse('CONFIG_INVALID',
        `${describeEntry(entry)}: the file cannot be read: ${message}`, entry.key)
    }
  }
}

const protocols = ['plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl']

/** Refuses settings with which only the first connection would fail, with a less helpful text. */
function checkSecurity (
  written: ReadonlyMap<string, Entry>, out: Output, context: ClientContext
): void {
  const { findings, of, features } = context
  const { properties } = out
  const protocol = (properties.get('security.protocol') ?? 'plaintext').toLowerCase()
  const entry = written.get('security.protocol')
  if (entry !== undefined && !protocols.includes(protocol)) {
    findings.refuse('CONFIG_INVALID', `${describeEntry(entry)}: allowed are ` +
      protocols.map(each => each.toUpperCase()).join(', '), entry.key)
    return
  }
  const login = written.get('sasl.jaas.config') ?? written.get('sasl.username')
  if (!protocol.startsWith('sasl_')) {
    const unused = login ?? written.get('sasl.mechanism')
    if (unused !== undefined) {
      findings.ignore(unused.key, `${unused.key} (${unused.where}) has no effect: ` +
        `security.protocol of ${of} is ${protocol.toUpperCase()}`, unused.key)
    }
    return
  }
  const mechanism = (properties.get('sasl.mechanism') ?? 'GSSAPI').toUpperCase()
  const lacks = (feature: string) => features !== undefined && !features.includes(feature)
  const needsPassword = mechanism === 'PLAIN' || mechanism.startsWith('SCRAM-')
  const setting = written.get('sasl.mechanism') ?? login ?? entry
  const at = `${setting === undefined ? 'sasl.mechanism' : describeEntry(setting)} of ${of}`
  if (needsPassword && !properties.has('sasl.username') && written.get('sasl.jaas.config') ===
    undefined) {
    findings.refuse('CONFIG_INVALID', `${at}: ${mechanism} needs sasl.jaas.config`, setting?.key)
  } else if (mechanism === 'GSSAPI' && lacks('sasl_gssapi')) {
    findings.refuse('CONFIG_INVALID', `${at}: this build has no Kerberos; install the Cyrus SASL ` +
      'headers (libsasl2-dev) and build again, or use another mechanism', setting?.key)
  } else if (properties.get('sasl.oauthbearer.method') === mskIamMethod) {
    const region = mskRegion(properties.get('bootstrap.servers') ?? '', context.environment)
    if (region !== undefined) properties.set('sasl.oauthbearer.aws.region', region)
    else findings.refuse('CONFIG_INVALID', `${at}: the region of the brokers is not known: no ` +
      'name in bootstrap.servers ends in kafka.REGION.amazonaws.com; set AWS_REGION', setting?.key)
  } else if (mechanism === 'OAUTHBEARER' && properties.get(unsecured) !== 'true') {
    const problem = tokenProblem(properties)
    if (problem === undefined) out.properties.set('sasl.oauthbearer.method', 'oidc')
    else findings.refuse('CONFIG_INVALID', `${at}: ${problem}`, setting?.key)
  } else if (mechanism === 'AWS_MSK_IAM' && written.get('sasl.jaas.config') === undefined) {
    findings.refuse('CONFIG_INVALID',
      `${at}: AWS_MSK_IAM needs sasl.jaas.config=` +
      'software.amazon.msk.auth.iam.IAMLoginModule required;', setting?.key)
  }
}

const unsecured = 'enable.sasl.oauthbearer.unsecure.jwt'

// librdkafka's methods to fetch a token that Longhaul does not support.
const otherTokenProperties =
  /^(https\.ca\.|sasl\.oauthbearer\.(assertion|extensions|metadata|grant\.type))/

/** Why no token can be fetched with these properties: cluster/oidc-token.ts fetches tokens. */
function tokenProblem (properties: ReadonlyMap<string, string>): string | undefined {
  for (const part of ['token.endpoint.url', 'client.id', 'client.secret']) {
    if (!properties.has(`sasl.oauthbearer.${part}`)) {
      return `OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url, and clientId and ` +
        `clientSecret in sasl.jaas.config; ${part} is missing`
    }
  }
  const url = properties.get('sasl.oauthbearer.token.endpoint.url') ?? ''
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    return 'sasl.oauthbearer.token.endpoint.url is not an http or https URL'
  }
  const [other] = [...properties].find(([name, value]) => otherTokenProperties.test(name) &&
    value !== 'client_credentials') ?? []
  if (other === undefined) return undefined
  return `${other} is not supported: tokens are fetched by the grant client_credentials; ` +
    'NODE_EXTRA_CA_CERTS names a file with a private authority of the token server'
}
