// `longhaul migrate-config JSON...`: the properties file that means the same as the configurations
// of MirrorMaker 2's connectors on Kafka Connect, or as Strimzi's KafkaMirrorMaker2 resources.
import { readFileSync, writeFileSync } from 'node:fs'
import { connectorConfigOf, propertiesOf } from '../mirror-maker/connector-config.ts'
import { strimziConfigsOf } from '../mirror-maker/strimzi-resource.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export interface MigrateConfigOptions {
  /** Undefined: to stdout. */
  readonly to?: string
}

export function migrateConfig (
  files: readonly string[], { to }: MigrateConfigOptions, { stderr, stdout }: Terminal
): ExitCode {
  try {
    const configs = files.flatMap(file => {
      const json: unknown = JSON.parse(readFileSync(file, 'utf8'))
      const strimzi = strimziConfigsOf(json)
      for (const warning of strimzi?.warnings ?? []) stderr.write(`warning: ${file}: ${warning}\n`)
      const config = connectorConfigOf(json)
      const found = strimzi?.configs ?? (config === undefined ? [] : [config])
      if (found.length === 0) {
        throw new Error(`${file} holds no configuration of a connector of MirrorMaker 2, and no ` +
          'KafkaMirrorMaker2 resource')
      }
      return found
    })
    const text = propertiesOf(configs)
    if (to === undefined) stdout.write(text)
    // The file may hold passwords.
    else writeFileSync(to, text, { mode: 0o600 })
    return exitCodes.ok
  } catch (thrown) {
    stderr.write(`error: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`)
    return exitCodes.usage
  }
}
