// The problems that several flows of a process have together: a cluster that does not answer or
// refuses the login is one problem in the log, however many flows use the cluster. Also flows that
// do not start.
import type { Clock } from '../time/clock.ts'
import type { Log } from './log.ts'
import { RecurringProblems, type ReportedProblem } from './recurring-problems.ts'

type Problem = Omit<ReportedProblem, 'key'>

export class SharedProblems {
  readonly #recurring: RecurringProblems
  readonly #clock: Clock
  /** By alias: when a flow first noticed that the cluster answers again, monotonic. */
  readonly #answeredMs = new Map<string, number>()

  constructor (log: Log, clock: Clock) {
    this.#recurring = new RecurringProblems(log, clock)
    this.#clock = clock
  }

  reportCluster (alias: string, problem: Problem): void {
    this.#recurring.report({ ...problem, key: clusterKey(alias) })
  }

  /** Adds the consequences of a cluster's problem for one flow to the next line; '': none. */
  noteCluster (alias: string, flow: string, text: string): void {
    this.#recurring.note(clusterKey(alias), text, flow)
  }

  /** Whether the problem of the cluster lasts, and a line has reported it. */
  isClusterReported (alias: string): boolean {
    return this.#recurring.isReported(clusterKey(alias))
  }

  /** Monotonic; undefined: no flow has noticed that the cluster answers again. */
  answeredMs (alias: string): number | undefined { return this.#answeredMs.get(alias) }

  /**
   * A flow that noticed at `sinceMs` (monotonic) that the cluster did not answer has an answer. The
   * first of the flows ends the problem: the next outage is another problem, however soon it
   * begins.
   */
  endCluster (alias: string, sinceMs: number): void {
    if ((this.#answeredMs.get(alias) ?? -Infinity) >= sinceMs) return
    this.#recurring.end(clusterKey(alias))
    this.#answeredMs.set(alias, this.#clock.monotonic())
  }

  reportFlow (name: string, problem: Problem): void {
    this.#recurring.report({ ...problem, key: flowKey(name) })
  }

  endFlow (name: string): void { this.#recurring.end(flowKey(name)) }

  /** Writes the lines that are due. Call it about every second. */
  tick (): void { this.#recurring.tick() }
}

function clusterKey (alias: string): string { return `cluster ${alias}` }

function flowKey (name: string): string { return `flow ${name}` }
