// Whether the send buffer of the source brokers is what bounds each connection, and how many
// connections would do without that bound. Pure.
import { bytesPerSecond } from '../doctor/socket-buffers.ts'
import { farMs } from '../doctor/round-trip.ts'
import { formatBytes } from '../observability/format.ts'

export interface SendBuffer {
  /** socket.send.buffer.bytes of a source broker; -1: its kernel chooses; undefined: not known. */
  readonly brokerBytes: number | undefined
  /** The largest receive buffer that the kernel of this machine chooses. */
  readonly hostBytes: number | undefined
  readonly roundTripMs: number
  /** Measured over one connection, and what the chosen settings mirror. */
  readonly connectionRate: number
  readonly chosenRate: number
  readonly connections: number
  readonly lanes: number
}

/** With two connections a lane, one passes records between two answers of the other. */
const connectionsMin = 2
/** The kernel doubles the buffer that a broker sets, and a part of it may hold no records. */
const boundTolerance = 3

/** Undefined: the buffer of the broker is not what bounds a connection, or it costs nothing. */
export function explainSendBuffer (
  { brokerBytes, chosenRate, connectionRate, connections, hostBytes, lanes, roundTripMs }:
  SendBuffer
): string | undefined {
  if (brokerBytes === undefined || brokerBytes < 0 || roundTripMs <= farMs) return undefined
  const windowBytes = connectionRate * roundTripMs / 1000
  if (windowBytes > boundTolerance * brokerBytes || connections <= connectionsMin) return undefined
  const free = bytesPerSecond({
    side: 'source', cluster: '', roundTripMs, brokerBytes: -1, hostBytes, connectionsMax: 1
  })
  const bound = `socket.send.buffer.bytes=${brokerBytes} of the source brokers bounds each ` +
    `connection to ${formatBytes(connectionRate)}/s`
  if (free === undefined || free <= connectionRate) return bound
  const needed = Math.max(connectionsMin * lanes, Math.ceil(chosenRate / free))
  return `${bound}; with -1 their kernels choose the buffer, and ${needed} connections in all ` +
    'would do'
}
