// What the control plane of one flow has to complain of: counted by error, and what lasts is said
// once. What lanes complain of they count themselves.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from './log.ts'
import type { CountsByCode } from './snapshot.ts'

export class FlowProblems {
  readonly #log: Log
  readonly #counts = new Map<number, bigint>()
  /** What was said last of each topic or partition; only of those that were spoken of lately. */
  readonly #said = new Map<string, string>()
  readonly #spokenOf = new Set<string>()

  constructor (log: Log) {
    this.#log = log
  }

  /** Since the flow began. */
  get counts (): CountsByCode { return new Map(this.#counts) }

  count ({ code }: ReplicatorError): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0n) + 1n)
  }

  /** A problem of the flow, each time it comes. */
  warn (thrown: unknown): void {
    const error = ReplicatorError.from(thrown)
    this.count(error)
    this.#log.warn({ err: error }, error.message)
  }

  /** A problem of a topic or partition: said and counted when it begins and when it changes. */
  say (of: string, error: ReplicatorError): void {
    this.#spokenOf.add(of)
    if (this.#said.get(of) === error.message) return
    this.#said.set(of, error.message)
    this.count(error)
    this.#log.error({ topic: of, err: error }, `${of}: ${error.message}`)
  }

  /**
   * After everything was looked at: what nobody spoke of since the last call is over, and is said
   * again if it comes back.
   */
  endRound (): void {
    for (const of of [...this.#said.keys()]) {
      if (!this.#spokenOf.has(of)) this.#said.delete(of)
    }
    this.#spokenOf.clear()
  }
}
