// The test runner of .ci/: which files it finds, in which order and how many at a time they run,
// how they are judged, and what happens if ThreadSanitizer cannot run.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { repoRoot } from './kafka/repo-root.ts'

interface Counts { readonly passed: number, readonly failed: number, readonly skipped: number }
interface Result extends Counts {
  readonly note: string
  readonly output: string
  readonly cpuSeconds: number
}

interface JobModule {
  readTimes (text: string): number
  countTests (text: string): Counts | undefined
  judge (job: object, run: object): Counts & { readonly note: string }
  runJob (job: object, root: string): Promise<Result>
}

interface SummaryModule {
  printResult (result: object, isShown: boolean): void
}

interface SlotsModule {
  chooseSlots (machine: object): { readonly slots: number, readonly hasSpare: boolean }
  runInSlots (jobs: readonly object[], options: object): Promise<readonly object[]>
}

interface FilesModule {
  listTestFiles (root: string): Record<'unit' | 'cluster' | 'long' | 'versions', string[]>
}

/** The scripts of .ci/ are plain JavaScript without types; Shape is what a test uses of one. */
async function load<Shape> (script: string): Promise<Shape> {
  return await import(pathToFileURL(join(repoRoot(), '.ci/test-run', script)).href) as Shape
}

function createFolder (t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-test-run-'))
  t.after(() => { rmSync(folder, { recursive: true, force: true }) })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { mode: 0o755 })
  }
  return folder
}

describe('test files', () => {
  test('need brokers if their imports reach the module that starts them; long ones are separate',
    async t => {
      const { listTestFiles } = await load<FilesModule>('test-files.mjs')
      const root = createFolder(t, {
        'dist/test/kafka/cluster.js': '',
        'dist/test/flows.js': 'import { a } from "./kafka/cluster.js"\nimport "./circle.js"\n',
        'dist/test/circle.js': 'export * from "./flows.js"\n',
        'dist/test/a/far.test.js': 'const b = await import(\'../circle.js\')\n',
        'dist/test/a/pure.test.js': '// from "../circle.js"\nimport "./missing.js"\n',
        'dist/test/a/day.long.test.js': '',
        'dist/test/a/all.versions.test.js': ''
      })
      assert.deepEqual(listTestFiles(root), {
        unit: ['dist/test/a/pure.test.js'],
        cluster: ['dist/test/a/far.test.js'],
        long: ['dist/test/a/day.long.test.js'],
        versions: ['dist/test/a/all.versions.test.js']
      })
    })
})

/** Which jobs run each time one begins; those whose name begins with n have low priority. */
async function namesTogether (
  slots: object, jobs: ReadonlyArray<readonly [name: string, seconds: number]>
): Promise<readonly string[][]> {
  const { runInSlots } = await load<SlotsModule>('slots.mjs')
  const present = new Set<string>()
  const together: string[][] = []
  await runInSlots(jobs.map(([name, expectedSeconds]) =>
    ({ name, expectedSeconds, nice: name.startsWith('n') ? 10 : undefined })), {
    ...slots,
    lastSeconds: new Map(),
    onEnd: () => {},
    run: async ({ name }: { readonly name: string }) => {
      present.add(name)
      together.push([...present].sort())
      await new Promise(resolve => { setImmediate(resolve) })
      present.delete(name)
      return { name }
    }
  })
  return together
}

