// Errors of a flow by name, as sums that never fall: every error of the table that has occurred.
import { errorByCode, errorTable } from '../errors/error-table.ts'
import { CarriedSum, laneIncarnation } from './carried-sum.ts'
import type { CountsByCode, LaneSnapshot } from './snapshot.ts'

interface CountedErrors {
  readonly key: string
  readonly incarnation: string
  readonly counts: CountsByCode
}

const unknownErrorName = 'OTHER'

/**
 * The lane splits the batch and sends its parts. One record that is too large faults the partition
 * with RECORD_TOO_LARGE.
 */
const splitErrors: ReadonlySet<number> = new Set([
  errorTable.MESSAGE_TOO_LARGE.code, errorTable.RECORD_LIST_TOO_LARGE.code
])

export class ErrorCounts {
  readonly #final = new NamedSum()
  readonly #retried = new NamedSum()

  /** Errors that stopped a partition, and errors of the control plane. */
  observeFinal (
    lanes: readonly LaneSnapshot[], ofFlow: CountsByCode
  ): ReadonlyMap<string, number> {
    return this.#final.observe(counted(lanes, ofFlow, false))
  }

  /** Errors after which a lane or the flow retried. */
  observeRetried (
    lanes: readonly LaneSnapshot[], ofFlow: CountsByCode
  ): ReadonlyMap<string, number> {
    return this.#retried.observe(counted(lanes, ofFlow, true))
  }
}

class NamedSum {
  readonly #sum = new CarriedSum()
  readonly #names: string[] = []

  observe (members: readonly CountedErrors[]): ReadonlyMap<string, number> {
    const byName = members.map(({ counts, incarnation, key }) =>
      ({ key, incarnation, counts: countsByName(counts) }))
    for (const { counts } of byName) {
      for (const name of counts.keys()) {
        if (!this.#names.includes(name)) this.#names.push(name)
      }
    }
    const totals = this.#sum.observe(byName.map(({ counts, ...member }) =>
      ({ ...member, values: this.#names.map((name) => counts.get(name) ?? 0) })))
    return new Map(this.#names.map((name, index) => [name, totals[index] ?? 0]))
  }
}

/** Codes come from the network: codes outside the table share one name, which bounds the series. */
function countsByName (counts: CountsByCode): ReadonlyMap<string, number> {
  const byName = new Map<string, number>()
  for (const [code, count] of counts) {
    const known = errorByCode(code).name
    const name = known in errorTable ? known : unknownErrorName
    byName.set(name, (byName.get(name) ?? 0) + Number(count))
  }
  return byName
}

/** The errors of lanes of this kind, and those of the flow, which are all of this kind. */
function counted (
  lanes: readonly LaneSnapshot[], ofFlow: CountsByCode, retriable: boolean
): readonly CountedErrors[] {
  return [
    ...lanes.map((lane) => errorsOf(lane, retriable)),
    { key: 'flow', incarnation: '', counts: ofFlow }
  ]
}

function errorsOf (lane: LaneSnapshot, retriable: boolean): CountedErrors {
  const counts = new Map([...lane.errorsByCode].filter(([code]) =>
    (errorByCode(code).retriable || splitErrors.has(code)) === retriable))
  return { key: String(lane.lane), incarnation: laneIncarnation(lane), counts }
}
