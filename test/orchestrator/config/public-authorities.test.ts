// Which certificates a client trusts when its file names no trust store.
import assert from 'node:assert/strict'
import { rootCertificates } from 'node:tls'
import { test } from 'node:test'
import {
  publicAuthorities, usualPlaces
} from '../../../src/orchestrator/config/public-authorities.ts'
import { createFlow } from './create-config.ts'

const files = (held: Readonly<Record<string, string>>) => (path: string) => {
  if (held[path] === undefined) throw new Error(`no such file: ${path}`)
  return Buffer.from(held[path])
}
const [certificate = ''] = rootCertificates

test('the environment comes before the usual places, and these before Node.js', () => {
  const [first = '', second = ''] = usualPlaces
  const system = files({ [first]: 'nothing yet', [second]: certificate })
  const locationOf = (environment: Record<string, string>) =>
    publicAuthorities(environment, system).properties['ssl.ca.location']
  assert.equal(locationOf({ SSL_CERT_FILE: '/own.pem', SSL_CERT_DIR: '/own' }), '/own.pem')
  assert.equal(locationOf({ SSL_CERT_DIR: '/own' }), '/own')
  assert.equal(locationOf({}), second)
  const bare = publicAuthorities({}, files({}))
  assert.ok(bare.properties['ssl.ca.pem']?.includes(rootCertificates[0] ?? '-'))
  assert.match(bare.name, /Node\.js/)
})

test('only a client with TLS and without a trust store trusts them', () => {
  const of = (...lines: string[]) => createFlow(lines, {
    environment: { SSL_CERT_FILE: '/public.pem' }, readFile: files({ '/own.pem': certificate })
  }).source.admin.properties['ssl.ca.location']
  assert.equal(of(), undefined)
  assert.equal(of('A.security.protocol = SASL_SSL', 'A.sasl.mechanism = PLAIN',
    'A.sasl.username = me', 'A.sasl.password = secret'), '/public.pem')
  assert.equal(of('A.security.protocol = SSL', 'A.ssl.truststore.location = /own.pem'), '/own.pem')
})
