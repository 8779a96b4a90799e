// Starts the program again in the background, without a terminal, and waits until the new process
// says that it has started, or ends.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, fstatSync } from 'node:fs'
import { constants } from 'node:os'

export interface DaemonOptions {
  /** node, its options, the program, and its arguments. */
  readonly command: readonly string[]
  /** Receives what the process writes besides its log. */
  readonly logFile: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Ends the process if it has not started yet. */
  readonly stopped: AbortSignal
}

export interface DaemonResult {
  readonly pid: number | undefined
  /** Undefined: the process has started and runs. */
  readonly exitCode: number | undefined
  /** What a process that ended has added to the end of the log file. */
  readonly lastLines: string
}

/** What the new process sends once it has started. */
export const startedText = 'longhaul has started'

const lastLinesBytesMax = 8 * 1024

/** Throws the error of the system if the log file cannot be opened or no process be started. */
export async function startDaemon (options: DaemonOptions): Promise<DaemonResult> {
  const { command: [program = '', ...args], environment, stopped } = options
  const log = openSync(options.logFile, 'a+', 0o640)
  const logStart = fstatSync(log).size
  try {
    const child = spawn(program, args, {
      // Makes the process the leader of its own session: no terminal sends it signals.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      // Under npm the process would stop when its parent, this process, ends.
      env: { ...environment, npm_execpath: undefined }
    })
    const stop = (): void => { child.kill('SIGTERM') }
    stopped.addEventListener('abort', stop)
    const exitCode = await new Promise<number | undefined>((resolve, reject) => {
      child.once('error', reject)
      child.once('message', () => { resolve(undefined) })
      child.once('exit', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
      })
    })
    stopped.removeEventListener('abort', stop)
    if (child.connected) child.disconnect()
    child.unref()
    return {
      pid: child.pid,
      exitCode,
      lastLines: exitCode === undefined ? '' : textAfter(log, logStart)
    }
  } finally {
    closeSync(log)
  }
}

function textAfter (file: number, start: number): string {
  const { size } = fstatSync(file)
  const from = Math.max(start, size - lastLinesBytesMax)
  const bytes = Buffer.alloc(Math.max(size - from, 0))
  return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, from))
}
