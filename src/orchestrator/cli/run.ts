// `longhaul run FILE`: mirrors until SIGTERM or SIGINT.
import { openApi } from '../api/open-api.ts'
import { sendDatagram } from '../cluster/native-datagram.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { Mirror } from '../flow/mirror.ts'
import type { FlowTotals } from '../observability/flow-ledger.ts'
import type { Log } from '../observability/log.ts'
import type { Readiness } from '../observability/http-server.ts'
import { StatusLine } from '../observability/status-line.ts'
import { renderSummaryTable } from '../observability/summary.ts'
import type { LogFile } from '../service/log-file.ts'
import { ServiceNotices } from '../service/service-notices.ts'
import { systemMonotonicUsec } from '../time/clock.ts'
import { ConfigFile } from './config-file.ts'
import { accepted, openLog, type ConfigOptions } from './configure.ts'
import { openServiceFiles, runInBackground, type ServiceOptions } from './daemon.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { LogLevelChoice } from './log-level-choice.ts'
import { Reload } from './reload.ts'
import { renderOutput } from './structured-output.ts'
import { hasColor, type Terminal } from './terminal.ts'

export type RunOptions = ConfigOptions & ServiceOptions

export async function run (
  file: string, options: RunOptions, terminal: Terminal
): Promise<ExitCode> {
  if (options.daemon === true) return await runInBackground(options, terminal)
  const files = openServiceFiles(options, terminal)
  if (files === undefined) return exitCodes.notStarted
  try {
    return await mirrorFile(file, options, terminal, files.log)
  } finally {
    files.close()
  }
}

async function mirrorFile (
  file: string, options: RunOptions, terminal: Terminal, logFile: LogFile | undefined
): Promise<ExitCode> {
  const configFile = new ConfigFile(file, options, terminal)
  const reading = configFile.read()
  const config = accepted(reading.parsed, terminal)
  if (config === undefined) return exitCodes.usage
  if (config.flows.length === 0) {
    terminal.stderr.write('error: no flow is enabled; write for example A->B.enabled=true\n')
    return exitCodes.usage
  }
  configFile.use(reading)
  const totals: { of: () => readonly FlowTotals[] } = { of: () => [] }
  const line = statusLine(terminal, () => totals.of())
  const log = openLog(config, { ...terminal, stderr: logFile ?? terminal.stderr },
    logFile ?? line.above(terminal.stderr))
  const level = new LogLevelChoice(config.process['log.level'], log)
  const { clock } = terminal
  const mirror: Mirror = new Mirror({
    config,
    process: {
      reload: () => { reload.request() },
      setLogLevel: ordered => { level.order(ordered) }
    },
    openApi: of => openApi({ mirror: of, checkFile: () => reload.check(), log, clock }),
    log,
    clock
  })
  totals.of = () => mirror.totals
  const service = new ServiceNotices({
    environment: terminal.environment,
    pid: process.pid,
    send: sendDatagram,
    status: () => statusOf(mirror.readiness()),
    monotonicUsec: systemMonotonicUsec,
    log,
    clock
  })
  const reload: Reload = new Reload({
    file: configFile,
    config,
    mirror,
    onReading: () => { service.reloading() },
    onRead: () => { service.ready() },
    setLogLevel: ofFile => { level.setFile(ofFile) },
    log,
    clock
  })
  line.start()
  try {
    terminal.onHangUp(() => { reload.request() })
    reload.start()
    service.start()
    return await mirrorUntilStopped(mirror, service, terminal, log)
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    log.error({ err: error }, error.message)
    return exitCodes.notStarted
  } finally {
    await Promise.all([reload.stop(), service.stop()])
    await line.stop()
    if (terminal.stdout.isTTY === true || options.output !== 'table') {
      const summary = mirror.summary()
      terminal.stdout.write(renderOutput(options.output, summary,
        () => renderSummaryTable(summary)))
    }
  }
}

function statusLine (
  terminal: Terminal, flows: () => readonly FlowTotals[]
): StatusLine {
  const { clock, stdout } = terminal
  return new StatusLine({
    output: stdout, flows, clock, color: hasColor(terminal), onError: () => {}
  })
}

function statusOf ({ ready, reasons }: Readiness): string {
  return ready ? 'records flow' : reasons.join('; ')
}

/** A service counts as started by then, also if a cluster does not answer. */
const readyMsMax = 20_000

async function mirrorUntilStopped (
  mirror: Mirror, service: ServiceNotices, terminal: Terminal, log: Log
): Promise<ExitCode> {
  const stopped = aborted(terminal.stopped)
  const started = new AbortController()
  const tellReady = (): void => {
    service.ready()
    terminal.onStarted?.()
  }
  terminal.clock.sleep(readyMsMax, started.signal).then(tellReady, () => {})
  const failed = await Promise.race([mirror.start(), stopped.then(() => [])])
  started.abort()
  // While one flow runs, flows that could not start are retried. If none could, the process ends.
  const noneStarted = failed.length > 0 && failed.length === mirror.totals.length
  if (!noneStarted) {
    tellReady()
    await stopped
  }
  service.stopping()
  if (!noneStarted) log.info({}, 'stopping: waiting until the batches in flight are acknowledged')
  const drained = await mirror.stop()
  if (noneStarted) {
    log.error({ exitCode: exitCodes.notStarted }, 'no flow could start: the process ends')
    return exitCodes.notStarted
  }
  log.info({ drained }, 'stopped')
  return drained ? exitCodes.ok : exitCodes.failed
}

async function aborted (signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => {
    signal.addEventListener('abort', () => { resolve() }, { once: true })
  })
}
