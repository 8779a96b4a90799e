// The duties of a flow for consumer groups. The owner of one slot has them for all groups, so each
// group is requested once, however many processes share the flow.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { Duty } from '../ownership/duties.ts'
import { GroupOffsetSync, type GroupOffsetSyncOptions } from './group-offset-sync.ts'

export interface GroupOffsetDutyOptions extends GroupOffsetSyncOptions {
  readonly slot: number
  readonly intervalMs: Duty['intervalMs']
  readonly onRefused: (error: ReplicatorError) => void
  readonly log: Log
}

/**
 * Texts that were logged are remembered; groups appear and disappear, each with different texts.
 */
const saidMax = 1_000
/** How many groups one line names. */
const namedMax = 10

export function groupOffsetDuty (options: GroupOffsetDutyOptions): Duty {
  const { intervalMs, log, onRefused, slot, target } = options
  const sync = new GroupOffsetSync(options)
  const say = logOnce(onRefused)
  const reported = new Set<string>()
  return {
    name: 'group offset sync',
    slot,
    intervalMs,
    run: async (_slot, signal) => {
      const { failures, moved, shareGroups } = await sync.syncOnce(signal)
      if (moved.length > 0) {
        log.debug({ groups: moved },
          `committed offsets of ${moved.length} consumer groups on ${target.cluster}`)
      }
      say(failures)
      const fresh = shareGroups.filter(name => !reported.has(name))
      if (fresh.length === 0 || reported.size >= saidMax) return
      for (const name of fresh) reported.add(name)
      log.info({ groups: fresh }, `share groups are not moved to ${target.cluster}: Kafka has no ` +
        `request for the records that they have acknowledged (${namesOf(fresh)})`)
    }
  }
}

function namesOf (groups: readonly string[]): string {
  const more = groups.length - namedMax
  return `${groups.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** A refused group must not slow down the others, so it does not fail the run. */
export function logOnce (
  onRefused: (error: ReplicatorError) => void
): (failures: readonly ReplicatorError[]) => void {
  let said = new Set<string>()
  return failures => {
    for (const failure of failures) {
      if (said.has(failure.message)) continue
      if (said.size >= saidMax) said = new Set()
      said.add(failure.message)
      onRefused(failure)
    }
  }
}
