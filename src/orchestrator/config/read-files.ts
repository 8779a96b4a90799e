// The files that a properties file names, as they were when it was read: to notice later that one
// of them was replaced.
import { createHash } from 'node:crypto'
import { usualPlaces } from './public-authorities.ts'
import type { ReadFile } from './tls-stores.ts'

/** SHA-256, by path. */
export type FileDigests = ReadonlyMap<string, string>

export class ReadFiles {
  readonly #readFile: ReadFile
  readonly #digests = new Map<string, string>()

  constructor (readFile: ReadFile) {
    this.#readFile = readFile
  }

  /** Without those of the system, which packages of the system replace. */
  get digests (): FileDigests {
    return new Map([...this.#digests].filter(([path]) => !usualPlaces.includes(path)))
  }

  /** As the function that this was created with, for `this` or without. */
  readonly read: ReadFile = path => {
    const content = this.#readFile(path)
    this.#digests.set(path, digestOf(content))
    return content
  }

  /** Of a file that librdkafka is going to read; what cannot be read is left to it. */
  note (path: string): void {
    try {
      this.read(path)
    } catch {
      // a folder, or a file that librdkafka will say something about
    }
  }
}

/** Those that differ now; a file that cannot be read does. */
export function replacedFiles (digests: FileDigests, readFile: ReadFile): readonly string[] {
  return [...digests].flatMap(([path, digest]) => {
    try {
      return digestOf(readFile(path)) === digest ? [] : [path]
    } catch {
      return [path]
    }
  })
}

function digestOf (content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
