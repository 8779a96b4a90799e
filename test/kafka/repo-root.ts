// Where the repository begins: compiled files run from dist/, what lies beside them does not.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

let found: string | undefined

/** The nearest folder above this file that holds package.json. */
export function repoRoot (): string {
  if (found !== undefined) return found
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`no package.json above ${import.meta.dirname}`)
    folder = parent
  }
  found = folder
  return folder
}
