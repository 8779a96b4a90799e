// Logs when a flow stops being ready and when it is ready again, except for its start and its stop.
import type { Log } from './log.ts'
import type { FlowTotals } from './flow-ledger.ts'
import { notReady } from './readiness.ts'

export class ReadinessLog {
  readonly #log: Log
  /** Since when each flow has not been ready, epoch ms; undefined: the flow is ready. */
  #sinceMs: ReadonlyMap<string, number | undefined> = new Map()

  constructor (log: Log) {
    this.#log = log
  }

  observe (flows: readonly FlowTotals[], nowMs: number): void {
    this.#sinceMs = new Map(flows.map(flow => {
      const name = `${flow.source}->${flow.target}`
      return [name, this.#observeFlow(name, flow, nowMs)]
    }))
  }

  #observeFlow (name: string, flow: FlowTotals, nowMs: number): number | undefined {
    const sinceMs = this.#sinceMs.get(name)
    const [first, ...others] = notReady(flow, nowMs)
    const fields = { flow: name, reason: first?.reason }
    if (first === undefined) {
      if (sinceMs !== undefined && sinceMs > 0) {
        const seconds = Math.round((nowMs - sinceMs) / 1000)
        this.#log.info(fields, `${name} is ready again after ${seconds} s`)
      }
      return undefined
    }
    if (!this.#sinceMs.has(name)) return notYet
    if (sinceMs !== undefined || isEnding(flow)) return sinceMs ?? notYet
    const more = others.length === 0 ? '' : ` (and ${others.length} reasons more at /readyz)`
    this.#log.warn(fields, `not ready: ${first.text}${more}`)
    return nowMs
  }
}

function isEnding ({ state }: FlowTotals): boolean {
  return state === 'draining' || state === 'stopped'
}

/** The flow has not been ready since its start: another log line reports when it runs. */
const notYet = 0
