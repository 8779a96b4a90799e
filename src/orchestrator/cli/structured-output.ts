// The result of a command for programs: JSON in one line, or YAML.
import { stringify } from 'yaml'
import type { OutputFormat } from './configure.ts'

/** `table` renders the result for people. */
export function renderOutput (
  format: OutputFormat, result: unknown, table: () => string
): string {
  switch (format) {
    case 'table': return `${table()}\n`
    case 'json': return `${JSON.stringify(result)}\n`
    case 'yaml': return stringify(result)
  }
}
