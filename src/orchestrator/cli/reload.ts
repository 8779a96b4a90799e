// SIGHUP: reads the file again, with the same command line, and applies the whole or nothing of it.
import type { ConfigChanges } from '../config/config-changes.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Mirror } from '../flow/mirror.ts'
import type { ProcessLog } from '../observability/log.ts'
import { readFile, type ConfigOptions } from './configure.ts'
import type { Terminal } from './terminal.ts'

export interface ReloadOptions {
  readonly file: string
  readonly options: ConfigOptions
  readonly terminal: Pick<Terminal, 'environment'>
  readonly mirror: Pick<Mirror, 'reload'>
  readonly log: ProcessLog
}

export class Reload {
  readonly #options: ReloadOptions
  #isRunning = false
  /** Requested while one runs, which may have read the file before it was changed. */
  #isRequested = false

  constructor (options: ReloadOptions) {
    this.#options = options
  }

  /** Returns at once; the log says what came of it. */
  request (): void {
    this.#isRequested = true
    if (!this.#isRunning) void this.#run()
  }

  async #run (): Promise<void> {
    const { file, log } = this.#options
    this.#isRunning = true
    while (this.#isRequested) {
      this.#isRequested = false
      try {
        await this.#reload()
      } catch (thrown) {
        const error = ReplicatorError.from(thrown)
        log.error({ err: error }, `${file} was read again and is refused, and nothing of it ` +
          `applies: ${error.message}`)
      }
    }
    this.#isRunning = false
  }

  async #reload (): Promise<void> {
    const { file, log, mirror, options, terminal } = this.#options
    const parsed = readFile(file, options, terminal)
    const warnings = parsed.ok ? parsed.config.warnings : parsed.warnings
    for (const warning of warnings) log.warn({}, warning)
    if (!parsed.ok) {
      const [first, ...others] = parsed.problems
      for (const problem of others) log.error({ err: problem }, problem.message)
      throw first ?? new ReplicatorError('INTERNAL', `${file} is refused without a reason`)
    }
    if (parsed.config.flows.length === 0) {
      throw new ReplicatorError('CONFIG_INVALID', 'no flow is enabled; to mirror nothing, stop ' +
        'the process')
    }
    const changes = await mirror.reload(parsed.config)
    log.setLevel(parsed.config.process['log.level'])
    const lines = textsOf(changes)
    log.info({ changes: lines }, lines.length === 0
      ? `${file} was read again: nothing has changed`
      : `${file} was read again: ${lines.join('; ')}`)
  }
}

function textsOf ({ added, changed, process, removed }: ConfigChanges): readonly string[] {
  return [
    ...process,
    ...added.map(({ name }) => `${name} is new`),
    ...removed.map(name => `${name} is stopped`),
    ...changed.filter(({ lines }) => lines.length > 0).map(({ config, isLive, lines }) =>
      `${config.name}${isLive ? '' : ' is drained and started again'}: ${lines.join(', ')}`)
  ]
}
