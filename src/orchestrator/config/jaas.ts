// Translates sasl.jaas.config, `LoginModule required key="value" ... ;`, to librdkafka's SASL
// properties. Login modules without an equivalent in librdkafka are refused, with the way out.
import { mskIamHandler, translateMskIam } from './msk-iam.ts'

export interface JaasConfig {
  /** The class name without its package. */
  readonly module: string
  readonly options: ReadonlyMap<string, string>
}

export type Translated =
  | { readonly ok: true, readonly properties: Readonly<Record<string, string>> }
  | { readonly ok: false, readonly reason: string }

const flags = ['required', 'requisite', 'sufficient', 'optional']

/** Undefined if the text is not a login module with options. */
export function parseJaas (text: string): JaasConfig | undefined {
  const tokens = tokenize(text)
  if (tokens === undefined) return undefined
  const [module = '', flag = '', ...rest] = tokens
  if (!/^[\w.$]+$/.test(module) || !flags.includes(flag.toLowerCase())) return undefined
  const options = new Map<string, string>()
  for (let at = 0; at < rest.length; at += 3) {
    const [name, equals, value] = rest.slice(at, at + 3)
    if (name === undefined || equals !== '=' || value === undefined) return undefined
    options.set(name, value)
  }
  return { module: module.slice(module.lastIndexOf('.') + 1), options }
}

