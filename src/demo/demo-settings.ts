// The settings of the demo itself, as one table.
import {
  optionFlags, parseOptions, type OptionValues
} from '../orchestrator/config/option-table.ts'
import { bytes, integer, seconds, type Row } from '../orchestrator/config/setting-kinds.ts'

export const demoTable = {
  records: integer({
    doc: 'How many records are written.',
    importance: 'high', default: 200_000, min: 1, max: 100_000_000, flag: '--records <count>'
  }),
  seconds: seconds({
    doc: 'How long records are written; 0: until --records are written.',
    importance: 'high', default: 0, min: 0, max: 3600, flag: '--seconds <time>'
  }),
  recordBytes: bytes({
    doc: 'Bytes of a record\'s value.',
    importance: 'medium', default: 512, min: 128, max: 512 * 1024, flag: '--record-bytes <size>'
  }),
  topics: integer({
    doc: 'How many topics are mirrored; they take turns in having 1, 2 and 4 partitions.',
    importance: 'medium', default: 4, min: 1, max: 100, flag: '--topics <count>'
  })
} as const satisfies Record<string, Row<number>>

export type DemoSettings = OptionValues<typeof demoTable>

export const demoFlags = optionFlags(demoTable)

export type ParsedDemoSettings =
  | { readonly ok: true, readonly settings: DemoSettings }
  | { readonly ok: false, readonly problems: readonly string[] }

/** From the values that commander has collected under the names of the table. */
export function parseDemoSettings (options: Readonly<Record<string, unknown>>): ParsedDemoSettings {
  const parsed = parseOptions(demoTable, options)
  return parsed.ok ? { ok: true, settings: parsed.values } : parsed
}
