// The tarball of `npm run package`: npm installs it into an empty prefix without network, compiler
// and repository, and the demo runs there with each version of Node.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test, type TestContext } from 'node:test'
import {
  installArguments, installedTree, packageFile, packageFolder
} from './deploy/package-file.ts'

const megabytesMax = 40

/** Those that node itself needs. Everything else has to be in the tarball. */
const systemLibraries =
  /^(linux-vdso|libm|libc|libgcc_s|libstdc\+\+|ld-linux-x86-64|libdl|libpthread|librt)\.so/

describe('the package', { timeout: 1_800_000 }, () => {
  let tarball = ''
  before(() => { tarball = packageFile() })

  test('is small', () => {
    assert.ok(statSync(tarball).size < megabytesMax * 1e6, String(statSync(tarball).size))
  })

  // Regression: packages of npm without a licence file were missing in the notices.
  test('names the licence of each package and library inside', () => {
    const read = (...args: readonly string[]): string =>
      execFileSync('tar', args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
    const notices = read('-xOzf', tarball, 'package/THIRD-PARTY-NOTICES')
    const packages = read('-tzf', tarball).split('\n').flatMap(path =>
      /^package\/.*node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1] ?? [])
    assert.ok(packages.length > 100, String(packages.length))
    const titles = notices.split('\n').map(line => line.replace(/ v?\d\S*$/, ''))
    const libraries = ['librdkafka', 'libssl', 'libzstd', 'zlib1g', 'libstdc++']
    assert.deepEqual([...packages, ...libraries].filter(name => !titles.includes(name)), [])
  })

  for (const major of [20, 22, 24]) {
    test(`is installed and runs with Node ${major}, without compilers and network`, t => {
      const { env, prefix } = emptyMachine(t, major)
      const installed = spawnSync('node', installArguments(tarball, prefix),
        { env, encoding: 'utf8' })
      assert.equal(installed.status, 0, installed.stderr)
      const program = join(prefix, 'bin/longhaul')
      const demo = spawnSync(program, ['demo'], { env, encoding: 'utf8' })
      assert.equal(demo.status, 0, demo.stdout + demo.stderr)
      assert.match(demo.stdout, /OK: every record arrived/)
      const missing = addonsIn(installedTree(prefix)).flatMap(addon =>
        librariesOf(addon).filter(path => !path.startsWith(prefix) && !systemLibraries.test(path)))
      assert.deepEqual(missing, [])
      // docs/operations.md installs the unit from there, with the program behind this link.
      const link = join(prefix, 'longhaul')
      symlinkSync(installedTree(prefix), link)
      assert.match(readFileSync(join(link, 'deploy/systemd/longhaul.service'), 'utf8'),
        /^ExecStart=\/usr\/bin\/node \/opt\/longhaul\/dist\/src\/orchestrator\/main\.js run /m)
      const version = spawnSync('node', [join(link, 'dist/src/orchestrator/main.js'), '--version'],
        { env, encoding: 'utf8' })
      assert.equal(version.status, 0, version.stderr)
    })
  }
})

/** A folder with node, npm and a shell, and nothing else on PATH. */
function emptyMachine (t: TestContext, major: number): {
  readonly env: NodeJS.ProcessEnv, readonly prefix: string
} {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-package-'))
  t.after(() => { rmSync(folder, { recursive: true, force: true }) })
  const node = join(packageFolder, `node-${major}/node_modules/node-linux-${process.arch}/bin/node`)
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync(node, join(bin, 'node'))
  symlinkSync('/bin/sh', join(bin, 'sh'))
  symlinkSync('/usr/bin/env', join(bin, 'env'))
  return { env: { PATH: bin, HOME: folder }, prefix: join(folder, 'prefix') }
}

function addonsIn (folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.node')).map(file => join(folder, file))
}

/** Paths, or names where ldd shows no path. */
function librariesOf (addon: string): string[] {
  const libraries = execFileSync('ldd', [addon], { encoding: 'utf8' }).trim().split('\n')
    .map(line => {
      const [, name = '', path] = /^\s*(?:\S*\/)?(\S+)(?: => (\S+))? /.exec(line) ?? []
      return systemLibraries.test(name) ? name : path ?? name
    })
  assert.ok(libraries.includes('libc.so.6'), libraries.join())
  return libraries
}
