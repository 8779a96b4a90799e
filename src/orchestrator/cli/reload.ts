// Reads the configuration again while the process runs, and applies all of its changes or none: at
// SIGHUP, or when an operator orders it, the file; after a replacement the certificates, stores and
// secrets that the file names.
import { readFileSync } from 'node:fs'
import type { ConfigChanges } from '../config/config-changes.ts'
import type { Config } from '../config/config.ts'
import type { ParsedConfig } from '../config/parse-config.ts'
import { replacedFiles } from '../config/read-files.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Mirror } from '../flow/mirror.ts'
import type { LogLevel } from '../observability/log-levels.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import type { ConfigFile } from './config-file.ts'

export interface ReloadOptions {
  readonly file: ConfigFile
  /** The configuration in use. */
  readonly config: Config
  readonly mirror: Pick<Mirror, 'changesOf' | 'reload'>
  /** The reading of the file begins; `onRead` follows, whatever its result. */
  readonly onReading?: () => void
  readonly onRead?: () => void
  /** Receives the level of the file. */
  readonly setLogLevel: (level: LogLevel) => void
  readonly log: Log
  readonly clock: Clock
}

export class Reload {
  readonly #options: ReloadOptions
  readonly #watching: IntervalLoop
  #config: Config
  #isRunning = false
  /**
   * Another reload was requested during a reload, which may have read the file before its change.
   */
  #isRequested = false
  /** Why the replaced files cannot be used; logged once. */
  #refusal = ''

  constructor (options: ReloadOptions) {
    this.#options = options
    this.#config = options.config
    this.#watching = new IntervalLoop({
      intervalMs: options.config.process['file.check.interval.ms'],
      clock: options.clock,
      first: 'delayed',
      run: async () => { await this.#lookAtFiles() },
      onError: thrown => {
        options.log.error({ err: thrown }, 'the files cannot be checked for changes')
      }
    })
  }

  /** From now on checks whether the files that the configuration names are replaced. */
  start (): void { this.#watching.start() }

  async stop (): Promise<void> { await this.#watching.stop() }

  /** Requests a reload. Returns at once; the log names the result. */
  request (): void {
    this.#isRequested = true
    if (!this.#isRunning) void this.#run()
  }

  /**
   * What a reload would change now, one line each; applies nothing. Throws every reason for which a
   * reload would be refused, in one error.
   */
  check (): readonly string[] {
    const { file, mirror } = this.#options
    return textsOf(mirror.changesOf(acceptable(file.read().parsed)))
  }

  async #run (): Promise<void> {
    const { file, log, onRead, onReading } = this.#options
    this.#isRunning = true
    onReading?.()
    while (this.#isRequested) {
      this.#isRequested = false
      try {
        const reading = file.read()
        await this.#apply(reading.parsed, `${file.path} was read again`)
        file.use(reading)
      } catch (thrown) {
        const error = ReplicatorError.from(thrown)
        log.error({ err: error }, `${file.path} was read again and is refused; no change of it ` +
          `applies: ${error.message}`)
      }
    }
    this.#isRunning = false
    onRead?.()
  }

  async #lookAtFiles (): Promise<void> {
    const { file, log } = this.#options
    const replaced = replacedFiles(this.#config.files, path => readFileSync(path))
    if (replaced.length === 0 || this.#isRunning) return
    this.#isRunning = true
    try {
      await this.#apply(file.readNamedFiles(), `replaced: ${replaced.join(', ')}`)
      this.#refusal = ''
    } catch (thrown) {
      // Files are replaced one after another: at the next check they may match.
      const error = ReplicatorError.from(thrown)
      const text =
        `replaced: ${replaced.join(', ')}; the previous ones stay in use: ${error.message}`
      if (text !== this.#refusal) log.error({ err: error }, text)
      this.#refusal = text
    } finally {
      this.#isRunning = false
      if (this.#isRequested) void this.#run()
    }
  }

  async #apply (
    parsed: ParsedConfig, what: string
  ): Promise<void> {
    const { log, mirror, setLogLevel } = this.#options
    const warnings = parsed.ok ? parsed.config.warnings : parsed.warnings
    for (const warning of warnings) {
      if (!this.#config.warnings.includes(warning)) log.warn({}, warning)
    }
    const config = acceptable(parsed)
    const changes = await mirror.reload(config)
    this.#config = config
    setLogLevel(config.process['log.level'])
    const lines = textsOf(changes)
    log.info({ changes: lines },
      `${what}: ${lines.length === 0 ? 'nothing has changed' : lines.join('; ')}`)
  }
}

/** The configuration of a file. Throws all of its problems in one error. */
function acceptable (parsed: ParsedConfig): Config {
  if (!parsed.ok) {
    const [first, ...others] = parsed.problems
    if (first === undefined) throw new ReplicatorError('INTERNAL', 'refused without a reason')
    if (others.length === 0) throw first
    const details = parsed.problems.map(({ detail }) => detail).join('; ')
    throw new ReplicatorError(first.row, details, { cause: first, ...settingOf(first) })
  }
  if (parsed.config.flows.length === 0) {
    throw new ReplicatorError('CONFIG_INVALID', 'no flow is enabled; to mirror nothing, stop the ' +
      'process')
  }
  return parsed.config
}

function settingOf ({ setting }: ReplicatorError): { readonly setting?: string } {
  return setting === undefined ? {} : { setting }
}

function textsOf ({ added, changed, process, removed }: ConfigChanges): readonly string[] {
  return [
    ...process,
    ...added.map(({ name }) => `${name} is new`),
    ...removed.map(name => `${name} is stopped`),
    ...changed.filter(({ lines }) => lines.length > 0).map(({ config, isLive, lines }) =>
      `${config.name}${isLive ? '' : ' is drained and restarted'}: ${lines.join(', ')}`)
  ]
}
