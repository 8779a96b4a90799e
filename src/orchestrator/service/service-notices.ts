// Sends systemd the state of the process: ready, reloading, stopping, alive, and a text. Does
// nothing if no unit of Type=notify has started the process.
//
// Ready means started: a start that takes long must not make systemd end the process, so the text
// of STATUS= says whether records flow. Alive means that the event loop runs:
// then orders, signals and the hand-over to another process work.
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'

export interface ServiceNoticesOptions {
  /** NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, as systemd sets them. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly pid: number
  /** 0, or the errno. */
  readonly send: (socket: string, text: string) => number
  /** What the operator reads in `systemctl status`. */
  readonly status: () => string
  /** CLOCK_MONOTONIC. */
  readonly monotonicUsec: () => bigint
  readonly log: Pick<Log, 'warn'>
  readonly clock: Clock
}

const statusMs = 5_000
const statusCharactersMax = 500

export class ServiceNotices {
  readonly #options: ServiceNoticesOptions
  readonly #socket: string | undefined
  readonly #loop: IntervalLoop | undefined
  #isReady = false
  #isStopping = false
  #status = ''
  #hasFailed = false

  constructor (options: ServiceNoticesOptions) {
    this.#options = options
    const { clock, environment, pid } = options
    const { NOTIFY_SOCKET: socket, WATCHDOG_PID: watched, WATCHDOG_USEC: limit } = environment
    if (socket === undefined || socket === '') return
    this.#socket = socket
    const isWatched = watched === undefined || watched === '' || Number(watched) === pid
    const watchdogMs = isWatched ? Number(limit) / 1000 : NaN
    const isAlive = watchdogMs > 0 ? ['WATCHDOG=1'] : []
    this.#loop = new IntervalLoop({
      // Half of the limit, as sd_watchdog_enabled(3) advises.
      intervalMs: watchdogMs > 0 ? Math.min(watchdogMs / 2, statusMs) : statusMs,
      clock,
      run: async () => { this.#tell(...isAlive, ...this.#newStatus()) },
      onError: () => {}
    })
  }

  /** From now on the process is watched, if its unit says so, and shows its status. */
  start (): void { this.#loop?.start() }

  async stop (): Promise<void> { await this.#loop?.stop() }

  ready (): void {
    if (this.#isReady || this.#isStopping) return
    this.#isReady = true
    this.#tell('READY=1', ...this.#newStatus())
  }

  /** Call ready again at the end of the reload, whether it was refused or not. */
  reloading (): void {
    if (!this.#isReady || this.#isStopping) return
    this.#isReady = false
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${this.#options.monotonicUsec()}`)
  }

  /** The drain begins. */
  stopping (): void {
    this.#isStopping = true
    this.#tell('STOPPING=1', 'STATUS=stops: waits until the batches in flight are acknowledged')
  }

  #newStatus (): readonly string[] {
    if (this.#isStopping) return []
    const status = this.#options.status().replaceAll('\n', ' ').slice(0, statusCharactersMax)
    if (status === this.#status) return []
    this.#status = status
    return [`STATUS=${status}`]
  }

  #tell (...lines: readonly string[]): void {
    if (this.#socket === undefined || lines.length === 0) return
    const { log, send } = this.#options
    const errno = send(this.#socket, lines.join('\n'))
    if (errno === 0 || this.#hasFailed) return
    this.#hasFailed = true
    log.warn({ errno }, `systemd does not learn the state of the process: NOTIFY_SOCKET=` +
      `${this.#socket} refuses a datagram (errno ${errno}). With WatchdogSec= in the unit, ` +
      'systemd will end the process: remove it, or mend the socket')
  }
}
