// The files that the rules check: those that git tracks, or, in an unpacked archive without git,
// every file that is not a build product. Documents lead to pictures, which have no text.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tree } from './rule.ts'

const productFolders = new Set(['.git', 'node_modules', 'build', 'dist', '.cache', 'coverage'])
const binaryFile = /\.(png|gif|jpg|ico|gz|jar|bin)$/

export function repositoryTree (root: string): Tree {
  const paths = trackedPaths(root) ?? walk(root, '')
  // A file that was removed but whose removal is not committed is still tracked.
  const present = paths.filter((path) => existsSync(join(root, path)))
  return new Map(present.map((path) =>
    [path, binaryFile.test(path) ? '' : readFileSync(join(root, path), 'utf8')]))
}

function trackedPaths (root: string): string[] | undefined {
  try {
    const paths = execFileSync('git', ['ls-files', '-z'], {
      cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']
    }).split('\0').filter(Boolean)
    return paths.length > 0 ? paths : undefined
  } catch {
    return undefined
  }
}

function walk (root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return productFolders.has(entry.name) ? [] : walk(root, path)
    return [path]
  })
}
