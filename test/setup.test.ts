// The set-up of .ci/: when a step is stale, the lock between two set-ups, and the texts for a user
// who lacks a program.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { repoRoot } from './kafka/repo-root.ts'

const root = repoRoot()

/** The scripts of .ci/ are plain JavaScript without types; Shape is what a test uses of one. */
async function load<Shape> (script: string): Promise<Shape> {
  return await import(pathToFileURL(join(root, '.ci', script)).href) as Shape
}

function createFolder (t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-setup-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** A folder with the scripts and nothing to build: their texts are the same on every machine. */
function runSetUp (
  t: TestContext,
  args: readonly string[],
  { preload = '', path = process.env['PATH'], more = {} } = {}
): { status: number | null, text: string } {
  const folder = createFolder(t, { 'package.json': '{}', 'package-lock.json': '{}', ...more })
  cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true })
  const before = `--import=data:text/javascript,${encodeURIComponent(preload)}`
  const script = join(folder, '.ci/setup.mjs')
  const run = spawnSync(process.execPath, [before, script, ...args], {
    encoding: 'utf8', env: { ...process.env, PATH: path }
  })
  return { status: run.status, text: run.stdout + run.stderr }
}

function writeProgram (folder: string, name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

/** `bash .ci/run` in a copy of the scripts. */
function runCi (t: TestContext, path: string): { status: number | null, text: string } {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object &
    { readonly scripts: object }
  const folder = createFolder(t, { 'package.json': JSON.stringify({ scripts }) })
  cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true })
  const bash = spawnSync('/bin/sh', ['-c', 'command -v bash'], { encoding: 'utf8' }).stdout.trim()
  // The program that bash's script needs.
  for (const name of ['dirname']) writeProgram(folder, name, `exec /usr/bin/${name} "$@"`)
  const run = spawnSync(bash, [join(folder, '.ci/run')], {
    encoding: 'utf8', env: { ...process.env, PATH: `${path}${delimiter}${folder}` }
  })
  return { status: run.status, text: run.stdout + run.stderr }
}

/** A PATH without Maven, and with an apt-get that only prints its arguments. */
function createPathWithoutMaven (t: TestContext): string {
  const folder = createFolder(t)
  const write = (name: string, script: string): void => { writeProgram(folder, name, script) }
  for (const name of ['cc', 'c++', 'make', 'python3', 'java', 'apt-cache']) {
    const found = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout
    write(name, `PATH='${process.env['PATH'] ?? ''}' exec ${found.trim()} "$@"`)
  }
  write('apt-get', 'echo "apt-get $@ ($DEBIAN_FRONTEND)"')
  return folder
}

const asNode18 = `
  Object.defineProperty(process.versions, "node", { value: "18.20.0" })
  Object.defineProperty(process, "version", { value: "v18.20.0" })`
const asUser = (id: number): string => `process.getuid = () => ${id}`
const whole = { 'binding.gyp': '{}', 'tsconfig.json': '{}' }

interface Stamp {
  listFiles (root: string, folders: string[], take: (name: string) => boolean): string[]
  hashFiles (root: string, files: string[], extra?: string[]): string
}

interface NativeBuild {
  readonly nativeBuild: { whyStale (context: object): string | undefined }
  removeStaleObjects (root: string): void
}

interface Lock {
  withLock (path: string, work: () => unknown, options?: object): Promise<unknown>
  identityOf (pid: number): string
  isAlive (owner: string): boolean
}

