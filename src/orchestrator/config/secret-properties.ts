// Which properties contain a secret. No message, log line or command shows a secret; all code that
// shows a property by name asks this file.
import { secretClientProperties } from '../../dataplane/contract/contract-table.ts'
import { clientTable } from './client-table.ts'
import { processTable } from './process-table.ts'
import { redacted, type Row } from './setting-kinds.ts'

export { redacted }

/** Java's names, and librdkafka's names. */
export const secretProperties: ReadonlySet<string> = new Set([
  ...Object.entries(clientTable).flatMap(([name, row]) => row.secret === true ? [name] : []),
  ...Object.entries<Row<unknown>>(processTable)
    .flatMap(([name, row]) => row.secret === true ? [name] : []),
  ...secretClientProperties
])

/** With any prefix, `A->B.source.consumer.sasl.password`, and in any case. */
export function isSecret (property: string): boolean {
  const name = property.toLowerCase()
  for (let at = 0; at !== -1; at = name.indexOf('.', at + 1)) {
    if (secretProperties.has(at === 0 ? name : name.slice(at + 1))) return true
  }
  return false
}

export function redactValue (property: string, value: string): string {
  return isSecret(property) ? redacted : value
}
