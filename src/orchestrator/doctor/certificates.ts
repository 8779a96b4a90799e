// When certificates expire: those of the configuration, and those that the brokers show.
import { brokerCertificate } from '../cluster/broker-certificate.ts'
import {
  certificateName, daysUntil, expiryText, expiryWarningDays
} from '../config/certificates.ts'
import type { FlowEnd } from '../config/config.ts'
import type { Check, Finding } from './check.ts'
import { measuredBrokersMax } from './round-trip.ts'

export interface CertificateExpiry {
  readonly about: string
  readonly what: string
  readonly endMs: number
  readonly renewal: string
}

const noteDays = 45

/** Pure. */
export function judgeCertificate (
  { about, endMs, renewal, what }: CertificateExpiry, nowMs: number
): Finding {
  const days = daysUntil(endMs, nowMs)
  const measured = expiryText(what, endMs, nowMs)
  if (days >= noteDays) return { severity: 'ok', about, measured }
  return {
    severity: days < 0 ? 'problem' : days < expiryWarningDays ? 'warning' : 'note',
    about,
    measured,
    advice: renewal
  }
}

export const certificatesCheck: Check = {
  name: 'certificates',
  run: async ({ clock, clusters, config, signal }) => {
    const found = await Promise.all((['source', 'target'] as const).map(async side => {
      const end = config[side]
      const { brokers } = clusters[`${side}Description`]
      const shown = await Promise.all(brokers.slice(0, measuredBrokersMax)
        .map(async ({ host, id, port }) => usesTls(end)
          ? await ofBroker(end, { host, port }, id, signal)
          : []))
      return [...configured(end), ...shown.flat()]
    }))
    const all = found.flat()
    return all.length === 0
      ? [{ severity: 'ok', about: config.name, measured: 'no cluster uses TLS' }]
      : all.map(expiry => judgeCertificate(expiry, clock.now()))
  }
}

function usesTls ({ client }: FlowEnd): boolean {
  return /ssl/i.test(client['security.protocol'] ?? '')
}

function configured ({ alias, certificates }: FlowEnd): readonly CertificateExpiry[] {
  return certificates.map(certificate => ({
    about: alias,
    endMs: certificate.endMs,
    what: certificateName(certificate),
    renewal: certificate.of === 'client'
      ? `Renew the certificate in ${alias}.ssl.keystore.location; a running process reads it again`
      : `Add the new authority to ${alias}.ssl.truststore.location before this one expires`
  }))
}

async function ofBroker (
  { admin, alias }: FlowEnd, address: { readonly host: string, readonly port: number },
  id: number, signal: AbortSignal
): Promise<readonly CertificateExpiry[]> {
  const endMs = await brokerCertificate(address, admin.properties, signal)
  return endMs === undefined
    ? []
    : [{
        about: `broker ${id} of ${alias}`,
        what: 'its certificate',
        endMs,
        renewal: 'Renew the certificate of the broker: no client can connect after that'
      }]
}
