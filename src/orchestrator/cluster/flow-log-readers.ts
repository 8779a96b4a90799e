// Readers of the logs of a flow on both clusters, for code that compares records.
import type { FlowConfig } from '../config/config.ts'
import type { Clock } from '../time/clock.ts'
import type { Isolation } from './cluster-admin.ts'
import { groupOf } from './flow-group.ts'
import { LogReader, type LogReaderOptions } from './log-reader.ts'

export type FlowLogReaders = readonly [ofSource: LogReader, ofTarget: LogReader]

/** Each reader connects for its first reading. `ofTarget`: the isolation level on the target. */
export function flowLogReaders (
  flow: FlowConfig, ofTarget: Isolation, clock: Clock
): FlowLogReaders {
  const { settings, source, target } = flow
  const common = commonOf(flow, clock)
  return [
    new LogReader({ ...common, client: source.admin, isolation: settings['isolation.level'] }),
    new LogReader({ ...common, client: target.admin, isolation: ofTarget })
  ]
}

/** Of the source, with the records of open and aborted transactions. */
export function uncommittedReader (flow: FlowConfig, clock: Clock): LogReader {
  return new LogReader(
    { ...commonOf(flow, clock), client: flow.source.admin, isolation: 'read_uncommitted' })
}

function commonOf (
  { name, settings }: FlowConfig, clock: Clock
): Pick<LogReaderOptions, 'group' | 'standstillMs' | 'clock'> {
  return { group: groupOf(name), standstillMs: settings['admin.timeout.ms'], clock }
}
