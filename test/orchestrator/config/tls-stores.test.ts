// Trust stores and key stores from keytool, in each of its formats.
import assert from 'node:assert/strict'
import {
  createHash, createPrivateKey, generateKeyPairSync, X509Certificate
} from 'node:crypto'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { certificateEnds } from '../../../src/orchestrator/config/certificates.ts'
import { createFlow, problemsOf, twoClusters } from './create-config.ts'

const load = createRequire(import.meta.url)
const forge = createRequire(load.resolve('jks-js'))('node-forge') as Forge
const skip = spawnSync('keytool', ['-version']).error === undefined ? false : 'no keytool here'
let directory = ''
const readFile = (path: string) => readFileSync(path)
const at = (name: string) => join(directory, name)

/** A JVM that lives for a second is cheapest so. */
const shortLived = ['-J-XX:+UseSerialGC', '-J-XX:TieredStopAtLevel=1']

function keytool (...options: readonly string[]): void {
  execFileSync('keytool', [...shortLived, ...options, '-noprompt'], { stdio: 'pipe' })
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

test('a PKCS12 key store is read by librdkafka', { skip }, () => {
  const { client } = createFlow([
    `A.ssl.keystore.location = ${at('key.PKCS12')}`, 'A.ssl.keystore.password = secret1'
  ], { readFile }).source
  assert.equal(client['ssl.keystore.location'], at('key.PKCS12'))
  assert.equal(client['ssl.keystore.password'], 'secret1')
})

test('PEM files are passed on by their paths', { skip }, () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-passout', 'pass:x',
    '-subj', '/CN=own', '-keyout', at('own.key'), '-out', at('own.pem')], { stdio: 'pipe' })
  writeFileSync(at('all.pem'),
    readFileSync(at('own.key'), 'utf8') + readFileSync(at('own.pem'), 'utf8'))
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

test('a missing store is named', () => {
  const problems = problemsOf([...twoClusters, 'A.ssl.keystore.location = /nowhere/x.jks'])
  assert.match(problems.join(), /^A\.ssl\.keystore\.location=\/nowhere\/x\.jks.*cannot be read/)
  assert.match(problemsOf([...twoClusters, 'A.ssl.keystore.key = k']).join(),
    /A\.ssl\.keystore\.key=\[redacted\].*only possible together/)
})

// Java 8 and OpenSSL 1 encrypt certificates with RC2, which OpenSSL 3 refuses. openssl writes the
// certificates of the chain without names.
describe('a PKCS12 key store of older programs', { skip }, () => {
  const openssl = (...options: readonly string[]): void => {
    execFileSync('openssl', options, { stdio: 'pipe', cwd: directory })
  }
  const create = (name: string, ...options: readonly string[]): void => {
    openssl('pkcs12', '-export', '-inkey', 'old.key', '-in', 'old.pem', '-certfile', 'ca.pem',
      '-passout', 'pass:secret1', '-out', name, ...options)
  }
  before(() => {
    const key = ['-newkey', 'rsa:2048', '-nodes', '-subj']
    openssl('req', '-x509', ...key, '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem')
    openssl('req', ...key, '/CN=old', '-keyout', 'old.key', '-out', 'old.csr')
    openssl('x509', '-req', '-in', 'old.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
      '-CAcreateserial', '-out', 'old.pem')
    create('old.p12', '-legacy')
    create('new.p12')
  })

  test('becomes its key and its certificates', () => {
    const { client } = createFlow([
      `A.ssl.keystore.location = ${at('old.p12')}`, 'A.ssl.keystore.password = secret1'
    ], { readFile }).source
    assert.equal(client['ssl.keystore.location'], undefined)
    const chain = client['ssl.certificate.pem']?.match(/-----BEGIN[^-]*-----[^-]*-----END/g) ?? []
    assert.equal(chain.length, 2)
    const certificate = new X509Certificate(client['ssl.certificate.pem'] ?? '')
    assert.equal(certificate.subject, 'CN=old')
    assert.ok(certificate.checkPrivateKey(createPrivateKey(client['ssl.key.pem'] ?? '')))
  })

  // The library threw at a certificate without a name, and the expiry was left out.
  test('shows when its certificate ends', () => {
    for (const store of ['old.p12', 'new.p12']) {
      const { client } = createFlow([
        `A.ssl.keystore.location = ${at(store)}`, 'A.ssl.keystore.password = secret1'
      ], { readFile }).source
      assert.deepEqual(certificateEnds(client, readFile).map(({ of }) => of), ['client'], store)
    }
  })

  test('is refused with a wrong password', () => {
    for (const store of ['old.p12', 'new.p12']) {
      const problems = problemsOf([...twoClusters,
        `A.ssl.keystore.location = ${at(store)}`, 'A.ssl.keystore.password = wrong'
      ], { readFile })
      assert.equal(problems.length, 1)
      assert.match(problems[0] ?? '', /^A\.ssl\.keystore\.password=\[redacted\].*does not open/)
    }
  })
})

