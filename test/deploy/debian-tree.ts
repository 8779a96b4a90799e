// A small Debian in a folder, as the base of containers: debootstrap makes it once.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '../kafka/repo-root.ts'
import { npmProgram } from './package-file.ts'

const release = 'bookworm'
export const nodeMajor = 22
const folder = join(repoRoot(), '.cache/debian')
/** The authorities that an operator of this machine has added; builds need them, too. */
const addedAuthorities = '/usr/local/share/ca-certificates'

/** What stands between the machine and a container, as a reason to skip; undefined: nothing. */
export function missingFor (programs: readonly string[], packages: string): string | undefined {
  if (process.getuid?.() !== 0) return 'only root starts containers'
  const missing = programs.filter(program => {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
  return missing.length === 0
    ? undefined
    : `${missing.join(', ')} missing: apt-get install ${packages}`
}

/** The folder of a Debian with these packages. Takes a minute or two the first time. */
function debianTree (packages: readonly string[] = []): string {
  const tree = join(folder, [release, ...packages].join('-'))
  if (existsSync(tree)) return tree
  const unfinished = `${tree}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const include = packages.length === 0 ? [] : [`--include=${packages.join()}`]
  execFileSync('debootstrap', ['--variant=minbase', ...include, release, unfinished],
    { stdio: ['ignore', 'ignore', 'inherit'] })
  // What the slim images of a registry leave out.
  for (const left of ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'var/cache/apt',
    'var/lib/apt/lists']) {
    rmSync(join(unfinished, left), { recursive: true, force: true })
  }
  if (existsSync(addedAuthorities)) {
    cpSync(addedAuthorities, join(unfinished, addedAuthorities), { recursive: true })
  }
  renameSync(unfinished, tree)
  return tree
}

/**
 * The same with Node.js and npm where Node's images have them, below /usr/local, and their user,
 * `node` with the number 1000.
 */
export function debianWithNode (packages: readonly string[] = []): string {
  const tree = debianTree(packages)
  if (existsSync(join(tree, 'home/node'))) return tree
  const prefix = join(folder, `node-${nodeMajor}`)
  const name = `node-linux-${process.arch}`
  execFileSync(process.execPath, [npmProgram(), 'install', '--no-save', '--prefix', prefix,
    `${name}@${nodeMajor}`], { stdio: ['ignore', 'ignore', 'inherit'] })
  const local = join(tree, 'usr/local')
  for (const part of ['bin/node', 'include/node']) {
    cpSync(join(prefix, 'node_modules', name, part), join(local, part), { recursive: true })
  }
  const npm = join(local, 'lib/node_modules/npm')
  cpSync(join(npmProgram(), '../..'), npm, { recursive: true })
  const run = (...words: readonly string[]): void => {
    execFileSync('chroot', [tree, ...words], { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  for (const command of ['npm', 'npx']) {
    run('ln', '-sf', `../lib/node_modules/npm/bin/${command}-cli.js`, `/usr/local/bin/${command}`)
  }
  run('chown', '-R', '0:0', '/usr/local')
  run('useradd', '--uid', '1000', '--user-group', '--create-home', 'node')
  return tree
}
