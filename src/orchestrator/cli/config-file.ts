// The properties file of a command and the properties of its command line: read at the start, and
// again while the process runs.
import { readFileSync } from 'node:fs'
import { librdkafkaFeatures } from '../cluster/native-version.ts'
import { flagSettings } from '../config/cli-flags.ts'
import { readContainerLimits } from '../config/container-limits.ts'
import { readConfig, type ParsedConfig } from '../config/parse-config.ts'
import type { ConfigOptions } from './configure.ts'
import type { Terminal } from './terminal.ts'

export class ConfigFile {
  readonly path: string
  readonly #options: ConfigOptions
  readonly #environment: Terminal['environment']
  /** Read once: a flow does not restart because a container gets more memory. */
  readonly #limits = readContainerLimits(path => readFileSync(path, 'utf8'))
  /** The configuration that was last read without a problem. */
  #content: Buffer | undefined

  constructor (
    path: string, options: ConfigOptions, { environment }: Pick<Terminal, 'environment'>
  ) {
    this.path = path
    this.#options = options
    this.#environment = environment
  }

  /** Reads the file as it is now. */
  read (): ParsedConfig {
    let content: Buffer | undefined
    const parsed = this.#parse(path => {
      const read = readFileSync(path)
      if (path === this.path) content = read
      return read
    })
    if (parsed.ok) this.#content = content
    return parsed
  }

  /** The text of the last read(), with the present contents of the files that it names. */
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
