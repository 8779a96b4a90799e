// The tarball of `npm run package`, made once for all tests, and how npm installs it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** A tarball of the same program under another version. */
export function packageOfVersion (folder: string, version: string): string {
  const [content, tarball] = [join(folder, version), join(folder, `longhaul-${version}.tgz`)]
  mkdirSync(content)
  execFileSync('tar', ['-C', content, '-xzf', packageFile()])
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
