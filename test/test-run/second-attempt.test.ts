// The second attempt of failed test files, as continuous integration runs them: a whole run of
// .ci/test.mjs in a folder of its own, with test files that fail on purpose.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync }
  from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { repoRoot } from '../kafka/repo-root.ts'

interface Run {
  readonly status: number | null
  readonly text: string
  /** How often each file was run. */
  readonly attempts: (name: string) => number
}

/** A test file that fails in its first attempts, and counts them. */
function failing (name: string, times: number): string {
  return 'import { appendFileSync, readFileSync } from \'node:fs\'\n' +
    'import { test } from \'node:test\'\n' +
    `appendFileSync('${name}.count', '+')\n` +
    `const attempt = readFileSync('${name}.count', 'utf8').length\n` +
    `test('mirrors', () => { if (attempt <= ${times}) throw Error('reason ' + attempt) })\n` +
    'test(\'stops\', () => {})\n'
}

/** A program of the stage c++ that counts its attempts and then ends with `end`. */
function program (end: string): string {
  return `#!/bin/sh\nprintf + >> native_bench.count\n${end}\n`
}

/** Runs the files named "chosen" and the program native_bench, if there are any. */
function runTests (
  t: TestContext, attempts: string | undefined, times: Readonly<Record<string, number>>,
  nativeBench = program('exit 0'), beginning = ''
): Run {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-second-attempt-'))
  t.after(() => { rmSync(folder, { recursive: true, force: true }) })
  cpSync(join(repoRoot(), '.ci'), join(folder, '.ci'), { recursive: true })
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { mode: 0o755 })
  }
  write('package.json', '{ "type": "module" }')
  write('build/Release/native_bench', nativeBench)
  for (const [name, count] of Object.entries(times)) {
    write(`dist/test/chosen-${name}.test.js`, `${failing(name, count)}${beginning}\n`)
  }
  const run = spawnSync(process.execPath, ['.ci/test.mjs', 'chosen', 'native_bench'], {
    cwd: folder,
    encoding: 'utf8',
    // An undefined variable is not passed on.
    env: { ...process.env, LONGHAUL_TEST_ATTEMPTS: attempts, LONGHAUL_TEST_JOBS: '2' }
  })
  return {
    status: run.status,
    text: run.stdout + run.stderr,
    attempts: name => {
      const path = join(folder, `${name}.count`)
      return existsSync(path) ? readFileSync(path, 'utf8').length : 0
    }
  }
}

describe('a second attempt', () => {
  test('lets the run pass, and names the file as flaky with its first output', t => {
    const { attempts, status, text } = runTests(t, '2', { once: 1, never: 0 })
    assert.equal(status, 0, text)
    assert.deepEqual(['once', 'never', 'native_bench'].map(attempts), [2, 1, 1])
    const tail = text.slice(text.indexOf('== FLAKY chosen-once: its first attempt'))
    assert.match(tail, /Error: reason 1/)
    assert.match(tail, /^FLAKY, passed only in a second attempt: chosen-once$/m)
    assert.match(tail, /^chosen-once: flaky: 1 of 2 failed in the first attempt$/m)
    assert.match(text, /\n5 passed, 0 failed\n$/)
  })

  test('that fails too fails the run; another file that passed then is still named', t => {
    const { attempts, status, text } = runTests(t, '2', { twice: 2, once: 1 })
    assert.equal(status, 1, text)
    assert.deepEqual(['once', 'twice'].map(attempts), [2, 2])
    assert.match(text, /Error: reason 2/)
    assert.match(text, /^failed: chosen-twice$/m)
    assert.match(text, /^FLAKY, passed only in a second attempt: chosen-once$/m)
    assert.match(text, /\n4 passed, 1 failed\n$/)
  })

  test('is not made of people\'s runs, and not of four failed files', t => {
    const alone = runTests(t, undefined, { once: 1 })
    assert.deepEqual([alone.status, alone.attempts('once')], [1, 1], alone.text)
    const many = runTests(t, '2', { a: 1, b: 1, c: 1, d: 1 })
    assert.deepEqual([many.status, ...['a', 'b', 'c', 'd'].map(many.attempts)], [1, 1, 1, 1, 1])
    assert.doesNotMatch(many.text, /FLAKY/)
  })

  test('is made neither of a C++ program that failed or crashed nor beside it', t => {
    for (const end of ['exit 66', 'kill -SEGV $$']) {
      const { attempts, status, text } = runTests(t, '2', { once: 1 }, program(end))
      assert.equal(status, 1, text)
      assert.deepEqual(['native_bench', 'once'].map(attempts), [1, 1], end)
    }
  })

  test('is not made of a file in which a program crashed', t => {
    const { attempts, status, text } = runTests(t, '2', { once: 1 }, undefined,
      "process.stderr.write('longhaul run crashed: SIGSEGV\\n')")
    assert.deepEqual([status, attempts('once')], [1, 1], text)
  })

  test('is refused if the number of attempts is neither 1 nor 2', t => {
    const { attempts, status, text } = runTests(t, '3', { never: 0 })
    assert.deepEqual([status, attempts('never')], [1, 0])
    assert.match(text, /LONGHAUL_TEST_ATTEMPTS is 1 or 2, not 3/)
  })
})

test('continuous integration makes a second attempt', () => {
  const script = readFileSync(join(repoRoot(), '.ci/run'), 'utf8')
  assert.match(script, /^export LONGHAUL_TEST_ATTEMPTS=2\nnpm test$/m)
})
