// How Strimzi's KafkaMirrorMaker2 resource logs in to a cluster: the properties that the resource
// determines, and warnings about the contents of Secrets, which the user must add to the file. A
// file without them never runs with another login: Longhaul refuses a file without the password,
// and the cluster refuses a client without a certificate. Pure.
import { fieldsOf, listOf, textsOf, type Fields } from './parsed-value.ts'

export interface StrimziLogin {
  readonly properties: Readonly<Record<string, string>>
  readonly warnings: readonly string[]
}

const passwordModules: Readonly<Record<string, readonly [mechanism: string, module: string]>> = {
  'plain': ['PLAIN', 'plain.PlainLoginModule'],
  'scram-sha-256': ['SCRAM-SHA-256', 'scram.ScramLoginModule'],
  'scram-sha-512': ['SCRAM-SHA-512', 'scram.ScramLoginModule']
}

export function loginOf (alias: string, cluster: Fields): StrimziLogin {
  const authentication = fieldsOf(cluster['authentication'])
  const { type: given } = authentication
  const type = typeof given === 'string' ? given : ''
  const hasTls = 'tls' in cluster
  // The resource contains the properties of a custom login as they are.
  const isCustom = type === 'custom'
  const isSasl = isCustom ? authentication['sasl'] === true : type !== '' && type !== 'tls'
  if (!hasTls && type === '') return { properties: {}, warnings: [] }
  const sasl = isSasl && !isCustom ? saslOf(alias, type, authentication) : undefined
  return {
    properties: {
      'security.protocol': `${isSasl ? 'SASL_' : ''}${hasTls ? 'SSL' : 'PLAINTEXT'}`,
      ...sasl?.properties,
      ...isCustom ? textsOf(authentication['config']) : {}
    },
    warnings: [
      ...hasTls ? trustOf(alias, fieldsOf(cluster['tls'])) : [],
      ...type === 'tls' ? keysOf(alias, fieldsOf(authentication['certificateAndKey'])) : [],
      ...sasl?.warnings ?? []
    ]
  }
}

function trustOf (alias: string, tls: Fields): readonly string[] {
  const secrets = listOf(tls['trustedCertificates']).map(({ certificate, pattern, secretName }) =>
    `${String(secretName)} (${String(certificate ?? pattern)})`)
  return secrets.length === 0
    ? []
    : [`the certificates with which to trust ${alias} are in Secret ${secrets.join(', ')}: write ` +
      `${alias}.ssl.truststore.type = PEM and ${alias}.ssl.truststore.location = FILE`]
}

function keysOf (alias: string, { certificate, key, secretName }: Fields): readonly string[] {
  return [`the certificate for ${alias} is in Secret ${String(secretName)} ` +
    `(${String(certificate)}, ${String(key)}): write ${alias}.ssl.keystore.type = PEM and ` +
    `${alias}.ssl.keystore.location = FILE with both`]
}

function saslOf (alias: string, type: string, authentication: Fields): StrimziLogin {
  const known = passwordModules[type]
  if (known === undefined) {
    return {
      properties: {},
      warnings: [`${alias} has the login type ${type}: write ${alias}.sasl.mechanism and ` +
        `${alias}.sasl.jaas.config for the login that the resource describes`]
    }
  }
  const [mechanism, module] = known
  const { password, secretName } = fieldsOf(authentication['passwordSecret'])
  return {
    properties: { 'sasl.mechanism': mechanism },
    warnings: [`the password for ${alias} is in Secret ${String(secretName)} ` +
      `(${String(password)}): write ${alias}.sasl.jaas.config = ` +
      `org.apache.kafka.common.security.${module} required ` +
      `username="${String(authentication['username'])}" password="...";`]
  }
}
