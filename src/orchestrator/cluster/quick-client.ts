// Settings with which clients of the control plane find dead connections and brokers soon, where
// the user has set none: connections on which small requests are answered in milliseconds.
import type { ClientProperties } from '../config/client-properties.ts'
import { withoutTokenProperties } from './token-source.ts'

/**
 * A broker that hangs, or a connection that a firewall forgot, answers nothing and closes nothing.
 * librdkafka closes a connection once a request on it is unanswered for `socket.timeout.ms`, 60 s
 * by default, which is longer than any session. With heartbeats each 2.5 s, and looks at the
 * clusters each 5 s, 10 s find such a connection within 15 s. Requests of the admin client that a
 * controller may work on for longer have time limits of their own.
 */
export const unansweredMsMax = 10_000

/** What the user wrote for the cluster wins. */
export function quickClientProperties (client: ClientProperties, id: string): ClientProperties {
  return {
    'client.id': id,
    'socket.timeout.ms': String(unansweredMsMax),
    'socket.connection.setup.timeout.ms': String(unansweredMsMax),
    'socket.keepalive.enable': 'true',
    'reconnect.backoff.max.ms': '2000',
    ...withoutTokenProperties(client)
  }
}
