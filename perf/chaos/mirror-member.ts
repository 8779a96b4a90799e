// One process of the mirror, which is started, killed, stopped and restarted under the same name;
// the output of all its runs is in one file.
import type { ChildProcess } from 'node:child_process'
import { appendFileSync, closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { hasExited, killChild, spawnGuarded, waitForExit } from '../../test/kafka/process-guard.ts'
import { parseExposition, seriesOf } from '../../test/orchestrator/observability/exposition.ts'
import type { Command } from './chaos-contender.ts'
import { partitionName } from './numbered-load.ts'

// Longer than longhaul's drain; a mirror that runs this long after SIGTERM has a defect.
const stopTimeoutMs = 60_000
const abortTimeoutMs = 15_000
// A process that ends without a signal is restarted after this time, as by a service manager: a
// mirror may end if it cannot reach a cluster at its start.
const restartMs = 2_000
const startFailedCode = 3
const answerMs = 2_000
const partitionSeries = 'longhaul_partition_info'

export interface ShownPartition {
  readonly name: string
  /** Empty: none. */
  readonly lane: string
  readonly state: string
}

function labelOf (labels: string, name: string): string {
  return new RegExp(`[{,]${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
}

export class MirrorMember {
  /** Unexpected ends, except those with the exit code of a failed start. */
  crashes = 0
  startsFailed = 0
  /** The exit codes of stops by SIGTERM. */
  readonly exitCodes: Array<number | null> = []
  readonly #command: Command
  readonly #logPath: string
  #child: ChildProcess | undefined
  #restarting: NodeJS.Timeout | undefined
  #ending = false

  constructor (command: Command, logPath: string) {
    this.#command = command
    this.#logPath = logPath
  }

  /** The partitions that its lanes mirror; undefined if it does not report them. */
  async owned (): Promise<ReadonlySet<string> | undefined> {
    const shown = await this.shown()
    // A partition that was handed over is in the metrics without a lane until its next owner is
    // known.
    return shown && new Set(shown.filter(({ lane }) => lane !== '').map(({ name }) => name))
  }

  /** What it reports of its partitions; undefined if it does not report them. */
  async shown (): Promise<readonly ShownPartition[] | undefined> {
    const { metricsUrl } = this.#command
    if (metricsUrl === undefined || !this.isRunning) return undefined
    try {
      const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(answerMs) })
      const series = seriesOf(parseExposition(await response.text()), partitionSeries)
      return Object.keys(series).map(labels => ({
        name: partitionName(labelOf(labels, 'topic'), Number(labelOf(labels, 'partition'))),
        lane: labelOf(labels, 'lane'),
        state: labelOf(labels, 'state')
      }))
    } catch {
      return undefined // just started, frozen, or ending
    }
  }

  get isRunning (): boolean {
    return this.#child !== undefined && !hasExited(this.#child)
  }

  start (): void {
    clearTimeout(this.#restarting)
    if (this.isRunning) return
    this.note('is started')
    const file = openSync(this.#logPath, 'a')
    const child = spawnGuarded(this.#command.program, this.#command.args, {
      stdio: ['ignore', file, file],
      cwd: dirname(this.#logPath), // the core file is written here, if the shell's limits allow one
      // Under npm the program would watch its parent process.
      env: { ...process.env, npm_execpath: undefined }
    })
    closeSync(file)
    this.#ending = false
    child.once('exit', (code, signal) => {
      this.note(`ended with ${signal ?? code}`)
      if (!this.#ending) this.#endedByItself(code)
    })
    child.once('error', () => { this.crashes += 1 })
    this.#child = child
  }

  async kill (): Promise<void> {
    clearTimeout(this.#restarting)
    if (this.#child === undefined || !this.isRunning) return
    this.#ending = true
    await killChild(this.#child)
  }

  async stop (): Promise<void> {
    clearTimeout(this.#restarting)
    if (this.#child === undefined || !this.isRunning) return
    this.#ending = true
    this.#child.kill('SIGTERM')
    if (await waitForExit(this.#child, stopTimeoutMs)) {
      this.exitCodes.push(this.#child.exitCode)
    } else {
      this.note(`still runs ${stopTimeoutMs} ms after SIGTERM`)
      this.exitCodes.push(null)
      this.#child.kill('SIGABRT') // the core file shows what the process waits for
      if (!await waitForExit(this.#child, abortTimeoutMs)) await killChild(this.#child)
    }
  }

  signal (signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.note(signal)
    this.#child?.kill(signal)
  }

  #endedByItself (code: number | null): void {
    if (code === startFailedCode) this.startsFailed += 1
    else this.crashes += 1
    this.#restarting = setTimeout(() => { this.start() }, restartMs)
  }

  /** Adds a line of the harness to the output of the process. */
  note (text: string): void {
    const time = new Date().toISOString()
    appendFileSync(this.#logPath, `--- ${time} ${this.#child?.pid ?? ''} ${text}\n`)
  }
}