// A running flow continues with the former files only if the new ones are refused here.
test('files that another program has not written completely are refused', { skip }, () => {
  const pem = readFileSync(at('me.pem'), 'utf8')
  const key = readFileSync(at('key.PKCS12'))
  const cases: ReadonlyArray<readonly [content: string | Buffer, refused: RegExp]> = [
    ['', /is empty/],
    ['garbage', /is neither a JKS store, nor a PKCS#12 store, nor PEM/],
    [pem.slice(0, pem.length / 2), /ends within a certificate/],
    [pem + pem.slice(0, pem.length / 2), /ends within a certificate/],
    [key.subarray(0, key.length / 2), /cannot be read/]
  ]
  for (const [content, refused] of cases) {
    writeFileSync(at('written'), content)
    for (const store of ['truststore', 'keystore']) {
      const problems = problemsOf([...twoClusters, `A.ssl.${store}.location = ${at('written')}`,
        `A.ssl.${store}.password = secret1`], { readFile })
      assert.match(problems.join(), new RegExp(`^A\\.ssl\\.${store}\\.location=`))
      assert.match(problems.join(), refused)
    }
  }
  writeFileSync(at('written'), pem)
  assert.match(problemsOf([...twoClusters, `A.ssl.keystore.location = ${at('written')}`],
    { readFile }).join(), /holds no key/)
})

test('a wrong password of the key in a JKS store is named', { skip }, () => {
  assert.match(problemsOf([...twoClusters, `A.ssl.keystore.location = ${at('key.JKS')}`,
    'A.ssl.keystore.password = secret1', 'A.ssl.key.password = wrong'], { readFile }).join(),
  /^A\.ssl\.key\.password=\[redacted\].*does not open with this password/)
})

describe('a key that does not belong to its certificate', { skip }, () => {
  const refused =
    /^A\.ssl\.keystore\.location=\S+.*: the key does not belong to the certificate; /

  /** From another pair than `me.pem`, which is RSA. */
  const otherKey = (type: 'ec' | 'rsa'): string => {
    const { privateKey } = type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }

  for (const type of ['ec', 'rsa'] as const) {
    test(`is refused in a PEM file: ${type}`, () => {
      writeFileSync(at(`${type}.pem`), otherKey(type) + readFileSync(at('me.pem'), 'utf8'))
      const problems = problemsOf([...twoClusters, 'A.security.protocol = SSL',
        'A.ssl.keystore.type = PEM', `A.ssl.keystore.location = ${at(`${type}.pem`)}`
      ], { readFile })
      assert.equal(problems.length, 1)
      assert.match(problems[0] ?? '', refused)
    })
  }

  // keytool and openssl create no such stores; a script that combines files may.
  test('is refused in a JKS store', () => {
    const other = ['-keystore', at('other.JKS'), '-storetype', 'JKS', '-storepass', 'secret1']
    keytool('-genkeypair', '-alias', 'me', '-keyalg', 'RSA', '-keysize', '2048',
      '-dname', 'CN=me', '-keypass', 'secret1', ...other)
    const mixed = jksWithKeyOf(readFile(at('other.JKS')), readFile(at('key.JKS')), 'secret1')
    writeFileSync(at('mixed.JKS'), mixed)
    const problems = problemsOf([...twoClusters, 'A.security.protocol = SSL',
      `A.ssl.keystore.location = ${at('mixed.JKS')}`, 'A.ssl.keystore.password = secret1'
    ], { readFile })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', refused)
  })

  test('is refused in a PKCS12 store', () => {
    const store = forge.pkcs12.toPkcs12Asn1(forge.pki.privateKeyFromPem(otherKey('rsa')),
      [forge.pki.certificateFromPem(readFileSync(at('me.pem'), 'utf8'))], 'secret1',
      { friendlyName: 'me' })
    writeFileSync(at('other.p12'), Buffer.from(forge.asn1.toDer(store).getBytes(), 'binary'))
    const problems = problemsOf([...twoClusters, 'A.security.protocol = SSL',
      `A.ssl.keystore.location = ${at('other.p12')}`, 'A.ssl.keystore.password = secret1'
    ], { readFile })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', refused)
  })
})

/** Two stores of one key, under one name: the key of one with the certificate of the other. */
function jksWithKeyOf (key: Buffer, certificate: Buffer, password: string): Buffer {
  // Magic, version, count, tag; then name, time and key, each after its length except the time.
  const endOfKey = (store: Buffer): number => {
    const lengthAt = 16 + 2 + store.readUInt16BE(16) + 8
    return lengthAt + 4 + store.readUInt32BE(lengthAt)
  }
  const digestBytes = 20
  const content = Buffer.concat([key.subarray(0, endOfKey(key)),
    certificate.subarray(endOfKey(certificate), -digestBytes)])
  const digest = createHash('sha1')
    .update(Buffer.from(password, 'utf16le').swap16()).update('Mighty Aphrodite').update(content)
  return Buffer.concat([content, digest.digest()])
}

/** The certificate library of jks-js. */
interface Forge {
  readonly asn1: { toDer (asn1: object): { getBytes (): string } }
  readonly pki: {
    certificateFromPem (pem: string): object
    privateKeyFromPem (pem: string): object
  }
  readonly pkcs12: {
    toPkcs12Asn1 (key: object, certificates: readonly object[], password: string,
      options: { readonly friendlyName: string }): object
  }
}

// Regression: the client of the first connection reported it, in librdkafka's words, and only for a
// flow that was started.
test('a file that only librdkafka would read is refused if it cannot be read', () => {
  const lines = (path: string): readonly string[] =>
    [...twoClusters, 'A.security.protocol = SSL', `A.ssl.ca.location = ${path}`]
  const problems = problemsOf(lines(at('missing.pem')), { readFile })
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /^A\.ssl\.ca\.location=.*the file cannot be read: ENOENT/)
  assert.deepEqual(problemsOf(lines(directory), { readFile }), [], 'a folder of authorities')
  const unused = [...twoClusters, `A.ssl.ca.location = ${at('missing.pem')}`]
  assert.deepEqual(problemsOf(unused, { readFile }), [])
})
