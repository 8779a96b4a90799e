// Options of one command that are no settings of a mirror, as a table of rows: their flags with
// help, and their values with the problems of all of them.
import type { Row } from './setting-kinds.ts'

/** Each key is commander's name for the row's flag: recordSize for --record-size. */
export type OptionTable = Readonly<Record<string, Row<unknown>>>

type ValueOf<Of> = Of extends Row<infer Value> ? Value : never

export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: ValueOf<Table[Name]>
}

export interface OptionFlag {
  readonly flags: string
  readonly doc: string
}

export function optionFlags (table: OptionTable): readonly OptionFlag[] {
  return Object.values(table).map(row => ({
    flags: row.flag ?? '',
    doc: `${row.doc} [${row.range}; default ${row.show(row.default)}]`
  }))
}

export type ParsedOptions<Table extends OptionTable> =
  | { readonly ok: true, readonly values: OptionValues<Table> }
  | { readonly ok: false, readonly problems: readonly string[] }

/** From the values that commander has collected under the names of the table. */
export function parseOptions<Table extends OptionTable> (
  table: Table, options: Readonly<Record<string, unknown>>
): ParsedOptions<Table> {
  const problems: string[] = []
  const values = Object.entries<Row<unknown>>(table).map(([name, row]) => {
    const written = options[name]
    if (typeof written !== 'string') return [name, row.default]
    const value = row.parse(written)
    if (value === undefined) problems.push(`${row.flag}: ${written} is not of ${row.range}`)
    return [name, value ?? row.default]
  })
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, values: Object.fromEntries(values) as OptionValues<Table> }
}
