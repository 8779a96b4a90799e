// How far the clocks of the clusters are from this machine's. The controller of a KRaft cluster
// tells its time (DescribeQuorum); no other request shows a clock unless it writes a record.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { formatSeconds } from '../observability/format.ts'
import { seenIn, type Check, type Finding } from './check.ts'

export interface ClockSkew {
  readonly cluster: string
  /** The controller's clock is ahead of this machine's by so much; undefined: unknown. */
  readonly aheadMs: number | undefined
  /** Half of the round trip: how wrong aheadMs may be. */
  readonly doubtMs: number
  readonly problem: string | undefined
}

const noteMs = 1_000
/** Logins by tokens and TLS tolerate minutes; figures in seconds are wrong from here on. */
const warningMs = 5_000

/** Pure. */
export function judgeClock ({ aheadMs, cluster, doubtMs, problem }: ClockSkew): Finding {
  if (aheadMs === undefined) {
    return {
      severity: 'note',
      about: cluster,
      measured: `clock unknown: ${problem}`,
      advice: 'Compare the clocks of brokers and this machine yourself (chronyc tracking)'
    }
  }
  const surelyMs = Math.max(0, Math.abs(aheadMs) - doubtMs)
  const measured = `the clock of the controller is ${formatSeconds(Math.abs(aheadMs) / 1000)} ` +
    `${aheadMs < 0 ? 'behind' : 'ahead of'} this machine's (+-${formatSeconds(doubtMs / 1000)})`
  if (surelyMs < noteMs) return { severity: 'ok', about: cluster, measured }
  return {
    severity: surelyMs < warningMs ? 'note' : 'warning',
    about: cluster,
    measured,
    advice: 'Synchronise the clocks (NTP): lag and latency in seconds and the age of heartbeats ' +
      'are wrong by that much, and a broker may delete records too early or refuse their timestamps'
  }
}

export const clocksCheck: Check = {
  name: 'clocks',
  run: async ({ clock, clusters, config }) => await Promise.all(
    (['source', 'target'] as const).map(async side => {
      const cluster = config[side].alias
      const [broker] = clusters[`${side}Description`].brokers
      const unknown = { cluster, aheadMs: undefined, doubtMs: 0 }
      if (broker === undefined) return judgeClock({ ...unknown, problem: 'no broker is known' })
      try {
        // The first request opens the connection.
        await clusters[side].controllerTime(broker.id)
        const beganMs = clock.now()
        const { timeMs } = await clusters[side].controllerTime(broker.id)
        const endedMs = clock.now()
        return judgeClock({
          cluster,
          aheadMs: timeMs - (beganMs + endedMs) / 2,
          doubtMs: (endedMs - beganMs) / 2,
          problem: undefined
        })
      } catch (thrown) {
        return judgeClock({ ...unknown, problem: seenIn(ReplicatorError.from(thrown)) })
      }
    }))
}
