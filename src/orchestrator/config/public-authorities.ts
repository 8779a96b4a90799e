// Trust without a trust store in the file: the certificate authorities of the system, or else those
// of Node.js. OpenSSL alone would look only at /etc/ssl, because Node's OpenSSL, which librdkafka
// uses here, was built so; some systems keep them elsewhere.
import { rootCertificates } from 'node:tls'
import type { ReadFile } from './tls-stores.ts'

export interface PublicAuthorities {
  readonly properties: Readonly<Record<string, string>>
  /** `the certificates of ...`, as the object of "trusts". */
  readonly name: string
}

/** Where distributions keep all authorities in one file. */
export const usualPlaces: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Alpine, Arch
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // RHEL, Fedora, Amazon Linux
  '/etc/pki/tls/certs/ca-bundle.crt', // older RHEL
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/cert.pem' // OpenSSL's own place
]

export function publicAuthorities (
  environment: Readonly<Record<string, string | undefined>>, readFile: ReadFile
): PublicAuthorities {
  const chosen = environment['SSL_CERT_FILE'] ?? environment['SSL_CERT_DIR']
  const location = chosen ?? usualPlaces.find(place => holdsCertificates(place, readFile))
  if (location !== undefined) {
    return { properties: { 'ssl.ca.location': location }, name: `the certificates of ${location}` }
  }
  return {
    properties: { 'ssl.ca.pem': rootCertificates.join('\n') + '\n' },
    name: 'the certificates that Node.js brings along'
  }
}

/** Whether the client trusts public authorities; true of a client without TLS. */
export function trustsPublicAuthorities (
  client: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>, readFile: ReadFile
): boolean {
  if (client['ssl.ca.location'] === undefined && client['ssl.ca.pem'] === undefined) return true
  return Object.entries(publicAuthorities(environment, readFile).properties)
    .every(([name, value]) => client[name] === value)
}

function holdsCertificates (place: string, readFile: ReadFile): boolean {
  try {
    return readFile(place).includes('-----BEGIN CERTIFICATE-----')
  } catch {
    return false
  }
}