/** Words, `=` signs and quoted strings up to the `;`; undefined for any other text. */
function tokenize (text: string): readonly string[] | undefined {
  const token = /\s*(?:(=)|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s="';]+)|(;)\s*$)/gy
  const tokens: string[] = []
  for (let end = 0; end < text.trimEnd().length; end = token.lastIndex) {
    token.lastIndex = end
    const match = token.exec(text)
    if (match === null) return undefined
    const [, equals, double, single, word] = match
    const quoted = double ?? single
    const found = equals ?? (quoted === undefined ? word : quoted.replace(/\\(.)/g, '$1'))
    if (found !== undefined) tokens.push(found)
  }
  return tokens
}

/**
 * librdkafka's properties for a login module. `mechanism` is sasl.mechanism, if it is set;
 * `handler` is the class that fetches tokens.
 */
export function translateJaas (
  jaas: JaasConfig, mechanism: string | undefined, handler = ''
): Translated {
  if (jaas.module === 'OAuthBearerLoginModule' && mskIamHandler.test(handler)) {
    return translateMskIam(jaas)
  }
  switch (jaas.module) {
    case 'PlainLoginModule': return passwordLogin(jaas, mechanism, ['PLAIN'])
    case 'ScramLoginModule':
      if (jaas.options.get('tokenauth')?.toLowerCase() === 'true') {
        return refuse('delegation tokens (tokenauth) are not supported; use a SCRAM user')
      }
      return passwordLogin(jaas, mechanism, ['SCRAM-SHA-512', 'SCRAM-SHA-256'])
    case 'Krb5LoginModule': return kerberos(jaas, mechanism)
    case 'OAuthBearerLoginModule': return oauthBearer(jaas, mechanism)
    case 'IAMLoginModule': return mskIam(jaas, mechanism)
    default: return refuse(`the login module ${jaas.module} is a Java class that cannot run here`)
  }
}

function refuse (reason: string): Translated {
  return { ok: false, reason }
}

function passwordLogin (
  { module, options }: JaasConfig, mechanism: string | undefined, of: readonly string[]
): Translated {
  const [username, password] = [options.get('username'), options.get('password')]
  if (username === undefined || password === undefined) {
    return refuse(`${module} needs username="..." password="..."`)
  }
  const chosen = (mechanism ?? (of.length === 1 ? of[0] : undefined))?.toUpperCase()
  if (chosen === undefined) return refuse(`${module} needs sasl.mechanism=${of.join(' or ')}`)
  if (!of.includes(chosen)) return refuse(`${module} does not go with sasl.mechanism=${chosen}`)
  return {
    ok: true,
    properties: { 'sasl.mechanism': chosen, 'sasl.username': username, 'sasl.password': password }
  }
}

function kerberos ({ options }: JaasConfig, mechanism = 'GSSAPI'): Translated {
  if (mechanism.toUpperCase() !== 'GSSAPI') {
    return refuse(`Krb5LoginModule does not go with sasl.mechanism=${mechanism}`)
  }
  const properties: Record<string, string> = { 'sasl.mechanism': 'GSSAPI' }
  const twins = {
    keyTab: 'sasl.kerberos.keytab',
    principal: 'sasl.kerberos.principal',
    serviceName: 'sasl.kerberos.service.name'
  }
  for (const [option, property] of Object.entries(twins)) {
    const value = options.get(option)
    if (value !== undefined) properties[property] = value
  }
  // With a ticket cache another program renews the ticket; librdkafka's kinit must not.
  if (options.get('useTicketCache')?.toLowerCase() === 'true') {
    properties['sasl.kerberos.kinit.cmd'] = 'true'
  }
  return { ok: true, properties }
}

function mskIam (jaas: JaasConfig, mechanism = 'AWS_MSK_IAM'): Translated {
  return mechanism.toUpperCase() === 'AWS_MSK_IAM'
    ? translateMskIam(jaas)
    : refuse(`IAMLoginModule does not go with sasl.mechanism=${mechanism}`)
}

function oauthBearer (jaas: JaasConfig, mechanism = 'OAUTHBEARER'): Translated {
  if (mechanism.toUpperCase() !== 'OAUTHBEARER') {
    return refuse(`OAuthBearerLoginModule does not go with sasl.mechanism=${mechanism}`)
  }
  const { options } = jaas
  const unsecured = [...options.keys()].some(name => name.startsWith('unsecuredLogin'))
  return unsecured ? unsecuredToken(options) : oidc(options)
}

function unsecuredToken (options: ReadonlyMap<string, string>): Translated {
  const subject = options.get('unsecuredLoginStringClaim_sub')
  if (subject === undefined) return refuse('an unsecured token needs unsecuredLoginStringClaim_sub')
  const lifetime = options.get('unsecuredLoginLifetimeSeconds')
  const parts = [`principal=${subject}`]
  if (lifetime !== undefined) parts.push(`lifeSeconds=${lifetime}`)
  for (const [name, value] of options) {
    const [, extension] = /^unsecuredLoginExtension_(.+)$/.exec(name) ?? []
    if (extension !== undefined) parts.push(`extension_${extension}=${value}`)
  }
  return {
    ok: true,
    properties: {
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.oauthbearer.config': parts.join(' '),
      'enable.sasl.oauthbearer.unsecure.jwt': 'true'
    }
  }
}

// The options of Kafka's login module, and of Strimzi's module under the same class name.
const oidcOptions: ReadonlyArray<readonly [property: string, ...options: string[]]> = [
  ['sasl.oauthbearer.client.id', 'clientId', 'oauth.client.id'],
  ['sasl.oauthbearer.client.secret', 'clientSecret', 'oauth.client.secret'],
  ['sasl.oauthbearer.scope', 'scope', 'oauth.scope'],
  ['sasl.oauthbearer.token.endpoint.url', 'oauth.token.endpoint.uri']
]

function oidc (options: ReadonlyMap<string, string>): Translated {
  const properties: Record<string, string> = {
    'sasl.mechanism': 'OAUTHBEARER', 'sasl.oauthbearer.method': 'oidc'
  }
  for (const [property, ...names] of oidcOptions) {
    const value = names.map(name => options.get(name)).find(each => each !== undefined)
    if (value !== undefined) properties[property] = value
  }
  const extension = [...options.keys()].find(name => name.startsWith('extension_'))
  if (extension !== undefined) {
    return refuse(`${extension} is not supported: node-rdkafka sends no SASL extensions`)
  }
  return { ok: true, properties }
}
