// `longhaul migrate-config FILE...`: converts the configurations of MirrorMaker 2's connectors on
// Kafka Connect, or Strimzi's KafkaMirrorMaker2 resources, to a properties file with the same
// meaning.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import {
  connectorConfigOf, importOptionsOf, propertiesOf
} from '../mirror-maker/connector-config.ts'
import { fieldsOf } from '../mirror-maker/parsed-value.ts'
import { strimziConfigsOf, type StrimziConfigs } from '../mirror-maker/strimzi-resource.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export interface MigrateConfigOptions {
  /** Undefined: write to stdout. */
  readonly to?: string
}

export function migrateConfig (
  files: readonly string[], { to }: MigrateConfigOptions, { stderr, stdout }: Terminal
): ExitCode {
  try {
    const read = files.flatMap(file => readConfigs(file))
    const { text, warnings } = propertiesOf(read.flatMap(({ configs }) => configs))
    for (const warning of [...read.flatMap(each => each.warnings), ...warnings]) {
      stderr.write(`warning: ${warning}\n`)
    }
    if (to === undefined) {
      stdout.write(text)
    } else {
      // The file may hold passwords, and the user may have completed an existing file by hand.
      writeFileSync(to, text, { mode: 0o600, flag: 'wx' })
      stderr.write(`wrote ${to}\n`)
    }
    for (const line of importOptionsOf(read.flatMap(({ configs }) => configs))) {
      stderr.write(`${line}\n`)
    }
    return exitCodes.ok
  } catch (thrown) {
    stderr.write(`error: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`)
    return exitCodes.usage
  }
}

/** From all documents of the file. Other kinds, such as a Secret, are ignored. */
function readConfigs (file: string): readonly StrimziConfigs[] {
  const found = documentsOf(file).map((value): StrimziConfigs => {
    const config = connectorConfigOf(value)
    return strimziConfigsOf(value) ??
      { configs: config === undefined ? [] : [config], warnings: [] }
  })
  if (found.every(({ configs }) => configs.length === 0)) {
    throw new Error(`${file} holds no configuration of a connector of MirrorMaker 2, and no ` +
      'KafkaMirrorMaker2 resource with mirrors')
  }
  return found.map(({ warnings, ...rest }) =>
    ({ ...rest, warnings: warnings.map(warning => `${file}: ${warning}`) }))
}

/** The YAML parser also reads JSON. */
function documentsOf (file: string): readonly unknown[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).flatMap(document => {
    const [error] = document.errors
    if (error !== undefined) throw new Error(`${file} is neither JSON nor YAML: ${error.message}`)
    return itemsOf(document.toJS())
  })
}

/** The resources or connectors in one document. */
function itemsOf (value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[]
  const { items, kind } = fieldsOf(value)
  // kubectl prints several resources as one list.
  if (kind === 'List' && Array.isArray(items)) return items as readonly unknown[]
  // Kafka Connect answers GET /connectors?expand=info with all connectors by name.
  const connectors = Object.values(fieldsOf(value)).flatMap(each => fieldsOf(each)['info'] ?? [])
  return connectors.length > 0 ? connectors : [value]
}
