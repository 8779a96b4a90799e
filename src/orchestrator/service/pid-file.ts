// The file that --pid-file names: one process at a time has it. The file of a process that has
// ended without removing it is replaced.
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'

export interface PidFileOptions {
  readonly path: string
  readonly pid: number
  /** The program that a process runs; undefined: there is no such process. */
  readonly programOf?: (pid: number) => string | undefined
}

export type PidFileResult = { readonly owner: number } | { readonly file: PidFile }

export class PidFile {
  readonly #options: PidFileOptions

  private constructor (options: PidFileOptions) { this.#options = options }

  /** Throws the error of the system if the file cannot be written. */
  static take (options: PidFileOptions): PidFileResult {
    const { path, pid } = options
    // Between removing a stale file and creating ours, another process may create its own.
    for (let tries = 0; tries < 2; tries++) {
      const owner = ownerOf(options)
      if (owner !== undefined) return { owner }
      rmSync(path, { force: true })
      try {
        writeFileSync(path, `${pid}\n`, { flag: 'wx', mode: 0o644 })
        return { file: new PidFile(options) }
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
      }
    }
    return { owner: readPid(path) ?? 0 }
  }

  /** Removes the file, unless another process has replaced it. */
  release (): void {
    if (readPid(this.#options.path) === this.#options.pid) rmSync(this.#options.path)
  }
}

/** The process that has the file and still runs. */
function ownerOf ({ path, pid, programOf = runningProgram }: PidFileOptions): number | undefined {
  const written = readPid(path)
  // The processes of a container that is started again have the same ids.
  if (written === undefined || written === pid) return undefined
  const program = programOf(written)
  if (program === undefined) return undefined
  // After a restart of the machine another program may have the id.
  return program === '' || program === programOf(pid) ? written : undefined
}

function readPid (path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim())
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
}

/** Empty: the process belongs to another user, who alone may see its program. */
function runningProgram (pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EACCES' ? '' : undefined
  }
}
