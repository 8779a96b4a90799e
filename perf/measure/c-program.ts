// Programs in C that runs need, compiled on demand.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { repoRoot } from '../../test/kafka/repo-root.ts'

const run = promisify(execFile)

export interface CProgram {
  /** Below the root of the repository. */
  readonly source: string
  readonly name: string
  readonly libraries?: readonly string[]
}

/**
 * Returns the path of the program. Compiles it if the source is newer, and renames the complete
 * file into place.
 */
export async function compileProgram (
  { libraries = [], name, source }: CProgram
): Promise<string> {
  const from = join(repoRoot(), source)
  const program = join(repoRoot(), 'build', name)
  if (existsSync(program) && statSync(program).mtimeMs > statSync(from).mtimeMs) return program
  mkdirSync(dirname(program), { recursive: true })
  const partial = `${program}.partial-${process.pid}`
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra']
  const linked = libraries.map(library => `-l${library}`)
  await run(process.env['CC'] ?? 'cc', [...flags, '-o', partial, from, ...linked])
  renameSync(partial, program)
  return program
}
