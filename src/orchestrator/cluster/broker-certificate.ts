// Why the certificate of a broker is not accepted. OpenSSL reports the same text for an authority
// that is not trusted, a wrong host name and an expired certificate; so one more connection, by
// Node's TLS, finds the reason. Only for an error that ends a start, because each call opens a
// connection.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import type { ClientProperties } from '../config/client-properties.ts'
import { unlessAborted } from '../time/deadline.ts'

const handshakeMsMax = 5_000

export interface CertificateProblem {
  readonly seen: string
  readonly action: string
}

/**
 * `text` is librdkafka's error text, which names the broker. Undefined if the text names no broker,
 * or if the broker no longer answers. Never rejects.
 */
export async function certificateProblem (
  cluster: string, properties: ClientProperties, text: string, signal: AbortSignal
): Promise<CertificateProblem | undefined> {
  const [, bracketed, plain, port] = /ssl:\/\/(?:\[(.+?)\]|([^:/]+)):(\d+)\//.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || port === undefined) return undefined
  let socket: TLSSocket | undefined
  try {
    const checksName = properties['ssl.endpoint.identification.algorithm'] !== 'none'
    socket = connect({
      host,
      port: Number(port),
      ca: authorities(properties),
      rejectUnauthorized: false,
      timeout: handshakeMsMax,
      ...checksName ? {} : { checkServerIdentity: () => undefined }
    })
    await unlessAborted(signal, handshake(socket))
    return describeProblem(cluster, socket, host, port, properties)
  } catch {
    return undefined
  } finally {
    socket?.destroy()
  }
}

/**
 * When the certificate that a broker shows ends, epoch ms, whether or not it is accepted. Undefined
 * if the broker does not answer. Never rejects.
 */
export async function brokerCertificate (
  address: { readonly host: string, readonly port: number }, properties: ClientProperties,
  signal: AbortSignal
): Promise<number | undefined> {
  let socket: TLSSocket | undefined
  try {
    socket = connect({
      ...address,
      ca: authorities(properties),
      rejectUnauthorized: false,
      timeout: handshakeMsMax,
      checkServerIdentity: () => undefined
    })
    await unlessAborted(signal, handshake(socket))
    const endMs = Date.parse(socket.getPeerCertificate().valid_to)
    return Number.isNaN(endMs) ? undefined : endMs
  } catch {
    return undefined
  } finally {
    socket?.destroy()
  }
}

async function handshake (socket: TLSSocket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.once('secureConnect', resolve)
    socket.once('timeout', () => { reject(new Error('no answer')) })
    socket.once('close', () => { reject(new Error('closed')) })
  })
}

/** Read as librdkafka reads them; the client itself reports a file that no longer exists. */
function authorities (properties: ClientProperties): string[] {
  const { 'ssl.ca.location': location, 'ssl.ca.pem': pem } = properties
  if (pem !== undefined) return [pem]
  if (location === undefined) return []
  if (!statSync(location).isDirectory()) return [readFileSync(location, 'utf8')]
  return readdirSync(location).map(name => readFileSync(join(location, name), 'utf8'))
}

function describeProblem (
  cluster: string, socket: TLSSocket, host: string, port: string, properties: ClientProperties
): CertificateProblem | undefined {
  const { issuer, subject: { CN }, subjectaltname = `CN=${CN}`, valid_from: from, valid_to: to } =
    socket.getPeerCertificate()
  const certificate = `the certificate of broker ${host}:${port} (CN=${CN})`
  const renew = "Renew the broker's certificate"
  // Declared as an Error, but the value is the code.
  const code = String(socket.authorizationError ?? '')
  switch (code) {
    case '': return undefined
    case 'CERT_HAS_EXPIRED': return { seen: `${certificate} ended on ${to}`, action: renew }
    case 'CERT_NOT_YET_VALID': return { seen: `${certificate} begins on ${from}`, action: renew }
    case 'ERR_TLS_CERT_ALTNAME_INVALID': return {
      seen: `${certificate} is for ${subjectaltname}, not for ${host}`,
      action: `Let the certificate hold the name by which ${cluster}.bootstrap.servers and ` +
        `advertised.listeners name the broker, or set ${cluster}.ssl.endpoint.identification.` +
        'algorithm to nothing'
    }
    default: return {
      seen: `${certificate} is issued by CN=${issuer.CN}, whom ` +
        `${properties['ssl.ca.location'] ?? 'the trust store'} does not trust (${code})`,
      action: `Let ${cluster}.ssl.truststore.location hold the authority that issued it`
    }
  }
}