describe('jobs', () => {
  test('begin with the longest, as many at a time as there are slots', async () => {
    const { runInSlots } = await load<SlotsModule>('slots.mjs')
    const begun: string[] = []
    let [present, most] = [0, 0]
    const jobs = ['a', 'b', 'c', 'd'].map((name, index) =>
      ({ name, expectedSeconds: [1, 9, 5, 7][index] }))
    const results = await runInSlots(jobs, {
      slots: 2,
      lastSeconds: new Map([['b', 2]]),
      onEnd: () => {},
      run: async ({ name }: { readonly name: string }) => {
        begun.push(name)
        most = Math.max(most, ++present)
        await new Promise(resolve => { setImmediate(resolve) })
        present -= 1
        return { name }
      }
    })
    assert.deepEqual(begun, ['d', 'c', 'b', 'a'])
    assert.equal(most, 2)
    assert.equal(results.length, 4)
  })

  test('of low priority run one at a time beside the others, and in free slots', async () => {
    const together = await namesTogether({ slots: 1 },
      [['n1', 9], ['n2', 8], ['n3', 7], ['a', 2], ['b', 1]])
    assert.deepEqual(together[1], ['a', 'n1'])
    assert.deepEqual(together.at(-1), ['n2', 'n3'])
    for (const names of together) {
      assert.ok(names.length <= 2 && names.join() !== 'a,b', names.join())
    }
  })

  test('run in the slot of those of low priority too, once these have ended', async () => {
    const together = await namesTogether({ slots: 1, hasSpare: true },
      [['n1', 9], ['a', 4], ['b', 3], ['c', 2]])
    assert.deepEqual(together[1], ['a', 'n1'])
    assert.deepEqual(together.at(-1), ['b', 'c'])
    // There is no such slot for the long tests, of which some measure throughput.
    const alone = await namesTogether({ slots: 1, hasSpare: true }, [['a', 2], ['b', 1]])
    assert.deepEqual(alone, [['a'], ['b']])
  })

  test('are as many as the memory holds, and as many as are wanted', async () => {
    const { chooseSlots } = await load<SlotsModule>('slots.mjs')
    const gigabyte = 1024 ** 3
    const choose = (wanted: number, gigabytes: number, processors: number): object =>
      chooseSlots({ wanted, memoryBytes: gigabytes * gigabyte, processors })
    assert.deepEqual(choose(Number.NaN, 4, 2), { slots: 2, hasSpare: false })
    assert.deepEqual(choose(Number.NaN, 16, 2), { slots: 2, hasSpare: true })
    assert.deepEqual(choose(Number.NaN, 16, 8), { slots: 5, hasSpare: false })
    assert.deepEqual(choose(1, 64, 8), { slots: 1, hasSpare: false })
    // The selection of tests has a usual number; the environment wins.
    const memoryBytes = 64 * gigabyte
    const usual = (wanted: number): object =>
      chooseSlots({ wanted, memoryBytes, processors: 8, usual: 4 })
    assert.deepEqual(usual(Number.NaN), { slots: 4, hasSpare: false })
    assert.deepEqual(usual(1), { slots: 1, hasSpare: false })
  })

  test('tell how much of the processors they and their children used', async t => {
    const { readTimes, runJob } = await load<JobModule>('job.mjs')
    assert.equal(readTimes('0m0.010s 0m0.000s\n1m2.500s 0m0.250s\n'), 62.76)
    const folder = createFolder(t, {
      busy: '#!/bin/sh\nsh -c "i=0; while [ \\$i -lt 200000 ]; do i=\\$((i+1)); done"\n' +
        'kill -ABRT $$\n'
    })
    const job = { name: 'busy', command: join(folder, 'busy'), args: [], limitSeconds: 60 }
    const { cpuSeconds, note } = await runJob(job, folder)
    assert.ok(cpuSeconds > 0.02, `${cpuSeconds} s`)
    assert.equal(note, 'exit status SIGABRT')
  })

  test('that outlive their limit are stopped, and fail', async t => {
    const { runJob } = await load<JobModule>('job.mjs')
    const folder = createFolder(t, { sleeper: '#!/bin/sh\necho sleeping; sleep 300\n' })
    const job = { name: 'sleeper', command: join(folder, 'sleeper'), args: [], limitSeconds: 0.3 }
    const { failed, note, output } = await runJob(job, folder)
    assert.equal(failed, 1)
    assert.equal(note, 'stopped after its limit of 0.3 s')
    assert.match(output, /sleeping/)
  })
})

describe('a result', () => {
  const nodeEnd = 'ℹ tests 5\nℹ pass 2\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\n'
  const doctestEnd = '[doctest] test cases:  4 |  3 passed | 1 failed | 0 skipped\n'

  test('has the counts that node and doctest print at their end', async () => {
    const { countTests } = await load<JobModule>('job.mjs')
    assert.deepEqual(countTests(nodeEnd), { passed: 2, failed: 2, skipped: 1 })
    // A file that prints the output of another runner.
    const both = nodeEnd.replaceAll(/\d/g, '9') + nodeEnd
    assert.deepEqual(countTests(both), { passed: 2, failed: 2, skipped: 1 })
    assert.deepEqual(countTests(doctestEnd), { passed: 3, failed: 1, skipped: 0 })
    assert.equal(countTests('checksum 1'), undefined)
  })

  test('fails by the exit status, whatever the counts', async () => {
    const { judge } = await load<JobModule>('job.mjs')
    const failed = (run: object): number => judge({ limitSeconds: 1 }, run).failed
    assert.equal(judge({ limitSeconds: 1 }, { code: 0, output: '', timedOut: true }).passed, 0)
    const allGood = '[doctest] test cases: 4 | 4 passed | 0 failed | 0 skipped\n'
    assert.equal(failed({ code: 0, output: allGood, timedOut: false }), 0)
    // A sanitizer ends the process with another status after doctest counted all tests as passed.
    assert.equal(failed({ code: 66, output: allGood, timedOut: false }), 1)
    assert.equal(failed({ code: 'SIGSEGV', output: '', timedOut: false }), 1)
    assert.equal(failed({ code: 0, output: allGood, timedOut: true }), 1)
    assert.equal(failed({ code: 0, output: '', timedOut: false }), 0)
  })
})

