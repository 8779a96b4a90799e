// The mirror of a bench as a user runs it: a process of `longhaul run`, so that its CPU time and
// memory are its own. The process ends no later than this one.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { readUsage, type ProcessUsage } from './process-usage.ts'

export interface MirrorProcessOptions {
  readonly file: string
  /** Options of `longhaul run`. */
  readonly args: readonly string[]
  /** A command that ends its child with this process; may be empty. */
  readonly wrapper: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
}

const main = fileURLToPath(new URL('../main.js', import.meta.url))
/** Above drain.timeout.ms; after it the process is killed. */
const stopMsMax = 30_000
const outputLines = 10

export class MirrorProcess {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #clock: Clock
  readonly #exited: Promise<void>
  readonly #onExit = (): void => { this.#destroy() }

  constructor ({ args, clock, environment, file, wrapper }: MirrorProcessOptions) {
    this.#clock = clock
    // Only the user may read the folder: the file has the logins of both clusters.
    this.#folder = mkdtempSync(join(tmpdir(), 'longhaul-bench-'))
    process.on('exit', this.#onExit)
    const path = join(this.#folder, 'mirror.properties')
    writeFileSync(path, file, { mode: 0o600 })
    const output = openSync(this.#outputPath, 'w', 0o600)
    const [program = process.execPath, ...rest] =
      [...wrapper, process.execPath, main, 'run', path, ...args]
    // A process group of its own: Ctrl-C reaches this process, which lets the mirror drain.
    this.#child = spawn(program, rest, {
      stdio: ['ignore', output, output], detached: true, env: environment
    })
    closeSync(output)
    this.#child.on('error', () => {}) // mustRun() reports it
    this.#exited = once(this.#child, 'exit').then(() => {}, () => {})
  }

  /** Undefined if the process has ended. */
  usage (): ProcessUsage | undefined {
    return this.#child.pid === undefined ? undefined : readUsage(this.#child.pid)
  }

  mustRun (): void {
    if (!this.#hasExited()) return
    const tail = readFileSync(this.#outputPath, 'utf8').trimEnd().split('\n').slice(-outputLines)
    throw new ReplicatorError('INTERNAL', `the mirror of the bench ended:\n${tail.join('\n')}`)
  }

  /** Lets the mirror drain. Idempotent, never rejects. */
  async stop (): Promise<void> {
    if (!this.#hasExited()) {
      const waited = new AbortController()
      this.#child.kill('SIGTERM')
      await Promise.race([
        this.#exited, this.#clock.sleep(stopMsMax, waited.signal).catch(() => {})
      ])
      waited.abort()
    }
    this.#destroy()
    process.off('exit', this.#onExit)
  }

  get #outputPath (): string { return join(this.#folder, 'output.log') }

  #hasExited (): boolean {
    const { exitCode, pid, signalCode } = this.#child
    return exitCode !== null || signalCode !== null || pid === undefined
  }

  #destroy (): void {
    if (!this.#hasExited()) this.#child.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
