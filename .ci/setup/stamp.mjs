// Staleness by content: a stamp file holds the hash of everything that a step reads. File times are
// wrong after a checkout or a copy; content is not, and to read these few megabytes takes
// milliseconds.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** All files under the folders that `take` accepts, sorted; a missing folder counts as empty. */
export function listFiles (root, folders, take) {
  const found = []
  const visit = (folder) => {
    let entries
    try {
      entries = readdirSync(folder, { withFileTypes: true })
    } catch (error) {
      if (error.code === 'ENOENT') return
      throw error
    }
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules') visit(path)
      } else if (take(entry.name)) {
        found.push(relative(root, path))
      }
    }
  }
  for (const folder of folders) visit(join(root, folder))
  return found.sort()
}

/** The hash includes names: a renamed file is a change. */
export function hashFiles (root, files, extra = []) {
  const hash = createHash('sha256')
  for (const file of files) {
    const content = readFileSync(join(root, file))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  for (const text of extra) hash.update(`\0${text}`)
  return hash.digest('hex')
}

export function readStamp (path) {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

export function writeStamp (path, hash) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${hash}\n`)
}

/** Before a step starts: the output of a killed step must not look complete. */
export function removeStamp (path) {
  rmSync(path, { force: true })
}