describe('a test file', () => {
  const run = async (t: TestContext, text: string): Promise<Result> => {
    const { runJob } = await load<JobModule>('job.mjs')
    const folder = createFolder(t, { 'one.test.mjs': `import { test } from 'node:test'\n${text}` })
    return await runJob({
      name: 'one',
      mustCount: true,
      command: process.execPath,
      args: ['--test-reporter=spec', join(folder, 'one.test.mjs')],
      limitSeconds: 60
    }, folder)
  }

  test('passes and fails by its tests', async t => {
    const text = "test('good', () => {})\n"
    assert.deepEqual(countsOf(await run(t, text)), { failed: 0, note: '', passed: 1 })
    assert.deepEqual(countsOf(await run(t, `${text}test('bad', () => { throw new Error() })`)),
      { failed: 1, note: '', passed: 1 })
    const { failed, output } = await run(t, `${text}throw new Error('loading')`)
    assert.equal(failed, 1)
    assert.match(output, /Error: loading/)
  })

  // With --test such a file passed with the tests that it had reported.
  test('fails if its process ends before its tests, however it ends', async t => {
    const late = "test('late', async () => { await new Promise(() => {}) })\n"
    const ends = (how: string): string => `setTimeout(() => { ${how} }, 50)\n${late}`
    assert.deepEqual(countsOf(await run(t, ends('process.exit(0)'))),
      { failed: 1, note: 'ended before its tests', passed: 0 })
    assert.deepEqual(countsOf(await run(t, ends("process.kill(process.pid, 'SIGSEGV')"))),
      { failed: 1, note: 'exit status SIGSEGV', passed: 0 })
  })
})

const countsOf = ({ failed, note, passed }: Result): object => ({ failed, note, passed })

describe('a test file of which nothing ran', () => {
  const reason = 'no /usr/sbin/krb5kdc: apt-get install krb5-kdc'

  // Node prints 0 tests, 0 skipped, for a suite that is skipped; the line was "ok ... 0 passed".
  test('is skipped with its reason, not ok', async t => {
    const { runJob } = await load<JobModule>('job.mjs')
    const folder = createFolder(t, {
      'realm.test.mjs': "import { describe, test } from 'node:test'\n" +
        `describe('logins', { skip: '${reason}' }, () => { test('one', () => {}) })\n`
    })
    const result = await runJob({
      name: 'realm',
      stage: 'long',
      command: process.execPath,
      args: ['--test-reporter=spec', join(folder, 'realm.test.mjs')],
      limitSeconds: 60
    }, folder)
    const { failed, note, passed, skipped } = result
    assert.deepEqual({ failed, note, passed, skipped },
      { failed: 0, note: `skipped: ${reason}`, passed: 0, skipped: 1 })
    const lines: unknown[] = []
    t.mock.method(console, 'log', (line: unknown) => { lines.push(line) })
    const { printResult } = await load<SummaryModule>('summary.mjs')
    printResult(result, false)
    assert.match(String(lines), /^skipped .* long +realm: 0 passed \(skipped: no .*krb5-kdc\)$/)
  })

  test('passes as far as its other tests pass', async () => {
    const { judge } = await load<JobModule>('job.mjs')
    const output = '✔ one (1ms)\n﹣ two (1ms) # no ::1\nℹ pass 1\nℹ fail 0\nℹ cancelled 0\n' +
      'ℹ skipped 1\n'
    assert.deepEqual(judge({ limitSeconds: 1 }, { code: 0, output, timedOut: false }),
      { passed: 1, failed: 0, skipped: 1, note: '' })
  })
})

describe('ThreadSanitizer on a kernel with much address randomization', () => {
  /**
   * Runs once `setarch` has set the variable; before that it prints the text of ThreadSanitizer.
   */
  const sanitized = '#!/bin/sh\n[ "$RANDOM_ADDRESSES" = no ] || {\n' +
    '  echo "FATAL: ThreadSanitizer: unexpected memory mapping 0x7f-0x80" >&2; exit 66\n}\n' +
    'echo "[doctest] test cases: 4 | 4 passed | 0 failed | 0 skipped"\n'

  const runWith = async (t: TestContext, setarch: string): Promise<Result> => {
    const { runJob } = await load<JobModule>('job.mjs')
    const folder = createFolder(t, { sanitized, 'bin/setarch': setarch })
    const path = process.env['PATH'] ?? ''
    t.after(() => { process.env['PATH'] = path })
    process.env['PATH'] = `${join(folder, 'bin')}${delimiter}${path}`
    return await runJob(
      { name: 'tsan', command: join(folder, 'sanitized'), args: [], limitSeconds: 60 }, folder)
  }

  test('runs without it if setarch is permitted', async t => {
    const { failed, passed } = await runWith(t,
      '#!/bin/sh\nshift\nRANDOM_ADDRESSES=no exec "$@"\n')
    assert.deepEqual({ failed, passed }, { failed: 0, passed: 4 })
  })

  // In a default container seccomp refuses personality(2). Regression: the whole suite failed.
  test('is skipped with the reason if setarch is refused', async t => {
    const { failed, note, passed, skipped } = await runWith(t,
      '#!/bin/sh\necho "setarch: failed to set personality: not permitted" >&2\nexit 1\n')
    assert.deepEqual({ failed, passed, skipped }, { failed: 0, passed: 0, skipped: 1 })
    assert.match(note, /^skipped: ThreadSanitizer needs .* "setarch -R" is not permitted here/)
  })
})
