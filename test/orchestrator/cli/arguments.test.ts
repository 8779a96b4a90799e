// What commands answer to arguments that are mistyped or do not fit, before they reach a cluster.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCaptured } from './run-program.ts'

const noTime = ['--quiet-seconds', 'abc']

/** `FILE` stands for the configuration file. */
const rows: ReadonlyArray<readonly [args: readonly string[], exitCode: number, text: RegExp]> = [
  // Regression: --topics set the filter of the file, and the whole flow was paused.
  [['pause', 'FILE', '--topics', 'orders', '--reason', 'x'], 2,
    /unknown option '--topics'[^]*Did you mean --topic\?/],
  [['resume', 'FILE', '--topics', 'orders', '--reason', 'x'], 2, /unknown option '--topics'/],
  [['throttle', 'FILE', '--rate', 'abc', '--reason', 'x'], 2, /--rate=abc: allowed is/],
  [['throttle', 'FILE', '--reason', 'x'], 2, /needs --rate, or --topic and --share/],
  // A rate is that of the whole flow.
  [['throttle', 'FILE', '--rate', '1MiB', '--topic', 'a', '--reason', 'x'], 2, /need each other/],
  [['throttle', 'FILE', '--share', '30', '--reason', 'x'], 2, /need each other/],
  [['throttle', 'FILE', '--rate', '1MiB', '--topic', 'a', '--share', '30', '--reason', 'x'], 2,
    /a throttle has either --rate, or --topic and --share/],
  ...['0', '101', '1.5', '30%', ''].map(share =>
    [['throttle', 'FILE', '--topic', 'a', '--share', share, '--reason', 'x'], 2,
      /--share=[^ ]*: allowed is a whole number of percent from 1 to 100, file/] as const),
  // Regression: wait answered as if a process had not.
  ...[['topics'], ['groups'], ['top'], ['wait', '--caught-up']].map(command =>
    [[...command, 'FILE', '--url', 'nowhere'], 2, /error: .*--url=nowhere is not a URL/] as const),
  [['partitions', 'list', 'FILE', '--state', 'nosuch'], 2,
    /'nosuch' is invalid\. Allowed choices are starting, .*, faulted, removed, unknown\./],
  [['partitions', 'retry', 'FILE', '--topics', 'x', '--reason', 'x'], 2, /unknown option/],
  ...['', ' ', 'two\nlines', 'a\u009b2J'].map(reason =>
    [['pause', 'FILE', '--reason', reason], 2, /^error: --reason: say why/] as const),
  [['migrate', 'FILE', ...noTime], 2, /^error: --quiet-seconds abc: must be a whole number from 0/],
  // Before any cluster is asked.
  [['migrate', 'FILE', '--yes', '--wait-seconds', '-1'], 2, /^error: --wait-seconds -1: must be/],
  [['offsets', 'import-mm2', 'FILE', ...noTime], 2, /--quiet-seconds abc: must be a whole/],
  [['migrate', 'FILE', '-o', 'yaml'], 0, /^- text: "?While MirrorMaker 2 runs/],
  [['acls', 'FILE', '-o', 'yaml'], 0, /^- cluster: A\n/],
  // The archive has one format.
  [['support-bundle', 'FILE', '--to', 'x', '-o', 'json'], 2, /unknown option '-o'/],
  [['migrate', 'FILE', '--quiet-seconds', '12'], 0, /migrate \S+ --quiet-seconds 12 --yes/],
  // The connectors of two flows have different names, and an option is for all flows of a command.
  [['migrate', 'FILE', '--flow', 'A->B'], 0, /migrate \S+ --flow 'A->B' --yes/],
  [['offsets', 'import-mm2', 'FILE', '--flow', 'A->C'], 2, /--flow=A->C: the file enables A->B/],
  [['offsets', 'export-mm2', 'FILE', '--flow', 'A->C'], 2, /--flow=A->C: the file enables A->B/],
  [['offsets', 'import', 'FILE', '--from', '/nowhere.json'], 2,
    /^error: --from \/nowhere\.json cannot be read: ENOENT/],
  // The last line says how the process ends: the error before it reads like that of a first try.
  [['run', 'FILE'], 3, /no flow could start: the process ends"[^\n]*\n$/]
]

for (const [args, exitCode, text] of rows) {
  test(`longhaul ${args.join(' ')}: exit code ${exitCode}`, async t => {
    const result = await run(t, args)
    assert.equal(result.exitCode, exitCode, result.written)
    assert.match(result.written, text)
  })
}

async function run (
  t: TestContext, args: readonly string[]
): Promise<{ readonly exitCode: number, readonly written: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-arguments-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const file = join(folder, 'mm2.properties')
  // No process listens on this port.
  writeFileSync(file, ['clusters = A, B', 'A->B.enabled = true', 'admin.timeout.ms = 500',
    'A.bootstrap.servers = 127.0.0.1:1', 'B.bootstrap.servers = 127.0.0.1:1', 'metrics.port = -1'
  ].join('\n'))
  return await runCaptured(args.map(arg => arg === 'FILE' ? file : arg))
}
