// Logins that a cluster has refused. Clients that run share their pauses, but the control plane
// replaces clients: a new client with the same credentials waits as long as the old one would have.
import { createHash } from 'node:crypto'
import type { ClientProperties } from '../config/client-properties.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'

/** As in dataplane/kafka/login_gate.h, without jitter. */
const backoff = { initialMs: 1_000, maxMs: 5_000, jitter: 0 }

interface Refused {
  readonly error: ReplicatorError
  readonly refusals: number
  readonly untilMs: number
}

export class RefusedLogins {
  readonly #clock: Clock
  /** By a digest of servers and credentials: one entry for each login of the file. */
  readonly #refused = new Map<string, Refused>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Throws the error of the last refusal until the time for the next attempt has come. */
  mustTry (properties: ClientProperties): void {
    const refused = this.#refused.get(keyOf(properties))
    if (refused !== undefined && this.#clock.monotonic() < refused.untilMs) throw refused.error
  }

  refuse (properties: ClientProperties, error: ReplicatorError): void {
    const key = keyOf(properties)
    const before = this.#refused.get(key)
    const nowMs = this.#clock.monotonic()
    // A client that began before the other one was refused: the refusal is the same one.
    if (before !== undefined && nowMs < before.untilMs) return
    const refusals = (before?.refusals ?? 0) + 1
    const untilMs = nowMs + backoffDelayMs(backoff, refusals, () => 0)
    this.#refused.set(key, { error, refusals, untilMs })
  }

  accept (properties: ClientProperties): void { this.#refused.delete(keyOf(properties)) }
}

function keyOf (properties: ClientProperties): string {
  const login = Object.entries(properties).filter(([name]) =>
    name === 'bootstrap.servers' || /^(sasl|ssl|security)\./.test(name)).sort()
  return createHash('sha256').update(JSON.stringify(login)).digest('hex')
}
