// The result of a command: a table for people, or JSON in one line or YAML for programs.
import { stringify } from 'yaml'
import type { OutputFormat } from './configure.ts'

/** `table` renders the result for people, with or without the end of its last line. */
export function renderOutput (
  format: OutputFormat, result: unknown, table: () => string
): string {
  switch (format) {
    case 'table': return endedLine(table())
    case 'json': return `${JSON.stringify(result)}\n`
    case 'yaml': return stringify(result)
  }
}

function endedLine (text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
