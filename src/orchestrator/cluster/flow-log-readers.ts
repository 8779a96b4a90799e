// Readers of the logs of a flow on both clusters, for code that compares records.
import type { FlowConfig } from '../config/config.ts'
import type { Clock } from '../time/clock.ts'
import type { Isolation } from './cluster-admin.ts'
import { groupOf } from './flow-group.ts'
import { LogReader } from './log-reader.ts'

export type FlowLogReaders = readonly [ofSource: LogReader, ofTarget: LogReader]

/** Each reader connects for its first reading. `ofTarget`: the isolation level on the target. */
export function flowLogReaders (
  { name, settings, source, target }: FlowConfig, ofTarget: Isolation, clock: Clock
): FlowLogReaders {
  const common = { group: groupOf(name), standstillMs: settings['admin.timeout.ms'], clock }
  return [
    new LogReader({ ...common, client: source.admin, isolation: settings['isolation.level'] }),
    new LogReader({ ...common, client: target.admin, isolation: ofTarget })
  ]
}
