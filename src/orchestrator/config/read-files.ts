// The files that a properties file names, as they were when it was read: shows later which of them
// were replaced.
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

  /** Without the authorities of the system, which system packages replace. */
  get digests (): FileDigests {
    return new Map([...this.#digests].filter(([path]) => !usualPlaces.includes(path)))
  }

  /** May be passed without its object, like the function that this object was created with. */
  readonly read: ReadFile = path => {
    const content = this.#readFile(path)
    this.#digests.set(path, digestOf(content))
    return content
  }

  /** Remembers a file that librdkafka will read; librdkafka reports a file that it cannot read. */
  note (path: string): void {
    try {
      this.read(path)
    } catch {
      // a folder, or a file that librdkafka will report
    }
  }
}

/** The files that differ now; a file that can no longer be read counts as different. */
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
