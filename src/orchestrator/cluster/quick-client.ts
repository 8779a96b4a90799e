// Settings with which clients of the control plane detect dead connections and brokers soon, unless
// the user has set them. On these connections, small requests are answered in milliseconds.
import type { ClientProperties } from '../config/client-properties.ts'
import { withoutTokenProperties } from './token-source.ts'

/**
 * A broker that hangs, or a connection that a firewall dropped, neither answers nor closes.
 * librdkafka closes a connection once a request on it is unanswered for `socket.timeout.ms`, 60 s
 * by default, which is longer than any session. With heartbeats every 2.5 s, and checks of the
 * clusters every 5 s, 10 s detect such a connection within 15 s. Requests of the admin client that
 * a controller may process for longer have separate time limits.
 */
export const unansweredMsMax = 10_000

/** Properties that the user set for the cluster take precedence. */
export function quickClientProperties (
  properties: ClientProperties, id: string
): ClientProperties {
  return {
    'client.id': id,
    'socket.timeout.ms': String(unansweredMsMax),
    'socket.connection.setup.timeout.ms': String(unansweredMsMax),
    'socket.keepalive.enable': 'true',
    'reconnect.backoff.max.ms': '2000',
    ...withoutTokenProperties(properties)
  }
}
