// THE error table: one row an error, whoever raised it. Code that meets an error asks this table
// (retriable? how far does it reach? what does the operator do?) and never matches texts. The data
// plane gets `retriable` and `refreshesMetadata` by code through a header rendered from here, so
// the files of this folder import nothing else.
import { dataPlaneErrors } from './data-plane-errors.ts'
import { row, upgrade, type ErrorRow } from './error-row.ts'
import { kafkaErrors } from './kafka-errors.ts'
import { librdkafkaErrors } from './librdkafka-errors.ts'
import { orchestratorErrors } from './orchestrator-errors.ts'

export const errorTable = {
  ...kafkaErrors, ...librdkafkaErrors, ...dataPlaneErrors, ...orchestratorErrors
} as const

export type ErrorName = keyof typeof errorTable
export interface NamedErrorRow extends ErrorRow { readonly name: string }

const namesByCode: ReadonlyMap<number, ErrorName> = new Map(
  (Object.keys(errorTable) as ErrorName[]).map(name => [errorTable[name].code, name])
)

export function errorByName (name: ErrorName): NamedErrorRow {
  return { name, ...errorTable[name] }
}

/**
 * The row of a code. A code that the table does not hold comes from a broker newer than the table:
 * it stops the partition, visibly, rather than being retried for ever.
 */
export function errorByCode (code: number): NamedErrorRow {
  const name = namesByCode.get(code)
  if (name !== undefined) return errorByName(name)
  return {
    name: `ERROR_${code}`,
    ...row(code, 'final', 'partition', `error ${code}, which Longhaul does not know`, upgrade)
  }
}
