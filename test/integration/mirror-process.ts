// The command line program as a child process: started with a properties file, observed through its
// log and its metrics, stopped by signals. This file does not know what it mirrors.
import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { RunSummary } from '../../src/orchestrator/observability/summary.ts'
import { eventually, patienceMs } from '../kafka/eventually.ts'
import { describeOnFailure, reportIfFailed, type CleanUp } from '../kafka/failed-test.ts'
import {
  createTempFolder, hasExited, killChild, removeFolder, spawnGuarded, waitForExit
} from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import {
  parseExposition, type Exposition
} from '../orchestrator/observability/exposition.ts'

export type Properties = Readonly<Record<string, string | number | boolean>>

export type { CleanUp } from '../kafka/failed-test.ts'

export interface LogLine {
  readonly level: string
  readonly text: string
  readonly [field: string]: unknown
}

export interface ReadinessReport {
  readonly ready: boolean
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

export interface MirrorExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const askTimeoutMs = 5_000
const describedLines = 120
/** The metrics that a failed test prints: states, errors, lag, lost and duplicate records. */
const tellingSeries = new RegExp('^longhaul_(partitions|flow_state|slots|errors|lag|records_|' +
  'in_flight_bytes)[^#]* (?!0$)')

/** A properties file in a temporary folder, removed after the test. */
export function createPropertiesFile (t: CleanUp, properties: Properties): string {
  const folder = createTempFolder('mirror')
  t.after(async () => { removeFolder(folder) })
  const path = join(folder, 'connect-mirror-maker.properties')
  writeProperties(path, properties)
  return path
}

export function writeProperties (path: string, properties: Properties): void {
  // Otherwise the backslash of a regular expression would escape the next character.
  writeFileSync(path, Object.entries(properties).map(([name, value]) =>
    `${name} = ${String(value).replaceAll('\\', '\\\\')}\n`).join(''))
}

/** `longhaul run FILE`, killed after the test if it still runs. Does not wait. */
export function spawnMirror (
  t: CleanUp, file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {},
  tree = repoRoot()
): MirrorProcess {
  const mirror = new MirrorProcess(['run', file, '-o', 'json', ...args], env, tree)
  const forget = describeOnFailure(async () => await mirror.describe())
  t.after(async () => {
    await reportIfFailed(t)
    forget()
    await mirror.kill()
  })
  return mirror
}

/** The same, once every flow of the file has started. */
export async function startMirror (
  t: CleanUp, file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {},
  tree = repoRoot()
): Promise<MirrorProcess> {
  const mirror = spawnMirror(t, file, args, env, tree)
  await mirror.untilRunning()
  return mirror
}

/** Runs a command to its end, for example `validate`. */
export async function runCommand (
  args: readonly string[], env: NodeJS.ProcessEnv = {}
): Promise<{ readonly exit: MirrorExit, readonly stdout: string, readonly stderr: string }> {
  const command = new MirrorProcess(args, env)
  const exit = await command.untilExit()
  return { exit, stdout: command.stdout, stderr: command.stderr }
}

export class MirrorProcess {
  /** Log lines so far; other text on stderr is only in `stderr`. */
  readonly log: LogLine[] = []
  readonly #child: ChildProcess
  readonly #stdout: string[] = []
  readonly #stderr: string[] = []
  readonly #outputRead: Promise<unknown>

