// Converts Java trust stores and key stores to the PEM texts and files that librdkafka reads. The
// first bytes identify the type of a store, not its declared type: since Java 9 most stores that
// are called JKS are PKCS#12, and Java reads both.
import { createRequire } from 'node:module'
import type Jks from 'jks-js'

// Loaded with the first Java store: the library loads more slowly than all other code, and most
// files have no Java store.
const loadJks = (): typeof Jks => createRequire(import.meta.url)('jks-js') as typeof Jks

/** Undefined if the property is not set. */
export type Lookup = (name: string) => string | undefined
export type ReadFile = (path: string) => Buffer

/** Thrown to this module's callers only: the reason and the property at fault. */
export class StoreProblem extends Error {
  readonly setting: string
  constructor (setting: string, reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.setting = setting
  }
}

type Properties = Record<string, string>

export function translateTrustStore (get: Lookup, readFile: ReadFile): Properties {
  const inline = get('ssl.truststore.certificates')
  const location = get('ssl.truststore.location')
  if (inline !== undefined) {
    if (location === undefined) return { 'ssl.ca.pem': inline }
    throw new StoreProblem('ssl.truststore.certificates',
      'ssl.truststore.location is set, too; keep one of the two')
  }
  if (location === undefined) return {}
  const store = read(location, 'ssl.truststore.location', readFile)
  if (kindOf(store) === 'PEM') return { 'ssl.ca.location': location }
  const entries = open(store, 'ssl.truststore', get('ssl.truststore.password'))
  const certificates = entries.flatMap(({ ca, cert }) => [ca, cert])
    .filter(pem => pem !== undefined)
  if (certificates.length === 0) {
    throw new StoreProblem('ssl.truststore.location', `${location} holds no certificate`)
  }
  return { 'ssl.ca.pem': certificates.map(pem => pem.trim()).join('\n') + '\n' }
}

export function translateKeyStore (get: Lookup, readFile: ReadFile): Properties {
  const keyPassword = get('ssl.key.password')
  const withPassword = (properties: Properties): Properties =>
    keyPassword === undefined ? properties : { ...properties, 'ssl.key.password': keyPassword }
  const chain = get('ssl.keystore.certificate.chain')
  const key = get('ssl.keystore.key')
  if (chain !== undefined || key !== undefined) {
    if (chain === undefined || key === undefined) {
      throw new StoreProblem(chain === undefined ? 'ssl.keystore.key'
        : 'ssl.keystore.certificate.chain',
      'ssl.keystore.key and ssl.keystore.certificate.chain are only possible together')
    }
    return withPassword({ 'ssl.certificate.pem': chain, 'ssl.key.pem': key })
  }
  const location = get('ssl.keystore.location')
  if (location === undefined) return withPassword({})
  const store = read(location, 'ssl.keystore.location', readFile)
  const password = get('ssl.keystore.password')
  switch (kindOf(store)) {
    case 'PEM':
      return withPassword({ 'ssl.certificate.location': location, 'ssl.key.location': location })
    case 'PKCS12':
      // librdkafka reads PKCS#12 itself, also with OpenSSL's newest ciphers.
      return {
        'ssl.keystore.location': location,
        ...password === undefined ? {} : { 'ssl.keystore.password': password }
      }
    case 'JKS': {
      const entry = open(store, 'ssl.keystore', password, keyPassword)
        .find(each => each.key !== undefined)
      if (entry?.key === undefined || entry.cert === undefined) {
        throw new StoreProblem('ssl.keystore.location', `${location} holds no key`)
      }
      return { 'ssl.certificate.pem': entry.cert, 'ssl.key.pem': entry.key }
    }
  }
}

function read (path: string, setting: string, readFile: ReadFile): Buffer {
  try {
    return readFile(path)
  } catch (cause) {
    throw new StoreProblem(setting, `${path} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

function kindOf (store: Buffer): 'JKS' | 'PKCS12' | 'PEM' {
  if (store.length >= 4 && store.readUInt32BE(0) === 0xFEEDFEED) return 'JKS'
  return store[0] === 0x30 ? 'PKCS12' : 'PEM'
}

function open (
  store: Buffer, prefix: string, password: string | undefined, keyPassword?: string
): ReadonlyArray<{ readonly ca?: string, readonly cert?: string, readonly key?: string }> {
  try {
    return Object.values(loadJks().toPem(store, password ?? '', keyPassword ?? password ?? ''))
  } catch (cause) {
    throw new StoreProblem(`${prefix}.password`,
      `the store does not open with this password: ${reasonOf(cause)}`, { cause })
  }
}

function reasonOf (cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
