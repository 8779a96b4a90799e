// What the routes of the API share: the mirror that they show, and the bounds of the API.
import type { Config } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowOperations } from '../flow/flow-operations.ts'
import type { MoveEvent } from '../flow/move-event.ts'
import type { FlowTotals } from '../observability/flow-ledger.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { nameOf, type Moment } from './flow-views.ts'
import type { Throughput } from './throughput.ts'

/** The mirror as the API uses it; flow/mirror.ts has these methods. */
export interface ApiMirror {
  /** The configuration in use. */
  readonly config: Config
  /** Where the API listens, as the members of the flows announce it; '': nowhere yet. */
  readonly url: string
  readonly totals: readonly FlowTotals[]
  operations (flow: string): FlowOperations | undefined
  onMove (listener: (event: MoveEvent) => void): () => void
}

export interface ApiContext {
  readonly mirror: ApiMirror
  /**
   * What a reload of the file of this process would change, one line each; throws why the file is
   * refused. Absent: the process has no file.
   */
  readonly checkFile?: () => readonly string[]
  readonly rates: Throughput
  readonly limits: ApiLimits
  readonly log: Log
  readonly clock: Clock
}

export interface ApiLimits {
  /** Of a request; an order has a few hundred bytes. */
  readonly bodyBytesMax: number
  /** Requests and changes of one address in windowMs. */
  readonly requestsMax: number
  readonly changesMax: number
  readonly windowMs: number
  /** Live views; each keeps a connection. */
  readonly eventClientsMax: number
  /** Events that wait for a slow client: more than the moves of a flow that starts. */
  readonly queuedEventsMax: number
  /** Waits for caught-up; each reads positions twice a second. */
  readonly waitersMax: number
  readonly waitMsMax: number
  /** For an answer of all processes: how many others, how long, and how many requests at a time. */
  readonly joinedProcessesMax: number
  readonly joinMsMax: number
  readonly joinRequestsMax: number
}

export const apiLimits: ApiLimits = {
  bodyBytesMax: 16 * 1024,
  requestsMax: 500,
  changesMax: 30,
  windowMs: 10_000,
  eventClientsMax: 16,
  queuedEventsMax: 20_000,
  waitersMax: 8,
  waitMsMax: 3_600_000,
  joinedProcessesMax: 32,
  joinMsMax: 2_000,
  joinRequestsMax: 128
}

/** An error with its HTTP status. */
export class HttpError extends Error {
  readonly statusCode: number

  constructor (statusCode: number, text: string) {
    super(text)
    this.statusCode = statusCode
  }
}

export function flowOf ({ mirror }: ApiContext, name: string): FlowTotals {
  const flow = mirror.totals.find(each => nameOf(each) === name)
  if (flow !== undefined) return flow
  const names = mirror.totals.map(nameOf).join(', ')
  throw new HttpError(404, `there is no flow ${name}; this process has ${names}`)
}

/** Rejects while the flow does not run. */
export function runningFlow (context: ApiContext, name: string): FlowOperations {
  const { reason, state } = flowOf(context, name)
  const operations = context.mirror.operations(name)
  if (operations !== undefined) return operations
  throw new HttpError(503, `${name} does not run now (${reason ?? state}); the commands of ` +
    'Longhaul do not need a process')
}

export function momentOf ({ clock }: ApiContext): Moment {
  return { nowMs: clock.now(), monotonicMs: clock.monotonic() }
}

/** The task slots of a flow: while it does not run, those of its file. */
export function slotsOf ({ mirror }: ApiContext, name: string): number {
  const flow = mirror.config.flows.find(each => each.name === name)
  if (flow === undefined) throw new HttpError(404, `there is no flow ${name}`)
  return mirror.operations(name)?.report().slots ?? flow.settings['task.slots']
}

/** The status of an error that a change or a wait has met. */
export function httpErrorOf (thrown: unknown): HttpError {
  if (thrown instanceof HttpError) return thrown
  const error = ReplicatorError.from(thrown)
  const isRefusal = error.errorName === 'CONTROL_REFUSED' || error.errorName.startsWith('CONFIG_')
  const status = isRefusal
    ? 409
    : error.errorName === 'INTERNAL' ? 500 : 503
  return Object.assign(new HttpError(status, error.message), { name: error.errorName })
}
