// No command shows a secret, whatever errors the file, the clusters or the command line have.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { killChild, spawnGuarded } from '../../kafka/process-guard.ts'
import { repoRoot } from '../../kafka/repo-root.ts'
import { runCaptured } from './run-program.ts'

const secret = 'hunter2'
const module = 'org.apache.kafka.common.security.plain.PlainLoginModule'

const sound = [
  'clusters = A, B',
  'A->B.enabled = true',
  // No process listens on this port.
  'A.bootstrap.servers = 127.0.0.1:1',
  'B.bootstrap.servers = 127.0.0.1:1',
  'admin.timeout.ms = 500',
  'metrics.port = -1',
  `api.token = ${secret}-of-24-characters`,
  'security.protocol = SASL_PLAINTEXT',
  'A.sasl.mechanism = PLAIN',
  `A.sasl.jaas.config = ${module} required username="u" password="${secret}";`,
  'B.sasl.mechanism = OAUTHBEARER',
  'B.sasl.jaas.config = x.OAuthBearerLoginModule required clientId="i" ' +
    `clientSecret="${secret}";`,
  `B.sasl.oauthbearer.token.endpoint.url = http://u:${secret}@127.0.0.1:1/token?key=${secret}`
]

/** Misspelt names, a truncated statement, two names for one setting, and similar errors. */
const wrong = [
  `A.sasl.pasword = ${secret}`,
  `A.sasl.jaas.confg = ${module} required username="u" password="${secret}";`,
  `A.admin.sasl.jaas.config = ${module} required username="u" password="${secret}"`,
  `B.ssl.keystore.passwd = ${secret}`,
  `B.sasl.password = ${secret}`,
  `A.ssl.key.password = ${secret}`,
  'A.ssl.keystore.location = /nowhere',
  `A.ssl.keystore.password = ${secret}`,
  `sasl.jaas.config = ${secret}`,
  `password = ${secret}`,
  `api.token = ${secret}`,
  `A->B.topic.orders.sasl.password = ${secret}`,
  `B.producer.basic.auth.user.info = u:${secret}`,
  `A.ssl.truststore.certificates = ${secret}`,
  `username="u" password="${secret}";`
]

const commandLine = ['-X', `A.sasl.password=${secret}`, '-X', `source.ssl.key.password=${secret}`]

const cases = [
  ['a sound file, whose clusters do not answer', sound, []],
  ['a file with many faults', [...sound, ...wrong], []],
  ['a sound file and secrets on the command line', sound, commandLine]
] as const

const commands = [
  ['run'], ['validate'], ['acls'], ['migrate'], ['offsets', 'translate', '--group', 'billing'],
  ['offsets', 'import-mm2'], ['offsets', 'export-mm2'], ['topics'], ['wait', '--caught-up']
] as const

// At the same time: most commands wait for clusters that do not answer.
describe('the output', { concurrency: true }, () => {
  for (const [what, lines, args] of cases) {
    for (const command of commands) {
      test(`longhaul ${command.join(' ')} shows no secret of ${what}`, async t => {
        const folder = mkdtempSync(join(tmpdir(), 'longhaul-secrets-'))
        t.after(() => { rmSync(folder, { recursive: true }) })
        const file = join(folder, 'mm2.properties')
        writeFileSync(file, lines.join('\n'))
        for (const format of ['table', 'json']) {
          const { written } = await runCaptured([...command, '-o', format, ...args, '--', file])
          assert.ok(written.length > 100, written)
          assert.doesNotMatch(written, new RegExp(secret))
        }
      })
    }
  }
})

// Every user of the machine can read the process list.
test('a secret on the command line is not in the list of processes', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-secrets-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const file = join(folder, 'mm2.properties')
  writeFileSync(file, sound.join('\n'))
  const program = join(repoRoot(), 'dist/src/orchestrator/main.js')
  const child = spawnGuarded(process.execPath,
    [program, 'run', file, '-o', 'json', `-XA.ssl.key.password=${secret}`, ...commandLine,
      // The process logs a line at once, and runs until the test has read the list.
      '-X', 'metrics.port=0', '-X', 'admin.timeout.ms=60000'],
    { stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(async () => { await killChild(child) })
  const [firstLine] = await once(child.stderr as Readable, 'data') as [Buffer]
  assert.match(firstLine.toString(), /^{/)
  const shown = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')
  assert.doesNotMatch(shown, new RegExp(secret))
  assert.match(shown, /main\.js run .*mm2\.properties .*A\.sasl\.password=\[redacted\]/)
})
