// Runs all checks of a flow side by side, each within a bounded time. A check that fails or has no
// result in that time is a finding of its own, and does not end the others.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { checkFlow, type FlowLook } from '../plan/flow-check.ts'
import { Deadline } from '../time/deadline.ts'
import { bandwidthCheck } from './bandwidth.ts'
import { certificatesCheck } from './certificates.ts'
import {
  seenIn, type Check, type CheckContext, type Finding, type Host, type Outage
} from './check.ts'
import { clocksCheck } from './clocks.ts'
import { descriptorsCheck } from './descriptors.ts'
import { permissionsCheck } from './permissions.ts'
import { retentionCheck } from './retention.ts'
import { measureRoundTrips, roundTripCheck } from './round-trip.ts'
import { socketBuffersCheck } from './socket-buffers.ts'
import { startCheck } from './start-check.ts'
import { topicSettingsCheck } from './topic-settings.ts'
import { versionsCheck } from './versions.ts'

/** In the order in which they are shown. */
export const checks: readonly Check[] = [
  startCheck, roundTripCheck, bandwidthCheck, versionsCheck, permissionsCheck, clocksCheck,
  retentionCheck, topicSettingsCheck, certificatesCheck, descriptorsCheck, socketBuffersCheck
]

/** Of one check, or of the measurements before all checks. */
const checkMsMax = 60_000

export interface NamedFinding extends Finding {
  readonly check: string
}

export interface Examination {
  readonly outage: Outage
  readonly host: Host
}

/** Rejects if the flow cannot be examined at all. */
export async function examineFlow (
  look: FlowLook, examination: Examination
): Promise<readonly NamedFinding[]> {
  const flow = await checkFlow(look)
  // Alone, because other requests would wait for the same connections.
  const roundTrips = await measureRoundTrips(look)
  const context: CheckContext = { ...look, ...examination, flow, roundTrips }
  const found = await Promise.all(checks.map(async check => await runCheck(check, context)))
  return found.flat()
}

export async function runCheck (
  { name, run }: Check, context: CheckContext, msMax = checkMsMax
): Promise<readonly NamedFinding[]> {
  const deadline = new Deadline(context.clock, msMax)
  const signal = AbortSignal.any([context.signal, deadline.signal])
  const unknown = (measured: string): readonly NamedFinding[] => [{
    check: name,
    severity: 'warning',
    about: context.config.name,
    measured,
    advice: 'Run the doctor again; the other checks are not affected'
  }]
  try {
    const findings = await deadline.bound((async () => await run({ ...context, signal }))())
    return findings === undefined
      ? unknown(`no result within ${msMax / 1000} s`)
      : findings.map(finding => ({ check: name, ...finding }))
  } catch (thrown) {
    context.signal.throwIfAborted()
    return unknown(seenIn(ReplicatorError.from(thrown)))
  } finally {
    deadline.cancel()
  }
}
