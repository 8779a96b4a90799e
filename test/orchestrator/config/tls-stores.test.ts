// Trust stores and key stores that keytool itself makes, in each format that it knows.
import assert from 'node:assert/strict'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createFlow, problemsOf, twoClusters } from './create-config.ts'

const skip = spawnSync('keytool', ['-version']).error === undefined ? false : 'no keytool here'
let directory = ''
const readFile = (path: string) => readFileSync(path)
const at = (name: string) => join(directory, name)

function keytool (...options: readonly string[]): void {
  execFileSync('keytool', [...options, '-noprompt'], { stdio: 'pipe' })
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'longhaul-stores-'))
  if (skip !== false) return
  for (const type of ['JKS', 'PKCS12']) {
    const key = ['-keystore', at(`key.${type}`), '-storetype', type, '-storepass', 'secret1']
    keytool('-genkeypair', '-alias', 'me', '-keyalg', 'RSA', '-keysize', '2048',
      '-dname', 'CN=me', '-keypass', 'secret1', ...key)
    keytool('-exportcert', '-rfc', '-alias', 'me', '-file', at('me.pem'), ...key)
    keytool('-importcert', '-alias', 'ca', '-file', at('me.pem'), '-keystore', at(`ca.${type}`),
      '-storetype', type, '-storepass', 'secret2')
  }
})

after(() => { rmSync(directory, { recursive: true, force: true }) })

for (const type of ['JKS', 'PKCS12']) {
  test(`a ${type} trust store becomes its certificates`, { skip }, () => {
    const { client } = createFlow([
      `A.ssl.truststore.location = ${at(`ca.${type}`)}`, 'A.ssl.truststore.password = secret2',
      `A.ssl.truststore.type = ${type}`
    ], { readFile }).source
    assert.equal(new X509Certificate(client['ssl.ca.pem'] ?? '').subject, 'CN=me')
  })

  test(`a ${type} trust store with a wrong password is refused`, { skip }, () => {
    const problems = problemsOf([...twoClusters,
      `A.ssl.truststore.location = ${at(`ca.${type}`)}`, 'A.ssl.truststore.password = wrong'
    ], { readFile })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^A\.ssl\.truststore\.password=\[redacted\].*does not open/)
  })
}

test('a JKS key store becomes its certificate and its key', { skip }, () => {
  const { client } = createFlow([
    `A.ssl.keystore.location = ${at('key.JKS')}`, 'A.ssl.keystore.password = secret1',
    'A.ssl.key.password = secret1'
  ], { readFile }).source
  const certificate = new X509Certificate(client['ssl.certificate.pem'] ?? '')
  assert.ok(certificate.checkPrivateKey(createPrivateKey(client['ssl.key.pem'] ?? '')))
  assert.equal(client['ssl.keystore.location'], undefined)
  assert.equal(client['ssl.key.password'], undefined)
})

test('a PKCS12 key store is left to librdkafka', { skip }, () => {
  const { client } = createFlow([
    `A.ssl.keystore.location = ${at('key.PKCS12')}`, 'A.ssl.keystore.password = secret1'
  ], { readFile }).source
  assert.equal(client['ssl.keystore.location'], at('key.PKCS12'))
  assert.equal(client['ssl.keystore.password'], 'secret1')
})

test('PEM files are handed over by their paths', () => {
  writeFileSync(at('all.pem'), '-----BEGIN CERTIFICATE-----\n')
  const { client } = createFlow([
    'A.ssl.truststore.type = PEM', `A.ssl.truststore.location = ${at('all.pem')}`,
    'A.ssl.keystore.type = PEM', `A.ssl.keystore.location = ${at('all.pem')}`,
    'A.ssl.key.password = x'
  ], { readFile }).source
  assert.equal(client['ssl.ca.location'], at('all.pem'))
  assert.equal(client['ssl.certificate.location'], at('all.pem'))
  assert.equal(client['ssl.key.location'], at('all.pem'))
  assert.equal(client['ssl.key.password'], 'x')
})

test('a store that is not there is named', () => {
  const problems = problemsOf([...twoClusters, 'A.ssl.keystore.location = /nowhere/x.jks'])
  assert.match(problems.join(), /^A\.ssl\.keystore\.location=\/nowhere\/x\.jks.*cannot be read/)
  assert.match(problemsOf([...twoClusters, 'A.ssl.keystore.key = k']).join(),
    /A\.ssl\.keystore\.key=\[redacted\].*only possible together/)
})
