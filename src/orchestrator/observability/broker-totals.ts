// What the lanes of a flow have exchanged with each broker, as sums that never fall.
import { CarriedSum, laneIncarnation } from './carried-sum.ts'
import type { LaneSnapshot } from './snapshot.ts'

/** Figures of one broker; times in ms. */
export interface BrokerTotals {
  /** The alias of its cluster. */
  readonly cluster: string
  readonly broker: string
  readonly requests: number
  readonly failedRequests: number
  readonly answerMs: number
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly throttleMs: number
  readonly connections: number
}

const figures = [
  'requests', 'failedRequests', 'answerMs', 'sentBytes', 'receivedBytes', 'throttleMs',
  'connections'
] as const

/** Ids come from the network. Brokers beyond this number share one row, which bounds the series. */
export const brokersMax = 1000
const otherBroker = 'other'

export class BrokerSums {
  readonly #sum = new CarriedSum()
  /** By cluster and broker, in the order of the figures of the sum. */
  readonly #rows = new Map<string, Pick<BrokerTotals, 'cluster' | 'broker'>>()

  observe (
    lanes: readonly LaneSnapshot[], { source, target }: { source: string, target: string }
  ): readonly BrokerTotals[] {
    const members = lanes.map(lane => {
      const byKey = new Map<string, readonly number[]>()
      for (const each of lane.brokers) {
        const key = this.#keyOf(each.isTarget ? target : source, String(each.broker))
        const known = byKey.get(key)
        byKey.set(key, figures.map((name, i) => Number(each[name]) + (known?.[i] ?? 0)))
      }
      return { key: String(lane.lane), incarnation: laneIncarnation(lane), byKey }
    })
    const keys = [...this.#rows.keys()]
    const totals = this.#sum.observe(members.map(({ byKey, ...member }) => ({
      ...member, values: keys.flatMap(key => byKey.get(key) ?? figures.map(() => 0))
    })))
    return [...this.#rows.values()].map((names, row) => ({
      ...names,
      ...Object.fromEntries(figures.map((name, i) =>
        [name, totals[row * figures.length + i] ?? 0])) as
        Readonly<Record<(typeof figures)[number], number>>
    }))
  }

  #keyOf (cluster: string, id: string): string {
    const key = JSON.stringify([cluster, id])
    if (this.#rows.has(key)) return key
    const broker = this.#rows.size < brokersMax ? id : otherBroker
    const known = JSON.stringify([cluster, broker])
    if (!this.#rows.has(known)) this.#rows.set(known, { cluster, broker })
    return known
  }
}
