// Logs when a flow stops being ready and when it is ready again, except for its start and its stop.
// Flows that change soon after another one are named together: they may share the cluster that is
// the reason.
import type { Log } from './log.ts'
import type { FlowTotals } from './flow-ledger.ts'
import { notReady } from './readiness.ts'

/** Each flow checks its clusters separately, and notices a change within this time. */
const togetherMs = 15_000
/** How many flows one line names. */
const namedMax = 10

/** The flow has not been ready since its start: another log line reports when it runs. */
const notYet = 0

export class ReadinessLog {
  readonly #stops: ChangeLines
  readonly #returns: ChangeLines
  /** Since when each flow has not been ready, epoch ms; undefined: the flow is ready. */
  #sinceMs: ReadonlyMap<string, number | undefined> = new Map()

  constructor (log: Log) {
    this.#stops = new ChangeLines((fields, text) => { log.warn(fields, text) }, 'not ready')
    this.#returns = new ChangeLines((fields, text) => { log.info(fields, text) }, 'ready again')
  }

  observe (flows: readonly FlowTotals[], nowMs: number): void {
    this.#sinceMs = new Map(flows.map(flow => {
      const name = `${flow.source}->${flow.target}`
      return [name, this.#observeFlow(name, flow, nowMs)]
    }))
    this.#stops.tick(nowMs)
    this.#returns.tick(nowMs)
  }

  #observeFlow (name: string, flow: FlowTotals, nowMs: number): number | undefined {
    const sinceMs = this.#sinceMs.get(name)
    const [first, ...others] = notReady(flow, nowMs)
    const fields = { flow: name, reason: first?.reason }
    if (first === undefined) {
      if (sinceMs !== undefined && sinceMs > 0 && !this.#stops.withdraw(name)) {
        const seconds = Math.round((nowMs - sinceMs) / 1000)
        this.#returns.add(name, fields, `${name} is ready again after ${seconds} s`, nowMs)
      }
      return undefined
    }
    if (!this.#sinceMs.has(name)) return notYet
    if (sinceMs !== undefined || isEnding(flow)) return sinceMs ?? notYet
    if (this.#returns.withdraw(name)) return nowMs
    const more = others.length === 0 ? '' : ` (and ${others.length} reasons more at /readyz)`
    this.#stops.add(name, fields, `not ready: ${first.text}${more}`, nowMs)
    return nowMs
  }
}

interface Change {
  readonly fields: Readonly<Record<string, unknown>>
  readonly text: string
}

/** The first change has a line at once; those that soon follow have one line together. */
class ChangeLines {
  readonly #write: (fields: Change['fields'], text: string) => void
  readonly #what: string
  #firstMs = -Infinity
  readonly #waiting = new Map<string, Change>()

  constructor (write: (fields: Change['fields'], text: string) => void, what: string) {
    this.#write = write
    this.#what = what
  }

  add (flow: string, fields: Change['fields'], text: string, nowMs: number): void {
    if (nowMs - this.#firstMs < togetherMs) {
      this.#waiting.set(flow, { fields, text })
    } else {
      this.#firstMs = nowMs
      this.#write(fields, text)
    }
  }

  /** The change of the flow is over, and has no line; false: it has one, or there was none. */
  withdraw (flow: string): boolean { return this.#waiting.delete(flow) }

  tick (nowMs: number): void {
    if (nowMs - this.#firstMs < togetherMs || this.#waiting.size === 0) return
    const [[, first] = []] = this.#waiting
    const names = [...this.#waiting.keys()]
    const more = names.length > namedMax ? ` and ${names.length - namedMax} more` : ''
    if (names.length === 1 && first !== undefined) {
      this.#write(first.fields, first.text)
    } else {
      this.#write({ flows: names }, `${names.length} flows more are ${this.#what}: ` +
        `${names.slice(0, namedMax).join(', ')}${more}; for example ${String(first?.text)}`)
    }
    this.#waiting.clear()
  }
}

function isEnding ({ state }: FlowTotals): boolean {
  return state === 'draining' || state === 'stopped'
}
