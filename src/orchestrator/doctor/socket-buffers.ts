// How fast one connection can be: the smaller of the socket buffers at its two ends is what the
// connection sends in one round trip, whatever the line carries. And how the kernel reacts to loss.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { Side } from '../config/property-path.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { formatBytes } from '../observability/format.ts'
import type { Check, CheckContext, Finding, Host } from './check.ts'
import { farMs, milliseconds, roundTripOf } from './round-trip.ts'

export interface Window {
  readonly side: Side
  readonly cluster: string
  readonly roundTripMs: number
  /** The broker's buffer in the direction of the records; -1: the kernel chooses. */
  readonly brokerBytes: number | undefined
  /** The largest buffer that this machine's kernel chooses in that direction. */
  readonly hostBytes: number | undefined
  /** Connections over which the flow may carry the records of this side. */
  readonly connectionsMax: number
}

/** Payload for each byte that SO_SNDBUF sets: the kernel doubles it, and counts its overhead. */
const payloadOfSent = 2
/** Of what the kernel sets aside for received bytes, half holds payload (tcp_adv_win_scale=1). */
const payloadOfReceived = 0.5
const slowBytesPerSecond = 10_000_000
const noSwitch = 'socket.send.buffer.bytes=-1'

/** Pure. Undefined: neither buffer is known. */
export function bytesPerSecond (
  { brokerBytes, hostBytes, roundTripMs, side }: Window
): number | undefined {
  const ofBroker = brokerBytes === undefined || brokerBytes < 0
    ? Infinity
    : brokerBytes * (side === 'source' ? payloadOfSent : 1)
  const ofHost = (hostBytes ?? Infinity) * (side === 'source' ? payloadOfReceived : 1)
  const bytes = Math.min(ofBroker, ofHost)
  return bytes === Infinity ? undefined : bytes / roundTripMs * 1000
}

/** Pure. */
export function judgeWindow (window: Window): Finding {
  const { brokerBytes, cluster: about, connectionsMax, hostBytes, roundTripMs, side } = window
  const trip = `round trip ${milliseconds(roundTripMs)}`
  if (roundTripMs <= farMs) {
    return { severity: 'ok', about, measured: `${trip}: near, socket buffers do not matter` }
  }
  const rate = bytesPerSecond(window)
  const name = side === 'source' ? 'socket.send.buffer.bytes' : 'socket.receive.buffer.bytes'
  const kernel = side === 'source' ? 'net.ipv4.tcp_rmem' : 'net.ipv4.tcp_wmem'
  const known = `${name} of the brokers ${brokerBytes ?? 'unknown'}, ${kernel} up to ` +
    `${hostBytes ?? 'unknown'}`
  if (rate === undefined) {
    return {
      severity: 'note',
      about,
      measured: `${trip}, ${known}: the bound is unknown`,
      advice: `Grant DESCRIBE_CONFIGS on the cluster to look it up, or check ${name} yourself`
    }
  }
  const measured = `${trip}, ${known}: at most ${formatBytes(rate)}/s over one connection, ` +
    `${formatBytes(rate * connectionsMax)}/s over ${connectionsMax}`
  if (rate >= slowBytesPerSecond) return { severity: 'ok', about, measured }
  const isBroker = (brokerBytes ?? -1) >= 0 && (hostBytes ?? Infinity) > (brokerBytes ?? 0) * 2
  return {
    severity: 'note',
    about,
    measured,
    advice: isBroker
      ? `Set ${side === 'source' ? noSwitch : 'socket.receive.buffer.bytes=-1'} on the brokers ` +
        'if the line carries more: the kernel then chooses'
      : `Raise the last number of ${kernel} on this machine (sysctl) if the line carries more`
  }
}

/** Pure. `name` is of this machine, which sends to the target. */
export function judgeCongestion (
  name: string | undefined, targetMs: number | undefined
): readonly Finding[] {
  if (name === undefined) return []
  const measured = `congestion control ${name}`
  const isFar = (targetMs ?? 0) > farMs
  return isFar && name !== 'bbr'
    ? [{
        severity: 'note',
        about: 'this machine',
        measured: `${measured}, and the target is ${milliseconds(targetMs ?? 0)} away`,
        advice: 'On a long line with loss bbr is faster: sysctl net.ipv4.tcp_congestion_control=' +
          'bbr here, and on the brokers of the source if they are far'
      }]
    : [{ severity: 'ok', about: 'this machine', measured }]
}

/** The largest buffer in `min default max`. */
export function largestBuffer (text: string | undefined): number | undefined {
  const largest = Number(text?.trim().split(/\s+/)[2] ?? Number.NaN)
  return Number.isFinite(largest) ? largest : undefined
}

export const socketBuffersCheck: Check = {
  name: 'socket buffers',
  run: async context => {
    const windows = await Promise.all((['source', 'target'] as const).map(async side =>
      await windowOf(context, side)))
    const { host, roundTrips } = context
    return [
      ...windows.flatMap(window => window === undefined ? [] : [judgeWindow(window)]),
      ...judgeCongestion(host.read('/proc/sys/net/ipv4/tcp_congestion_control')?.trim(),
        roundTripOf(roundTrips, 'target'))
    ]
  }
}

async function windowOf (
  { clusters, config, host, roundTrips }: CheckContext, side: Side
): Promise<Window | undefined> {
  const roundTripMs = roundTripOf(roundTrips, side)
  const [broker] = clusters[`${side}Description`].brokers
  if (roundTripMs === undefined || broker === undefined) return undefined
  const { settings } = config
  const isSource = side === 'source'
  return {
    side,
    cluster: config[side].alias,
    roundTripMs,
    brokerBytes: await brokerBuffer(clusters[side], broker.id,
      isSource ? 'socket.send.buffer.bytes' : 'socket.receive.buffer.bytes'),
    hostBytes: hostBuffer(host, isSource ? 'tcp_rmem' : 'tcp_wmem'),
    connectionsMax: settings.lanes * (isSource ? settings['connections.per.broker.max'] : 1)
  }
}

export function hostBuffer (host: Host, name: string): number | undefined {
  return largestBuffer(host.read(`/proc/sys/net/ipv4/${name}`))
}

/** Undefined: the principal may not read the settings of brokers. */
export async function brokerBuffer (
  admin: ClusterAdmin, broker: number, name: string
): Promise<number | undefined> {
  try {
    const [described] = await admin.describeConfigs([{ type: 'broker', name: String(broker) }])
    const value = described?.entries.find(entry => entry.name === name)?.value
    return value === undefined || value === null ? undefined : Number(value)
  } catch (thrown) {
    if (!(thrown instanceof ReplicatorError)) throw thrown
    return undefined
  }
}
