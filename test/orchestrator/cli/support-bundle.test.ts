// The archive for a helper: what is in it where nothing answers, and that no secret is, whichever
// way the file spells it.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseTarGzip } from 'nanotar'
import {
  redactFile, secretsOf, withoutSecrets
} from '../../../src/orchestrator/cli/bundle-redaction.ts'
import { createConfig } from '../config/create-config.ts'
import { runCaptured } from './run-program.ts'

const secret = 'hunter2-of-nobody'
const module = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const lines = [
  `# the old password was ${secret}`,
  'clusters = A, B',
  'A->B.enabled = true',
  'A->B.topics = orders',
  'A.bootstrap.servers = 127.0.0.1:1',
  'B.bootstrap.servers = 127.0.0.1:1',
  'admin.timeout.ms = 300',
  'metrics.port = -1',
  `api.token = ${secret}-of-24-characters`,
  'security.protocol = SASL_PLAINTEXT',
  'A.sasl.mechanism = PLAIN',
  `A.sasl.jaas.config = ${module} required \\`,
  `  username="u" password="${secret}";`,
  'B.sasl.mechanism = OAUTHBEARER',
  `B.sasl.jaas.config = x.OAuthBearerLoginModule required clientId="i" clientSecret="${secret}";`,
  `B.sasl.oauthbearer.token.endpoint.url = http://u:${secret}@127.0.0.1:1/token?key=${secret}`
]

function createFolder (t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-bundle-'))
  t.after(() => { rmSync(folder, { recursive: true, force: true }) })
  return folder
}

async function bundleOf (
  t: TestContext, more: readonly string[], args: readonly string[] = []
): Promise<{ texts: ReadonlyMap<string, string>, written: string, to: string, file: string }> {
  const folder = createFolder(t)
  const [file, to, log] = ['a.properties', 'a.tar.gz', 'a.log'].map(name => join(folder, name))
  writeFileSync(file ?? '', [...lines, ...more].join('\n'))
  writeFileSync(log ?? '', `first line\nlogged by mistake: ${secret}\nlast line\n`)
  const { exitCode, written } = await runCaptured(
    ['support-bundle', file ?? '', '--to', to ?? '', '--log', log ?? '', ...args])
  assert.equal(exitCode, 0, written)
  const parts = await parseTarGzip(readFileSync(to ?? ''))
  const texts = new Map(parts.map(({ name, text }) => [name.replace(/^[^/]*\//, ''), text]))
  return { texts, written, to: to ?? '', file: file ?? '' }
}

test('the archive has the file, validate, state, log and limits, and no secret', {
  timeout: 120_000
}, async t => {
  const { file, texts, to, written } = await bundleOf(t, [])
  assert.deepEqual([...texts.keys()], [
    'properties.txt', 'versions.txt', 'validate.txt', 'doctor.txt', 'flows.json', 'log.txt',
    'limits.txt'
  ])
  for (const [name, text] of texts) assert.doesNotMatch(text, /hunter2/, name)
  assert.doesNotMatch(written, /hunter2/)
  const properties = texts.get('properties.txt') ?? ''
  assert.match(properties, /^A->B\.topics = orders$/m)
  assert.match(properties, /^api\.token = \[redacted\]$/m)
  assert.match(properties, /token\.endpoint\.url = http:\/\/\[redacted\]@127\.0\.0\.1:1\/token\?/)
  assert.match(texts.get('validate.txt') ?? '', /A->B[^]*exit code 3/)
  assert.match(texts.get('doctor.txt') ?? '', /A->B: 1 problem[^]*exit code 10/)
  assert.match(texts.get('flows.json') ?? '', /"flow": "A->B"/)
  assert.match(texts.get('log.txt') ?? '', /^first line\nlogged by mistake: \[redacted\]\nlast/)
  assert.match(texts.get('limits.txt') ?? '', /Max open files/)
  assert.match(texts.get('versions.txt') ?? '', /^longhaul \d/)
  assert.equal(statSync(to).mode & 0o777, 0o600)
  const again = await runCaptured(['support-bundle', file, '--to', to])
  assert.equal(again.exitCode, 1)
  assert.match(again.written, /EEXIST/)
})

test('the result of doctor can be left out', { timeout: 120_000 }, async t => {
  const { texts } = await bundleOf(t, [], ['--no-doctor'])
  assert.ok(texts.has('validate.txt') && !texts.has('doctor.txt'))
})

test('a file with errors and misspelt names still makes an archive without secrets', {
  timeout: 120_000
}, async t => {
  const { texts } = await bundleOf(t, [
    `A.sasl.pasword = ${secret}`, `A.sasl.jaas.confg = password="${secret}"`,
    `B.ssl.keystore.passwd = ${secret}`, `B.ssl.key.password = ${secret}`, 'lanes = many'
  ], ['-X', `A.sasl.password=${secret}`])
  assert.match(texts.get('validate.txt') ?? '', /lanes=many[^]*exit code 2/)
  for (const [name, text] of texts) assert.doesNotMatch(text, /hunter2/, name)
})

test('each kind of secret in a file is hidden, and known as one for other texts', () => {
  const cases: ReadonlyArray<readonly [line: string, secret: string]> = [
    ['A.sasl.password = one-1', 'one-1'],
    ['A.sasl.pasword = two-2', 'two-2'],
    ['A.sasl.jaas.confg = x required password="three-3";', 'three-3'],
    ['A.x.clientSecret = four-4', 'four-4'],
    ['A.sasl.jass.config = x required username="u" password="ten-10";', 'ten-10'],
    ['A.url = https://u:five-5@host/p', 'five-5'],
    ['A.url = https://host/p?key=six-6', 'six-6'],
    ['A.ssl.keystore.passwd = a\\\n  seven-7', 'aseven-7']
  ]
  for (const [line, hidden] of cases) {
    const { secrets, text } = redactFile(`${line}\n`)
    assert.ok(!text.includes(hidden), text)
    assert.ok(secrets.includes(hidden), `${line}: ${secrets.join(' ')}`)
  }
  const ofCommand = redactFile('', ['A.sasl.password=eight-8'])
  assert.deepEqual(ofCommand, { text: 'A.sasl.password = [redacted]\n', secrets: ['eight-8'] })
  assert.equal(redactFile('# nine-9\n').text.includes('nine-9'), false)
})

test('the secrets of the configuration in use are known, wherever it has them from', () => {
  const config = createConfig([
    'api.token = ${env:TOKEN}', 'A.security.protocol = SASL_SSL', 'A.sasl.mechanism = PLAIN',
    `A.sasl.jaas.config = ${module} required username="u" password="\${env:PASSWORD}";`
  ], { environment: { TOKEN: 'a-token-of-24-characters', PASSWORD: 'of-the-environment' } })
  const secrets = secretsOf(config)
  assert.ok(secrets.includes('a-token-of-24-characters'))
  assert.ok(secrets.includes('of-the-environment'))
})

test('a reference to a secret stays, because it names only a place', () => {
  const { secrets, text } = redactFile('api.token = ${env:LONGHAUL_TOKEN}\n')
  assert.equal(text, 'api.token = ${env:LONGHAUL_TOKEN}\n')
  assert.deepEqual(secrets, [])
})

test('a secret that contains another one is removed as a whole', () => {
  assert.equal(withoutSecrets('x abcd-efgh y abcd', ['abcd', 'abcd-efgh', '']),
    'x [redacted] y [redacted]')
})
