// The tarball of `npm run package`, made once for all tests, and how npm installs it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { repoRoot } from '../kafka/repo-root.ts'

const root = repoRoot()
export const packageFolder = join(root, '.cache/package')

interface Manifest { readonly version: string }

function readManifest (folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** The path of the tarball of this build. The first call compiles for some minutes. */
export function packageFile (): string {
  execFileSync(process.execPath, [join(root, '.ci/package.mjs')], { stdio: 'ignore' })
  return join(packageFolder, `longhaul-${readManifest(root).version}.tgz`)
}

/**
 * The tarball of another commit of the repository, from a clone of its own. The first call for a
 * commit installs npm's packages and compiles everything: five minutes or more.
 */
export function packageOfCommit (commit: string): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim()
  const clone = join(root, '.cache/package-of-commit', git('rev-parse', `${commit}^{commit}`))
  const folder = join(clone, '.cache/package')
  if (listTarballs(folder).length === 0) {
    rmSync(clone, { recursive: true, force: true })
    git('clone', '--quiet', '--no-checkout', root, clone)
    git('-C', clone, 'checkout', '--quiet', basename(clone))
    for (const script of ['setup.mjs', 'package.mjs']) {
      execFileSync(process.execPath, [join(clone, '.ci', script)], { cwd: clone, stdio: 'ignore' })
    }
  }
  return join(folder, listTarballs(folder)[0] ?? 'no tarball')
}

function listTarballs (folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.tgz')) : []
}

/** A tarball of the same program, or of the program of another tarball, under this version. */
export function packageOfVersion (folder: string, version: string, from = packageFile()): string {
  const [content, tarball] = [join(folder, version), join(folder, `longhaul-${version}.tgz`)]
  mkdirSync(content)
  execFileSync('tar', ['-C', content, '-xzf', from])
  const changed = join(content, 'package')
  writeFileSync(join(changed, 'package.json'),
    JSON.stringify({ ...readManifest(changed), version }))
  execFileSync('tar', ['-C', content, '-czf', tarball, 'package'])
  return tarball
}

/** npm's program, for node. */
export function npmProgram (): string {
  return process.env['npm_execpath'] ??
    execFileSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).trim()
}

/** The arguments of node that install the tarball as a command below the prefix, offline. */
export function installArguments (tarball: string, prefix: string): readonly string[] {
  return [npmProgram(), 'install', '--global', '--offline', '--prefix', prefix, tarball]
}

/** The folder of the program below the prefix. */
export function installedTree (prefix: string): string {
  return join(prefix, 'lib/node_modules/longhaul')
}
