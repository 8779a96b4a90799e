// THE error table: one row for each error of brokers, librdkafka and Longhaul. Code that handles an
// error reads this table (retriable? how far does it reach? what should the operator do?) and never
// matches texts. The data plane gets `retriable` and `refreshesMetadata` by code, through a header
// that is rendered from here, so the files of this folder import no others.
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
 * The row of a code. A code that is not in the table comes from a broker that is newer than the
 * table: it stops the partition, visibly, because it might be retried for ever.
 */
export function errorByCode (code: number): NamedErrorRow {
  const name = namesByCode.get(code)
  if (name !== undefined) return errorByName(name)
  return {
    name: `ERROR_${code}`,
    ...row(code, 'final', 'partition', `error ${code}, which Longhaul does not know`, upgrade)
  }
}
