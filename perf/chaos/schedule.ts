// When which fault affects which subject. Pure: a seed and the size of the set-up determine the
// schedule.
import { faultNames, faultRow, type FaultName, type FaultRow } from './fault-table.ts'
import type { Random } from '../../src/orchestrator/time/clock.ts'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { between, pick } from '../random.ts'

export type ClusterSide = 'source' | 'target'

export type Subject =
  | { readonly kind: 'process', readonly index: number }
  | { readonly kind: 'broker' | 'link', readonly side: ClusterSide, readonly broker: number }
  /** The broker is determined when the fault begins. */
  | { readonly kind: 'coordinator', readonly side: 'target' }
  | { readonly kind: 'topic' }

export interface PlannedFault {
  /** Since the start of the load. */
  readonly atMs: number
  readonly fault: FaultName
  readonly subject: Subject
  readonly lastsMs: number
}

export interface ScheduleSettings {
  readonly seed: number
  readonly durationMs: number
  readonly processes: number
  readonly brokers: number
  /** Time between the beginnings of two faults: minimum, maximum. */
  readonly gapMs: readonly [number, number]
  /** Whether the contender has Longhaul's policies. */
  readonly hasPolicies: boolean
}

// A killed broker needs this long to serve and to be in sync again.
const brokerRecoveryMs = 15_000
const processRecoveryMs = 4_000

/**
 * Faults overlap, but no two affect the same process or the same cluster at one time: with two of
 * three brokers down a cluster is stalled, and so is any mirror of it.
 */
export function planFaults (settings: ScheduleSettings): readonly PlannedFault[] {
  const random = createRandom(settings.seed)
  const busyUntilMs = new Map<string, number>()
  const planned: PlannedFault[] = []
  const [gapFrom, gapTo] = settings.gapMs
  const possible = faultNames.filter(name => isPossible(faultRow(name), settings))
  for (let atMs = between(random, gapFrom, gapTo); atMs < settings.durationMs;
    atMs += between(random, gapFrom, gapTo)) {
    const fault = pickWeighted(random, possible)
    const subject = pickSubject(random, fault, settings)
    const [from, to] = faultRow(fault).lastsMs
    const lastsMs = between(random, from, to)
    const key = lockOf(subject)
    if (atMs < (busyUntilMs.get(key) ?? 0)) continue
    const recoveryMs = subject.kind === 'process' ? processRecoveryMs : brokerRecoveryMs
    busyUntilMs.set(key, atMs + lastsMs + recoveryMs)
    planned.push({ atMs, fault, subject, lastsMs })
  }
  return planned
}

function isPossible (
  { needsPolicy, needsReplicas }: FaultRow, { brokers, hasPolicies }: ScheduleSettings
): boolean {
  return (brokers > 1 || needsReplicas !== true) && (hasPolicies || needsPolicy !== true)
}

/** The resource that only one fault at a time may use. */
export function lockOf (subject: Subject): string {
  switch (subject.kind) {
    case 'process': return `process ${subject.index}`
    case 'topic': return 'topic'
    default: return subject.side
  }
}

export function describeFault ({ atMs, fault, subject, lastsMs }: PlannedFault): string {
  const whom = describeSubject(subject)
  return `${(atMs / 1000).toFixed(1).padStart(7)} s  ${fault.padEnd(16)} ${whom}` +
    (lastsMs === 0 ? '' : `, ${(lastsMs / 1000).toFixed(1)} s`)
}

function describeSubject (subject: Subject): string {
  switch (subject.kind) {
    case 'process': return `mirror ${subject.index}`
    case 'topic': return 'source topic'
    case 'coordinator': return `${subject.side} coordinator`
    default: return `${subject.side} broker ${subject.broker}`
  }
}

function pickWeighted (random: Random, names: readonly FaultName[]): FaultName {
  const tickets = names.flatMap(name =>
    Array.from({ length: faultRow(name).weight }, () => name))
  return pick(random, tickets)
}

function pickSubject (
  random: Random, fault: FaultName, { processes, brokers }: ScheduleSettings
): Subject {
  const kind = faultRow(fault).subject
  if (kind === 'process') return { kind, index: between(random, 1, processes) }
  if (kind === 'topic') return { kind }
  if (kind === 'coordinator') return { kind, side: 'target' }
  const side = pick(random, ['source', 'target'] as const)
  return { kind, side, broker: between(random, 1, brokers) }
}
