// The settings of the HTTP server that depend on each other: where the API is open, and the
// certificate without which no token travels beyond this machine.
import { createSecureContext } from 'node:tls'
import type { ServerTls } from './config.ts'
import type { ProcessSettings } from './config-table.ts'
import type { Findings } from './findings.ts'
import type { ReadFile } from './tls-stores.ts'

const certificateSetting = 'api.tls.certificate.location'
const keySetting = 'api.tls.key.location'

/** Whether only this machine reaches the address. */
export function isLoopback (host: string): boolean {
  return /^(127(\.\d{1,3}){3}|\[?::1\]?|(::ffff:)127(\.\d{1,3}){3}|localhost)$/i.test(host)
}

/** Undefined: plain HTTP, or a problem that `findings` has. */
export function readServerTls (
  settings: ProcessSettings, readFile: ReadFile, findings: Findings
): ServerTls | undefined {
  const certificatePath = settings[certificateSetting]
  const keyPath = settings[keySetting]
  const host = settings['metrics.host']
  if (certificatePath === '' && keyPath === '') {
    if (settings['api.token'] !== '' && !isLoopback(host) && settings['metrics.port'] >= 0) {
      findings.refuse('CONFIG_INVALID', `api.token is set and metrics.host=${host} is not ` +
        `loopback, so the token would travel in clear; set ${certificateSetting} and ` +
        `${keySetting}, or metrics.host=127.0.0.1`, certificateSetting)
    }
    return undefined
  }
  if (certificatePath === '' || keyPath === '') {
    const missing = certificatePath === '' ? certificateSetting : keySetting
    findings.refuse('CONFIG_INVALID', `${certificateSetting} and ${keySetting} are only possible ` +
      `together; set ${missing}`, missing)
    return undefined
  }
  const certificate = readPem(certificateSetting, certificatePath, readFile, findings)
  const key = readPem(keySetting, keyPath, readFile, findings)
  if (certificate === undefined || key === undefined) return undefined
  try {
    createSecureContext({ cert: certificate, key })
  } catch (cause) {
    findings.refuse('CONFIG_INVALID', `${certificateSetting}=${certificatePath} and ` +
      `${keySetting}=${keyPath} cannot be used together: ${reasonOf(cause)}`, certificateSetting)
    return undefined
  }
  return { certificate, key }
}

function readPem (
  setting: string, path: string, readFile: ReadFile, findings: Findings
): Buffer | undefined {
  try {
    return readFile(path)
  } catch (cause) {
    findings.refuse('CONFIG_INVALID', `${setting}=${path} cannot be read: ${reasonOf(cause)}`,
      setting)
    return undefined
  }
}

function reasonOf (cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
