// The command-line flags of settings: rendered from the rows, so that help, ranges and defaults are
// those of the config table.
import { configTable, rowOf, type Setting } from './config-table.ts'

export interface CliFlag {
  readonly setting: Setting
  /** As commander reads it: `--lanes <count>`. */
  readonly flags: string
  /** The name of the value in commander: `lanes`, `lingerMs`. */
  readonly option: string
  readonly doc: string
}

export const cliFlags: readonly CliFlag[] = (Object.keys(configTable) as Setting[])
  .flatMap(setting => {
    const row = rowOf(setting)
    if (row.flag === undefined) return []
    const long = row.flag.split(' ')[0] ?? ''
    return [{
      setting,
      flags: row.flag,
      option: long.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
      doc: `${row.doc} [${setting}; ${row.range}; default ${row.show(row.default)}]`
    }]
  })

/**
 * Converts commander's parsed options to the `flags` of ParseOptions; absent options are left out.
 */
export function flagSettings (
  options: Readonly<Record<string, unknown>>
): Partial<Record<Setting, string>> {
  const given: Partial<Record<Setting, string>> = {}
  for (const { setting, option } of cliFlags) {
    const value = options[option]
    if (typeof value === 'string') given[setting] = value
  }
  return given
}