  /** `tree`: a clone with its build. */
  constructor (args: readonly string[], env: NodeJS.ProcessEnv = {}, tree = repoRoot()) {
    const program = join(tree, 'dist/src/orchestrator/main.js')
    this.#child = spawnGuarded(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Under npm the program would watch its parent process.
      env: { ...process.env, npm_execpath: undefined, ...env }
    })
    this.#outputRead = Promise.all([
      eachLine(this.#child.stdout, line => { this.#stdout.push(line) }),
      eachLine(this.#child.stderr, line => {
        this.#stderr.push(line)
        if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine)
      })
    ])
  }

  get stdout (): string { return this.#stdout.join('\n') }

  get stderr (): string { return this.#stderr.join('\n') }

  get pid (): number | undefined { return this.isRunning ? this.#child.pid : undefined }

  get isRunning (): boolean { return !hasExited(this.#child) }

  /** Like `eventually`, but fails at once if the process ends, with the end of its log. */
  async until<Value> (
    what: string, probe: () => Promise<Value | undefined | false> | Value | undefined | false,
    timeoutMs = patienceMs
  ): Promise<Value> {
    try {
      return await eventually(what, async () => {
        const wasRunning = this.isRunning
        const value = await probe()
        const isFound = value !== undefined && value !== false
        if (!isFound && !wasRunning) throw new Error(`the mirror ended before: ${what}`)
        return value
      }, { timeoutMs, intervalMs: 50 })
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#tail()}`)
    }
  }

  /** Resolves when every flow runs, whatever the state of its partitions. */
  async untilRunning (): Promise<void> {
    await this.until('running flows', async () => {
      const { reasons } = await this.readiness()
      return reasons.every(reason => !/ is (starting|faulted)(:|$)/.test(reason))
    })
  }

  /** The answer of /readyz; not ready while nobody answers. */
  async readiness (): Promise<ReadinessReport> {
    const url = this.#urlInLog()
    const unknown = { ready: false, reasons: ['the mirror is starting'], warnings: [] }
    if (url === undefined) return unknown
    try {
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(askTimeoutMs) })
      const body = await response.json() as ReadinessReport
      return { ...body, ready: response.status === 200 }
    } catch {
      return unknown
    }
  }

  async untilReady (): Promise<void> {
    await this.until('readiness', async () => (await this.readiness()).ready)
  }

  /** Resolves with the first reason that matches. */
  async untilNotReady (wanted: RegExp): Promise<string> {
    return await this.until(`not ready: ${String(wanted)}`, async () =>
      (await this.readiness()).reasons.find(reason => wanted.test(reason)))
  }

  /** Returns the first log line, including past ones, for which `isWanted` is true. */
  async untilLogged (
    what: string, isWanted: (line: LogLine) => boolean, timeoutMs = patienceMs
  ): Promise<LogLine> {
    return await this.until(`log line: ${what}`, () => this.log.find(isWanted), timeoutMs)
  }

  async metrics (): Promise<Exposition> {
    const response = await fetch(`${this.#urlInLog() ?? ''}/metrics`)
    return parseExposition(await response.text())
  }

  signal (signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resident memory now. */
  residentBytes (): number {
    if (this.pid === undefined) throw new Error(`the mirror ended by itself\n${this.#tail()}`)
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
  }

  /** Sends SIGTERM; resolves with how the process ended, or fails if it does not end in time. */
  async stop (): Promise<MirrorExit> {
    this.#child.kill('SIGTERM')
    return await this.untilExit()
  }

  async untilExit (timeoutMs = patienceMs): Promise<MirrorExit> {
    if (!await waitForExit(this.#child, timeoutMs)) {
      throw new Error(`the mirror lives after ${timeoutMs} ms\n${this.#tail()}`)
    }
    await this.#outputRead
    return { code: this.#child.exitCode, signal: this.#child.signalCode }
  }

  /** Sends SIGKILL; has no effect on a process that has ended. */
  async kill (): Promise<void> {
    if (this.isRunning) await killChild(this.#child)
  }

  /** The summary of a process that was stopped. */
  summary (): RunSummary {
    const line = this.#stdout.findLast(text => text.startsWith('{'))
    if (line === undefined) throw new Error(`no summary\n${this.#tail()}`)
    return JSON.parse(line) as RunSummary
  }

  /** For a failed test: how the process was started, whether it runs, its own reports, its log. */
  async describe (): Promise<string> {
    const { exitCode, pid, signalCode, spawnargs } = this.#child
    const state = this.isRunning ? `runs as pid ${pid}` : `ended with ${signalCode ?? exitCode}`
    const url = this.#urlInLog()
    const ask = async (path: string): Promise<string> =>
      await fetch(`${url}${path}`, { signal: AbortSignal.timeout(askTimeoutMs) })
        .then(async response => `${response.status} ${await response.text()}`, String)
    const isAsked = this.isRunning && url !== undefined
    const [ready = '', metrics = ''] = isAsked
      ? await Promise.all([ask('/readyz'), ask('/metrics')])
      : []
    return [
      `mirror ${spawnargs.join(' ')} ${state}`,
      ...isAsked ? [`  /readyz: ${ready.trim()}`] : [],
      ...metrics.split('\n').filter(line => tellingSeries.test(line)).map(line => `  ${line}`),
      ...this.#stdout.slice(-5),
      ...this.#stderr.slice(-describedLines)
    ].join('\n')
  }

  #urlInLog (): string | undefined {
    return this.log.find(line => typeof line['url'] === 'string')?.['url'] as string | undefined
  }

  #tail (): string {
    return [...this.#stdout.slice(-5), ...this.#stderr.slice(-30)].join('\n')
  }
}

/** Resolves when the stream has ended and every line has been read. */
async function eachLine (stream: Readable | null, take: (line: string) => void): Promise<void> {
  if (stream === null) return
  const lines = createInterface({ input: stream })
  lines.on('line', take)
  await new Promise<void>(resolve => { lines.once('close', resolve) })
}
