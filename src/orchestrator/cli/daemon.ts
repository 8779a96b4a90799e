// `longhaul run FILE --daemon`, and the log file and pid file of a process without systemd.
import { PidFile } from '../service/pid-file.ts'
import { startDaemon } from '../service/daemon.ts'
import { LogFile } from '../service/log-file.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export interface ServiceOptions {
  readonly daemon?: boolean
  readonly logFile?: string
  readonly pidFile?: string
}

/** Returns once the process in the background has started or ended; prints its pid or its end. */
export async function runInBackground (
  { logFile }: ServiceOptions, terminal: Terminal
): Promise<ExitCode> {
  const { command, environment, stderr, stdout, stopped } = terminal
  if (logFile === undefined || command === undefined) {
    stderr.write('error: --daemon needs --log-file: nobody would read the log lines\n')
    return exitCodes.usage
  }
  try {
    const { exitCode, lastLines, pid } = await startDaemon({
      command: command.filter(argument => argument !== '--daemon'), logFile, environment, stopped
    })
    if (exitCode === undefined) {
      stdout.write(`longhaul runs as process ${pid}; its log is ${logFile}\n`)
      return exitCodes.ok
    }
    stderr.write(`${lastLines}error: process ${pid} ended with exit code ${exitCode} before it ` +
      `had started; its log is ${logFile}\n`)
    return exitCode
  } catch (thrown) {
    stderr.write(`error: --daemon --log-file ${logFile}: ${(thrown as Error).message}\n`)
    return exitCodes.notStarted
  }
}

export interface ServiceFiles {
  /** Undefined: the log goes to stderr. */
  readonly log: LogFile | undefined
  close (): void
}

/** Undefined after the reason was written to stderr. */
export function openServiceFiles (
  { logFile, pidFile }: ServiceOptions, { clock, stderr }: Terminal
): ServiceFiles | undefined {
  try {
    const log = logFile === undefined ? undefined : new LogFile(logFile, clock)
    if (pidFile === undefined) return { log, close: () => { log?.close() } }
    const taken = PidFile.take({ path: pidFile, pid: process.pid })
    if ('file' in taken) return { log, close: () => { taken.file.release(); log?.close() } }
    log?.close()
    stderr.write(`error: ${pidFile} belongs to process ${taken.owner}, which runs: stop it ` +
      'first, or remove the file if that process is not Longhaul\n')
  } catch (thrown) {
    stderr.write(`error: --log-file or --pid-file: ${(thrown as Error).message}\n`)
  }
  return undefined
}