describe('a set-up step', () => {
  test('is stale when a file is changed, added, removed or renamed, and not before', async t => {
    const { listFiles, hashFiles } = await load<Stamp>('setup/stamp.mjs')
    const folder = createFolder(t, { 'src/a.ts': '1', 'src/b/c.ts': '2', 'src/d.md': '3' })
    const hash = (): string =>
      hashFiles(folder, listFiles(folder, ['src', 'absent'], name => name.endsWith('.ts')))
    const first = hash()
    writeFileSync(join(folder, 'src/d.md'), 'other')
    assert.equal(hash(), first)
    const seen = new Set([first])
    for (const change of [
      () => writeFileSync(join(folder, 'src/a.ts'), '2'),
      () => writeFileSync(join(folder, 'src/e.ts'), ''),
      () => renameSync(join(folder, 'src/e.ts'), join(folder, 'src/f.ts')),
      () => rmSync(join(folder, 'src/b/c.ts'))
    ]) {
      change()
      assert.ok(!seen.has(hash()), change.toString())
      seen.add(hash())
    }
  })

  // Regression: make does not compare system headers, so objects with the former layout of
  // librdkafka's structures stayed. Lanes of such a build reported that no broker answers.
  test('compiles every object again if librdkafka was changed', async t => {
    const { removeStaleObjects } = await load<NativeBuild>('setup/native-build.mjs')
    const mends = '.ci/setup/librdkafka-mends.mjs'
    const folder = createFolder(t, { [mends]: 'first' })
    const object = join(folder, 'build/Release/obj.target/raw.o')
    const isKept = (): boolean => {
      mkdirSync(dirname(object), { recursive: true })
      writeFileSync(object, '')
      removeStaleObjects(folder)
      return existsSync(object)
    }
    assert.deepEqual([isKept(), isKept()], [false, true])
    writeFileSync(join(folder, mends), 'second')
    assert.deepEqual([isKept(), isKept()], [false, true])
  })

  test('accepts a manually installed tree if it matches the lockfile', async t => {
    const { matchesLock } = await load<{ matchesLock (root: string): boolean }>(
      'setup/node-packages.mjs')
    const lock = (version: string, more = {}): string =>
      JSON.stringify({ packages: { '': {}, 'node_modules/a': { version }, ...more } })
    const wanted = (version: string): string =>
      lock(version, { 'node_modules/for-another-platform': { version: '1.0.0', optional: true } })
    const folder = createFolder(t, {
      'package-lock.json': wanted('1.0.0'), 'node_modules/a/package.json': '{}'
    })
    assert.equal(matchesLock(folder), false)
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), lock('1.0.0'))
    assert.equal(matchesLock(folder), true)
    writeFileSync(join(folder, 'package-lock.json'), wanted('1.0.1'))
    assert.equal(matchesLock(folder), false)
  })

  // Regression: npm run perf needed the sanitizer builds of the C++ tests, because it needs Java:
  // minutes of compiling after npm run test:fast and after each change.
  test('builds no sanitizer tests for a command that only starts brokers', async t => {
    const { nativeBuild } = await load<NativeBuild>('setup/native-build.mjs')
    const folder = createFolder(t, {
      'binding.gyp': '{}',
      'build/Release/dataplane.node': '',
      'build/Release/native_bench': ''
    })
    const whyStale = (flags: object): string | undefined =>
      nativeBuild.whyStale({ root: folder, ...flags })
    assert.equal(whyStale({ withJava: true }), 'C++ sources changed')
    assert.equal(whyStale({ withJava: true, withDoctest: true }),
      'not built yet: dataplane_test')
    assert.equal(whyStale({ withJava: true, withSanitizers: true }),
      'not built yet: dataplane_test, dataplane_test_asan, dataplane_test_tsan')
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as
      { scripts: Record<string, string> }
    const withSanitizers = Object.keys(scripts)
      .filter(name => scripts[name]?.includes('--with-sanitizers'))
    assert.deepEqual(withSanitizers, ['test'])
  })

  test('removes outputs without a source from dist/', async t => {
    const { removeOrphans } = await load<{ removeOrphans (root: string): void }>(
      'setup/typescript-build.mjs')
    const folder = createFolder(t, {
      'src/a.ts': '', 'dist/src/a.js': '', 'dist/src/b.js': '', 'dist/test/gone/c.test.js': '',
      'dist/.tsbuildinfo': ''
    })
    removeOrphans(folder)
    assert.deepEqual(readdirSync(join(folder, 'dist/src')), ['a.js'])
    assert.deepEqual(readdirSync(join(folder, 'dist/test/gone')), [])
    assert.deepEqual(readdirSync(join(folder, 'dist')).includes('.tsbuildinfo'), true)
  })
})

