// The properties file of a command and the properties of its command line: read at the start, and
// again while the process runs.
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { librdkafkaFeatures } from '../cluster/native-version.ts'
import { flagSettings } from '../config/cli-flags.ts'
import { readContainerLimits, withinMachine } from '../config/container-limits.ts'
import { readConfig, type ParsedConfig } from '../config/parse-config.ts'
import type { InputOptions } from './configure.ts'
import type { Terminal } from './terminal.ts'

/** One reading of the file. */
export interface FileReading {
  readonly parsed: ParsedConfig
  /** Undefined: the file could not be read. */
  readonly content: Buffer | undefined
}

export class ConfigFile {
  readonly path: string
  readonly #options: InputOptions
  readonly #environment: Terminal['environment']
  /** Read once: a flow does not restart because a container gets more memory. */
  readonly #limits = withinMachine(
    readContainerLimits(path => readFileSync(path, 'utf8')), totalmem())
  /** Of the configuration in use. */
  #content: Buffer | undefined

  constructor (
    path: string, options: InputOptions, { environment }: Pick<Terminal, 'environment'>
  ) {
    this.path = path
    this.#options = options
    this.#environment = environment
  }

  /** Reads the file as it is now. */
  read (): FileReading {
    let content: Buffer | undefined
    const parsed = this.#parse(path => {
      const read = readFileSync(path)
      if (path === this.path) content = read
      return read
    })
    return { parsed, content }
  }

  /** The reading is in use from now on. A refused one never is, so its text is not kept. */
  use ({ content }: FileReading): void { this.#content = content }

  /** The text in use, with the present contents of the files that it names. */
  readNamedFiles (): ParsedConfig {
    const content = this.#content
    return this.#parse(path =>
      path === this.path && content !== undefined ? content : readFileSync(path))
  }

  #parse (readFile: (path: string) => Buffer): ParsedConfig {
    const { clusters, ignore = [], strict = false, X } = this.#options
    return readConfig(this.path, {
      overrides: X,
      ignored: ignore,
      isStrict: strict,
      flags: flagSettings({ ...this.#options }),
      features: librdkafkaFeatures,
      environment: this.#environment,
      limits: this.#limits,
      readFile,
      ...clusters !== undefined && { clusters }
    })
  }
}
