// Converts Java trust stores and key stores to the PEM texts and files that librdkafka reads. The
// first bytes identify the type of a store, not its declared type: since Java 9 most stores that
// are called JKS are PKCS#12, and Java reads both.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createRequire } from 'node:module'
import { createSecureContext } from 'node:tls'
import type Jks from 'jks-js'
import { readPkcs12, type Pkcs12Store } from './pkcs12.ts'

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
  const store = read(location, 'ssl.truststore', readFile)
  if (store.kind === 'PEM') {
    checkCertificates(store)
    return { 'ssl.ca.location': location }
  }
  const password = get('ssl.truststore.password')
  const certificates = store.kind === 'PKCS12'
    ? opened(store, () => readPkcs12(store.bytes, password ?? '').certificates)
    : openJks(store, password).flatMap(({ ca, cert }) => [ca, cert])
      .filter(pem => pem !== undefined)
  if (certificates.length === 0) throw badFile(store, 'holds no certificate')
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
  const store = read(location, 'ssl.keystore', readFile)
  const password = get('ssl.keystore.password')
  switch (store.kind) {
    case 'PEM':
      checkCertificates(store)
      checkKey(store, keyPassword)
      return withPassword({ 'ssl.certificate.location': location, 'ssl.key.location': location })
    case 'PKCS12':
      // librdkafka reads PKCS#12 itself, also with OpenSSL's newest ciphers.
      return opensNatively(store.bytes, password)
        ? {
            'ssl.keystore.location': location,
            ...password === undefined ? {} : { 'ssl.keystore.password': password }
          }
        : keyAndCertificates(store,
          opened(store, () => readPkcs12(store.bytes, password ?? '')))
    case 'JKS': {
      const entry = openJks(store, password, keyPassword).find(each => each.key !== undefined)
      const { cert, key: found } = entry ?? {}
      return keyAndCertificates(store,
        { key: found, certificates: cert === undefined ? [] : [cert] })
    }
  }
}

interface Store {
  readonly kind: 'JKS' | 'PKCS12' | 'PEM'
  readonly bytes: Buffer
  readonly location: string
  /** `ssl.keystore` or `ssl.truststore`. */
  readonly prefix: string
}

function keyAndCertificates (store: Store, { certificates, key }: Pkcs12Store): Properties {
  if (key === undefined || certificates.length === 0) throw badFile(store, 'holds no key')
  return { 'ssl.certificate.pem': certificates.join(''), 'ssl.key.pem': key }
}

function read (location: string, prefix: string, readFile: ReadFile): Store {
  let bytes: Buffer
  try {
    bytes = readFile(location)
  } catch (cause) {
    throw new StoreProblem(`${prefix}.location`,
      `${location} cannot be read: ${reasonOf(cause)}`, { cause })
  }
  const kind = kindOf(bytes)
  if (kind !== undefined) return { kind, bytes, location, prefix }
  throw new StoreProblem(`${prefix}.location`, bytes.length === 0
    ? `${location} is empty`
    : `${location} is neither a JKS store, nor a PKCS#12 store, nor PEM`)
}

function kindOf (store: Buffer): Store['kind'] | undefined {
  if (store.length >= 4 && store.readUInt32BE(0) === 0xFEEDFEED) return 'JKS'
  if (store[0] === 0x30) return 'PKCS12'
  return store.includes('-----BEGIN ') ? 'PEM' : undefined
}

/** OpenSSL 3 refuses the ciphers of older programs; then this file reads the store. */
function opensNatively (pfx: Buffer, passphrase: string | undefined): boolean {
  try {
    createSecureContext({ pfx, passphrase })
    return true
  } catch {
    return false
  }
}

const certificate = /-----BEGIN ([\w ]*CERTIFICATE)-----[^-]+-----END \1-----/g

/** A file that another program is writing lacks its end. */
function checkCertificates (store: Store): void {
  const text = store.bytes.toString('latin1')
  const found = text.match(certificate) ?? []
  if (found.length < (text.match(/-----BEGIN [\w ]*CERTIFICATE-----/g) ?? []).length) {
    throw badFile(store, 'ends within a certificate')
  }
  if (found.length === 0) throw badFile(store, 'holds no certificate')
  for (const each of found) {
    try {
      new X509Certificate(each)
    } catch (cause) {
      throw badFile(store, `holds a certificate that cannot be read: ${reasonOf(cause)}`)
    }
  }
}

function checkKey (store: Store, passphrase: string | undefined): void {
  const text = store.bytes.toString('latin1')
  if (!/-----BEGIN [\w ]*PRIVATE KEY-----/.test(text)) throw badFile(store, 'holds no key')
  try {
    createPrivateKey({ key: text, passphrase })
  } catch (cause) {
    throw new StoreProblem('ssl.key.password',
      `the key in ${store.location} cannot be read with it: ${reasonOf(cause)}`, { cause })
  }
}

function openJks (store: Store, password = '', keyPassword?: string): ReadonlyArray<{
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}> {
  return opened(store, () =>
    Object.values(loadJks().toPem(store.bytes, password, keyPassword ?? password)))
}

function opened<Content> (store: Store, open: () => Content): Content {
  try {
    return open()
  } catch (cause) {
    const reason = reasonOf(cause)
    if (/recover key/.test(reason)) {
      throw new StoreProblem('ssl.key.password',
        `the key in ${store.location} does not open with this password: ${reason}`, { cause })
    }
    if (/password|MAC/i.test(reason)) {
      throw new StoreProblem(`${store.prefix}.password`,
        `the store does not open with this password: ${reason}`, { cause })
    }
    throw badFile(store, `cannot be read: ${reason}`)
  }
}

function badFile ({ location, prefix }: Store, reason: string): StoreProblem {
  return new StoreProblem(`${prefix}.location`, `${location} ${reason}`)
}

function reasonOf (cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
