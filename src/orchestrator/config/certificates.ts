// The certificates in a client's configuration: when they expire, and whether the key belongs to
// the certificate, before a connection is opened.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { ClientProperties } from './client-properties.ts'
import { readPkcs12 } from './pkcs12.ts'
import type { ReadFile } from './tls-stores.ts'

export interface CertificateEnd {
  /** `client`: the client's own certificate; `authority`: the trusted one that expires first. */
  readonly of: 'client' | 'authority'
  /** Milliseconds since the epoch. */
  readonly endMs: number
}

/** Properties of librdkafka that name a file of certificates or keys. */
export const certificateFileProperties = [
  'ssl.ca.location', 'ssl.certificate.location', 'ssl.key.location', 'ssl.keystore.location',
  'ssl.crl.location'
] as const

const dayMs = 86_400_000
/** A certificate that expires sooner is worth a warning. */
export const expiryWarningDays = 14

/** `the certificate of the client expires on 2027-01-31, in 3 days` */
export function expiryText (what: string, endMs: number, nowMs: number): string {
  const days = daysUntil(endMs, nowMs)
  const end = new Date(endMs).toISOString().slice(0, 10)
  return days < 0
    ? `${what} expired on ${end}`
    : `${what} expires on ${end}, in ${days} ${days === 1 ? 'day' : 'days'}`
}

/** Negative: it has expired. */
export function daysUntil (endMs: number, nowMs: number): number {
  return Math.floor((endMs - nowMs) / dayMs)
}

export function certificateName ({ of }: CertificateEnd): string {
  return of === 'client' ? 'the certificate of the client' : 'a trusted authority'
}

/** The certificates of a cluster's configuration that have expired, or will within two weeks. */
export function expiryRemarks (
  { alias, certificates }: {
    readonly alias: string
    readonly certificates: readonly CertificateEnd[]
  },
  nowMs: number
): readonly string[] {
  return certificates.filter(({ endMs }) => daysUntil(endMs, nowMs) < expiryWarningDays)
    .map(certificate => `cluster ${alias}: ` +
      expiryText(certificateName(certificate), certificate.endMs, nowMs))
}

/** Empty if a file cannot be read here: librdkafka reads it, and reports the error. */
export function certificateEnds (
  client: ClientProperties, readFile: ReadFile
): readonly CertificateEnd[] {
  const ownText = textOf(client, 'ssl.certificate', readFile) ?? storeEntry(client, readFile)?.cert
  const [own] = endsIn(ownText ?? '')
  const authorities = endsIn(textOf(client, 'ssl.ca', readFile) ?? '')
  return [
    ...own === undefined ? [] : [{ of: 'client' as const, endMs: own }],
    ...authorities.length === 0
      ? []
      : [{ of: 'authority' as const, endMs: Math.min(...authorities) }]
  ]
}

/** Undefined: they match, or only librdkafka can read them. */
export function keyProblem (client: ClientProperties, readFile: ReadFile): string | undefined {
  const store = storeEntry(client, readFile)
  const cert = textOf(client, 'ssl.certificate', readFile) ?? store?.cert
  const key = textOf(client, 'ssl.key', readFile) ?? store?.key
  if (cert === undefined || key === undefined) return undefined
  try {
    // Not by createSecureContext(), which accepts an EC key beside an RSA certificate.
    const own = createPrivateKey({ key, passphrase: client['ssl.key.password'] })
    if (new X509Certificate(cert).checkPrivateKey(own)) return undefined
    return 'the key does not belong to the certificate; are the files being replaced?'
  } catch {
    return undefined
  }
}

function textOf (
  client: ClientProperties, name: 'ssl.ca' | 'ssl.certificate' | 'ssl.key', readFile: ReadFile
): string | undefined {
  const path = client[`${name}.location`]
  return client[`${name}.pem`] ?? (path === undefined ? undefined : readText(path, readFile))
}

/** The certificate and the key in a PKCS#12 store. */
function storeEntry (
  client: ClientProperties, readFile: ReadFile
): { readonly cert?: string | undefined, readonly key?: string | undefined } | undefined {
  const path = client['ssl.keystore.location']
  if (path === undefined) return undefined
  try {
    const { certificates: [cert], key } =
      readPkcs12(readFile(path), client['ssl.keystore.password'] ?? '')
    return key === undefined ? undefined : { cert, key }
  } catch {
    return undefined
  }
}

function readText (path: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(path).toString('latin1')
  } catch {
    return undefined // a folder of authorities, for example
  }
}

const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function endsIn (text: string): readonly number[] {
  return (text.match(certificate) ?? []).flatMap(pem => {
    try {
      return [Date.parse(new X509Certificate(pem).validTo)]
    } catch {
      return []
    }
  })
}
