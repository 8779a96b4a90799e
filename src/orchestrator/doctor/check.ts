// A check of the doctor and what it finds. Each check measures in a bounded time, and a pure
// function of its file judges what was measured.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowCheck, FlowLook } from '../plan/flow-check.ts'
import type { RoundTrip } from './round-trip.ts'

export const severities = ['ok', 'note', 'warning', 'problem'] as const
export type Severity = (typeof severities)[number]

export interface Finding {
  readonly severity: Severity
  /** A cluster, a topic, or this machine. */
  readonly about: string
  readonly measured: string
  /** What to do; absent: nothing. */
  readonly advice?: string
}

export interface CheckContext extends FlowLook {
  readonly flow: FlowCheck
  /** Measured before the checks run, since their requests would delay each other. */
  readonly roundTrips: readonly RoundTrip[]
  readonly outage: Outage
  readonly host: Host
}

/** For how long a mirror may stand without losing records. */
export interface Outage {
  readonly ms: number
  /** The user asked for it: a shorter retention is then a problem. */
  readonly isChosen: boolean
}

/** The machine that the doctor runs on. */
export interface Host {
  /** The text of a file of /proc; undefined: there is no such file. */
  read (path: string): string | undefined
}

/** In a flow with more topics only the first are examined; the start check reports that. */
export const examinedTopicsMax = 500

export interface Check {
  readonly name: string
  readonly run: (context: CheckContext) => Promise<readonly Finding[]> | readonly Finding[]
}

/** The text of an error without its advice, which is a finding's own part. */
export function seenIn ({ detail, row }: ReplicatorError): string {
  return detail === '' ? row.text : `${row.text}: ${detail}`
}

/** `a, b, c and 4 more` */
export function listed (names: readonly string[], namedMax = 3): string {
  const more = names.length - namedMax
  return `${names.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
