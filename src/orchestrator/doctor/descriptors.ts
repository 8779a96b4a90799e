// Whether the process may open as many files and sockets as the flow needs.
import type { Check, CheckContext, Finding } from './check.ts'

export interface Descriptors {
  /** Of this process; Infinity: unlimited, undefined: unknown. */
  readonly limit: number | undefined
  readonly sourceBrokers: number
  readonly targetBrokers: number
  readonly lanes: number
  readonly connectionsMax: number
  /** Flows of the file, which one process runs. */
  readonly flows: number
}

/** Node, the log, files of certificates, clients of the API. */
const ofProcess = 100
/** Clients of the control plane: two admin clients, group, progress, duties, log readers. */
const controlClients = 8

/** An upper bound: each lane has its connections to all brokers of both clusters. */
export function neededDescriptors (
  { connectionsMax, flows, lanes, sourceBrokers, targetBrokers }: Omit<Descriptors, 'limit'>
): number {
  const ofLane = sourceBrokers * (1 + connectionsMax) + 2 * targetBrokers
  return ofProcess + flows * (lanes * ofLane + controlClients * (sourceBrokers + targetBrokers))
}

/** Pure. */
export function judgeDescriptors (measured: Descriptors): Finding {
  const needed = neededDescriptors(measured)
  const { limit } = measured
  const about = 'this machine'
  if (limit === undefined) {
    return { severity: 'note', about, measured: `limit unknown, up to ${needed} are needed` }
  }
  const text = `up to ${needed} of ${limit === Infinity ? 'unlimited' : limit} file descriptors ` +
    'are needed (limit of this shell)'
  return limit >= needed
    ? { severity: 'ok', about, measured: text }
    : {
        severity: 'problem',
        about,
        measured: text,
        advice: `Raise the limit to ${2 * needed}: LimitNOFILE of the service, or ulimit -n`
      }
}

/** The soft limit; undefined: the file of the system has no such line. */
export function openFilesLimit (limits: string | undefined): number | undefined {
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '') ?? []
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Infinity : Number(soft)
}

export const descriptorsCheck: Check = {
  name: 'file descriptors',
  run: ({ clusters, config: { settings }, flows, host }: CheckContext) => [judgeDescriptors({
    limit: openFilesLimit(host.read('/proc/self/limits')),
    sourceBrokers: clusters.sourceDescription.brokers.length,
    targetBrokers: clusters.targetDescription.brokers.length,
    lanes: settings.lanes,
    connectionsMax: settings['connections.per.broker.max'],
    flows: flows.length
  })]
}