describe('the lock', () => {
  test('lets three set-ups that start at once run one after another', async t => {
    const folder = createFolder(t)
    const script = `
      import { appendFileSync } from 'node:fs'
      import { setTimeout as sleep } from 'node:timers/promises'
      import { withLock } from ${JSON.stringify(join(root, '.ci/setup/lock.mjs'))}
      await withLock('lock', async () => {
        appendFileSync('order', 'in ')
        await sleep(50)
        appendFileSync('order', 'out ')
      }, { log () {} })`
    const args = ['--input-type=module', '--eval', script]
    const statuses = await Promise.all([1, 2, 3].map(async () => {
      const child = spawn(process.execPath, args, { cwd: folder, stdio: 'inherit' })
      return await new Promise(resolve => child.on('exit', resolve))
    }))
    assert.deepEqual(statuses, [0, 0, 0])
    assert.equal(readFileSync(join(folder, 'order'), 'utf8'), 'in out in out in out ')
    assert.deepEqual(readdirSync(folder), ['order'])
  })

  test('of a process that has ended is acquired, even if its pid is reused', async t => {
    const { withLock, identityOf, isAlive } = await load<Lock>('setup/lock.mjs')
    const folder = createFolder(t)
    const ended = spawnSync(process.execPath, ['--version']).pid
    for (const owner of [`${ended} 1`, `${process.pid} 1`, 'nonsense', '']) {
      assert.equal(isAlive(owner), false, owner)
      writeFileSync(join(folder, 'lock'), owner)
      assert.equal(await withLock(join(folder, 'lock'), () => 'done'), 'done')
      assert.deepEqual(readdirSync(folder), [])
    }
    assert.equal(isAlive(identityOf(process.pid)), true)
  })

  // Regression: a set-up replaced node_modules while the package's steps compiled from it.
  test('of a set-up lets npm run package wait', async t => {
    const { identityOf } = await load<Lock>('setup/lock.mjs')
    const lock = { '.cache/setup.lock': identityOf(process.pid) }
    const folder = createFolder(t, { 'package.json': '{}', 'package-lock.json': '{}', ...lock })
    cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true })
    const child = spawn(process.execPath, [join(folder, '.ci/package.mjs')],
      { stdio: ['ignore', 'ignore', 'pipe'] })
    t.after(() => child.kill())
    const [text] = await once(child.stderr, 'data') as [Buffer]
    assert.match(String(text), /another set-up \(pid \d+\) is at work; waiting for it/)
    const ended = once(child, 'exit')
    child.kill()
    await ended
  })

  test('is released when the work fails', async t => {
    const { withLock } = await load<Lock>('setup/lock.mjs')
    const folder = createFolder(t)
    const fails = withLock(join(folder, 'lock'), () => { throw new Error('compiler') })
    await assert.rejects(fails, /compiler/)
    assert.deepEqual(readdirSync(folder), [])
  })
})

