// Commands whose clusters refuse connections: each names the same cause, with the same exit code.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { exitCodes } from '../../../src/orchestrator/cli/exit-codes.ts'
import { runCaptured } from './run-program.ts'

const properties = `clusters = A, B
A.bootstrap.servers = 127.0.0.1:1
B.bootstrap.servers = 127.0.0.1:2
A->B.enabled = true
A->B.topics = orders
admin.timeout.ms = 3000
log.level = fatal
`

const reason = ['--reason', 'test']
const partition = ['--topic', 'orders', '--partition', '0']

/** `FILE` is the properties file. */
const commands: ReadonlyArray<readonly string[]> = [
  ['validate', 'FILE'],
  ['plan', 'FILE'],
  ['status', 'FILE'],
  ['topics', 'FILE'],
  ['lag', 'FILE'],
  ['members', 'FILE'],
  ['partitions', 'list', 'FILE'],
  ['partitions', 'retry', 'FILE', ...partition, ...reason],
  ['pause', 'FILE', ...reason],
  ['resume', 'FILE', ...reason],
  ['throttle', 'FILE', '--rate', '1MB/s', ...reason],
  ['wait', 'FILE', '--caught-up', '--timeout', '5'],
  ['top', 'FILE'],
  ['offsets', 'translate', 'FILE', ...partition, '--offset', '3'],
  ['offsets', 'translate', 'FILE', '--group', 'readers'],
  ['offsets', 'explain', 'FILE', '--topic', 'orders'],
  ['offsets', 'export', 'FILE'],
  ['offsets', 'import-mm2', 'FILE'],
  ['offsets', 'export-mm2', 'FILE'],
  ['migrate', 'FILE', '--yes'],
  ['tune', 'FILE'],
  ['bench', '--config', 'FILE', '--records', '10']
]

function createFile (t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-unreachable-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const file = join(folder, 'mm2.properties')
  writeFileSync(file, properties)
  return file
}

describe('a command', { concurrency: 8 }, () => {
  for (const command of commands) {
    const name = command.filter(word => word !== 'FILE').join(' ')
    test(`${name} names a cluster that refuses connections`, async t => {
      const file = createFile(t)
      const { exitCode, written } = await runCaptured(
        command.map(word => word === 'FILE' ? file : word))
      // A table breaks lines.
      const text = written.replaceAll(/[\s│]+/g, '')
      assert.match(text, /CLUSTER_UNREACHABLE/, written)
      assert.match(text, /127\.0\.0\.1:[12]/, written)
      assert.match(text, /cluster(A|B)\b|cluster(A|B)(at|:)/, written)
      assert.equal(exitCode, exitCodes.notStarted, written)
    })
  }
})

test('doctor reports a cluster that refuses connections as a problem', async t => {
  const file = createFile(t)
  const { exitCode, written } = await runCaptured(['doctor', file, '-o', 'json'])
  assert.match(written, /a cluster cannot be reached: cluster A: [^"]*127\.0\.0\.1:1/)
  assert.equal(exitCode, exitCodes.unhealthy, written)
})
