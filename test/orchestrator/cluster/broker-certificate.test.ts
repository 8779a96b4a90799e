// When the certificate of a broker ends, read from a TLS handshake, whether or not it is accepted.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createServer, type Server } from 'node:tls'
import { brokerCertificate } from '../../../src/orchestrator/cluster/broker-certificate.ts'
import { Certificates, storePassword } from '../../kafka/certificates.ts'

const day = 86_400_000
const signal = new AbortController().signal

describe('the certificate of a broker', () => {
  let certificates: Certificates
  before(async () => { certificates = await Certificates.create() })
  after(() => { certificates.remove() })

  async function endOf (name: string, more: object = {}): Promise<number | undefined> {
    const server: Server = createServer({
      pfx: readFileSync(certificates.path(`${name}.p12`)), passphrase: storePassword, ...more
    })
    server.on('tlsClientError', () => {})
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    try {
      const { port } = server.address() as AddressInfo
      return await brokerCertificate({ host: '127.0.0.1', port },
        { 'ssl.ca.location': certificates.path('ca.pem') }, signal)
    } finally {
      await new Promise(resolve => { server.close(resolve) })
    }
  }

  test('has an end that is known although it has expired, or is another host\'s', async () => {
    const expired = await endOf('expired')
    assert.ok(expired !== undefined && expired < Date.now() && expired > Date.now() - 3 * day)
    const stranger = await endOf('stranger')
    assert.ok(stranger !== undefined && stranger > Date.now() + 28 * day)
  })

  test('is known although the broker asks for a certificate of the client', async () => {
    const end = await endOf('broker', { requestCert: true, rejectUnauthorized: true })
    assert.ok(end !== undefined && end > Date.now() + 28 * day)
  })

  test('is unknown if nobody answers', async () => {
    assert.equal(await brokerCertificate({ host: '127.0.0.1', port: 1 }, {}, signal), undefined)
  })
})