describe('a user at the terminal', () => {
  // Regression: it ran the whole set-up.
  test('who requests help reads the options, and no step runs', t => {
    const { status, text } = runSetUp(t, ['--help'])
    assert.equal(status, 0)
    assert.match(text, /^Brings a clone[^]*--with-sanitizers[^]*nothing else\s*$/)
    assert.doesNotMatch(text, /longhaul:/)
  })

  test('with an old Node reads the needed version in one line, before any import', t => {
    const { status, text } = runSetUp(t, [], { preload: asNode18 })
    assert.equal(status, 1)
    assert.match(text, /^longhaul: needs Node 20\.19 or later; .* is v18\.20\.0: install .*\n$/)
  })

  test('without Node or npm reads the same of .ci/run', t => {
    const folder = createFolder(t)
    for (const [missing, present] of [['node', []], ['npm', ['node']]] as const) {
      for (const name of present) writeProgram(folder, name, 'exit 1')
      const { status, text } = runCi(t, folder)
      assert.equal(status, 1)
      assert.match(text,
        new RegExp(`^longhaul: ${missing} is not on PATH: install Node 20\\.19 or later.*\\n$`))
    }
  })

  test('with Node 18 reads it of npm test and .ci/run', t => {
    const folder = createFolder(t)
    // The real Node, with a false version; npm finds it like any other.
    const preload = `--import=data:text/javascript,${encodeURIComponent(asNode18)}`
    writeProgram(folder, 'node', `exec '${process.execPath}' '${preload}' "$@"`)
    const { status, text } = runCi(t, `${folder}${delimiter}${process.env['PATH'] ?? ''}`)
    assert.equal(status, 1)
    assert.match(text, /^longhaul: needs Node 20\.19 or later; .* is v18\.20\.0: install/m)
    assert.doesNotMatch(text, /SyntaxError|at file:/)
  })

  test('reads the way out if the clone is incomplete', t => {
    const { status, text } = runSetUp(t, [])
    assert.equal(status, 1)
    assert.match(text, /set-up failed: missing: binding\.gyp, tsconfig\.json\nway out: git check/)
  })

  const debianOnly = existsSync('/etc/debian_version') ? false : 'this is no Debian'

  test('without root reads the command that installs missing packages', { skip: debianOnly }, t => {
    const { status, text } = runSetUp(t, ['--with-java'], {
      preload: asUser(1000), path: createPathWithoutMaven(t), more: whole
    })
    assert.equal(status, 1)
    assert.match(text, /missing: Maven/)
    assert.match(text, /^way out: sudo apt-get update && sudo apt-get install .* maven$/m)
  })

  test('with root has them installed, and reads if that did not help', { skip: debianOnly }, t => {
    const { status, text } = runSetUp(t, ['--with-java'], {
      preload: asUser(0), path: createPathWithoutMaven(t), more: whole
    })
    assert.equal(status, 1)
    assert.match(text, /missing: Maven.*apt-get install maven/)
    assert.match(text, /\| apt-get update -q \(noninteractive\)/)
    assert.match(text, /\| apt-get install -y -q --no-install-recommends maven \(noninteractive\)/)
    assert.match(text, /installed, but still missing: Maven/)
  })

  test('reads the values of --only', t => {
    const { status, text } = runSetUp(t, ['--only', 'docs'])
    assert.equal(status, 2)
    assert.match(text, /--only needs one of: native, typescript/)
  })

  test('gets one command that installs all missing packages', async () => {
    const { needs, installCommand } = await load<{
      needs: ReadonlyArray<{ what: string }>
      installCommand (missing: unknown, options: object): string
    }>('setup/system-packages.mjs')
    const headers = needs.filter(({ what }) => what.endsWith('headers') || what === 'make')
    assert.equal(installCommand(headers, { dnf: false }), 'sudo apt-get update && sudo apt-get ' +
      'install -y --no-install-recommends build-essential libssl-dev zlib1g-dev libzstd-dev')
    assert.equal(installCommand(headers, { dnf: true }),
      'sudo dnf install -y make openssl-devel zlib-devel libzstd-devel')
  })

  test('is warned of a Java that is too old', async () => {
    const { javaMajor } = await load<{ javaMajor (text?: string): number }>(
      'setup/system-packages.mjs')
    assert.equal(javaMajor('openjdk version "21" 2023-09-19'), 21)
    assert.equal(javaMajor('openjdk version "17.0.9" 2023-10-17'), 17)
    assert.equal(javaMajor('java version "1.8.0_392"'), 8)
    assert.equal(javaMajor('The operation could not be completed'), 0)
    assert.equal(javaMajor(undefined), 0)
  })

  test('can paste a failure without the name of a private registry', async () => {
    const { hideHosts } = await load<{ hideHosts (text: string): string }>('setup/step.mjs')
    assert.equal(hideHosts('GET https://packages.example:8443/pino - 404'),
      'GET <registry>/pino - 404')
  })
})

describe('package.json', () => {
  test('has each script bring the clone up to date before it does anything else', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as
      { scripts: Record<string, string> }
    for (const [name, command] of Object.entries(scripts)) {
      assert.match(command, /^node \.ci\/setup\.mjs( |$)/, name)
    }
  })

  test('is not needed by the set-up: its scripts import node: modules and each other', () => {
    const scripts = readdirSync(join(root, '.ci'), { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.mjs'))
    assert.ok(scripts.length > 5)
    for (const script of scripts) {
      const text = readFileSync(join(root, '.ci', script), 'utf8')
      const imported = [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name]) => name)
      assert.deepEqual(imported.filter(name => !/^(node:|\.{1,2}\/)/.test(name ?? '')), [], script)
    }
  })
})
