// How long a request and its answer need between this machine and each broker.
import { chunks } from '../cluster/chunks.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { Side } from '../config/property-path.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { formatSeconds } from '../observability/format.ts'
import type { FlowLook } from '../plan/flow-check.ts'
import { listed, type Check, type Finding } from './check.ts'

export interface RoundTrip {
  readonly side: Side
  readonly cluster: string
  readonly broker: number
  /** The shortest of some; undefined: no answer. */
  readonly ms: number | undefined
  readonly problem: string | undefined
}

/** The first answer needs a connection; of the others the shortest was delayed least. */
const requests = 5
const answerMsMax = 5_000
/** Brokers of one cluster; of more brokers the first are measured. */
export const measuredBrokersMax = 12
/** As many calls as a client runs at the same time. */
const atOnce = 4
/** Below this no window bounds a connection. */
export const farMs = 5

export async function measureRoundTrips (
  { clock, clusters, config, signal }: FlowLook
): Promise<readonly RoundTrip[]> {
  const measure = async (side: Side): Promise<readonly RoundTrip[]> => {
    const admin = clusters[side]
    const { brokers } = clusters[`${side}Description`]
    const found: RoundTrip[] = []
    for (const some of chunks(brokers.slice(0, measuredBrokersMax), atOnce)) {
      found.push(...await Promise.all(some.map(async ({ id }) => {
        signal.throwIfAborted()
        const measured = await shortest(admin, id, clock.monotonic.bind(clock))
        return { side, cluster: config[side].alias, broker: id, ...measured }
      })))
    }
    return found
  }
  return (await Promise.all([measure('source'), measure('target')])).flat()
}

async function shortest (
  admin: ClusterAdmin, broker: number, nowMs: () => number
): Promise<Pick<RoundTrip, 'ms' | 'problem'>> {
  let best: number | undefined
  try {
    for (let i = 0; i < requests; i++) {
      const beganMs = nowMs()
      await admin.describeCluster({ broker, timeoutMs: answerMsMax })
      const ms = nowMs() - beganMs
      if (i > 0) best = Math.min(best ?? ms, ms)
    }
    return { ms: best, problem: undefined }
  } catch (thrown) {
    return { ms: best, problem: ReplicatorError.from(thrown).message }
  }
}

export function roundTripOf (trips: readonly RoundTrip[], side: Side): number | undefined {
  const known = trips.flatMap(trip => trip.side === side && trip.ms !== undefined ? trip.ms : [])
    .toSorted((one, other) => one - other)
  return known[Math.floor((known.length - 1) / 2)]
}

/** Pure. */
export function judgeRoundTrips (trips: readonly RoundTrip[]): readonly Finding[] {
  const [source, target] = [roundTripOf(trips, 'source'), roundTripOf(trips, 'target')]
  const clusters = [...new Set(trips.map(({ cluster }) => cluster))]
  const isOnWrongSide = source !== undefined && target !== undefined && target > farMs &&
    target > 2 * source
  return [
    ...clusters.flatMap((cluster): readonly Finding[] => {
      const own = trips.filter(trip => trip.cluster === cluster)
      const known = own.flatMap(({ ms }) => ms ?? [])
      return known.length === 0
        ? []
        : [{
            severity: 'ok',
            about: cluster,
            measured: `${milliseconds(Math.min(...known))} to ` +
              `${milliseconds(Math.max(...known))} to ${known.length} ` +
              (known.length === 1 ? 'broker' : 'brokers')
          }]
    }),
    ...trips.flatMap(({ broker, cluster, problem }): readonly Finding[] => problem === undefined
      ? []
      : [{
          severity: 'problem',
          about: `broker ${broker} of ${cluster}`,
          measured: problem,
          advice: 'Let this machine reach every broker at its advertised address: partitions ' +
            'that this broker leads cannot be mirrored'
        }]),
    ...isOnWrongSide
      ? [{
          severity: 'note' as const,
          about: listed(clusters),
          measured: `${milliseconds(target)} to the target, ${milliseconds(source)} to the source`,
          advice: 'Run Longhaul beside the target: to read over the long line is cheaper than to ' +
            'write over it'
        }]
      : []
  ]
}

export function milliseconds (ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)}ms` : formatSeconds(ms / 1000)
}

export const roundTripCheck: Check = {
  name: 'round trip',
  run: ({ roundTrips }) => judgeRoundTrips(roundTrips)
}
